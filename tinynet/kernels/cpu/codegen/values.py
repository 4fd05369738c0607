"""What kernels compute with: numbers, vectors and places in memory, known when the kernel runs (see language.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from llvmlite import ir

if TYPE_CHECKING:
    from tinynet.kernels.cpu.codegen.language import Code

I1, I32, I64, F32, F64 = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.DoubleType()
POINTER = ir.PointerType()

Number = Union[int, "Int"]


def splat(builder: ir.IRBuilder, scalar: Any, kind: Any, lanes: int) -> Any:
    """Return a vector of one number everywhere."""
    vector = ir.VectorType(kind, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(I32, 0))
    first = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), first)


class Int:
    """A whole number of 64 bits that is known when the kernel runs."""

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    def _binary(self, operation: str, a: Number, b: Number) -> Int:
        x, y = self.code.int(a), self.code.int(b)
        return Int(self.code, getattr(self.code.builder, operation)(x.value, y.value))

    def __add__(self, other: Number) -> Int:
        return self if isinstance(other, int) and other == 0 else self._binary("add", self, other)

    def __mul__(self, other: Number) -> Int:
        return self if isinstance(other, int) and other == 1 else self._binary("mul", self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Number) -> Int:
        return self._binary("sub", self, other)

    def __rsub__(self, other: Number) -> Int:
        return self._binary("sub", other, self)

    def __floordiv__(self, other: Number) -> Int:
        """Divide a number that is not negative."""
        return self._binary("sdiv", self, other)

    def __mod__(self, other: Number) -> Int:
        """Return the rest of dividing a number that is not negative."""
        return self._binary("srem", self, other)

    def __lt__(self, other: Number) -> Any:
        return self.code.builder.icmp_signed("<", self.value, self.code.int(other).value)

    def __ge__(self, other: Number) -> Any:
        return self.code.builder.icmp_signed(">=", self.value, self.code.int(other).value)

    def equals(self, other: Number) -> Any:
        """Compare; == would be Python's own."""
        return self.code.builder.icmp_signed("==", self.value, self.code.int(other).value)

    def minimum(self, other: Number) -> Int:
        """Return the smaller."""
        chosen = self.code.builder.select(self < other, self.value, self.code.int(other).value)
        return Int(self.code, chosen)

    def maximum(self, other: Number) -> Int:
        """Return the larger."""
        chosen = self.code.builder.select(self < other, self.code.int(other).value, self.value)
        return Int(self.code, chosen)

    def where(self, condition: Any, other: Number) -> Int:
        """Return this number where a comparison holds, else the other."""
        return Int(self.code, self.code.builder.select(condition, self.value, self.code.int(other).value))

    def broadcast(self) -> IntVector:
        """Return a vector of this number, of its lower 32 bits, everywhere."""
        builder = self.code.builder
        return IntVector(self.code, splat(builder, builder.trunc(self.value, I32), I32, self.code.lanes))


class Pointer:
    """A place among float32 numbers, or whole numbers of 32 bits; adding a number moves it by so many of them."""

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    def __add__(self, floats: Number) -> Pointer:
        if isinstance(floats, int) and floats == 0:
            return self
        place = self.code.builder.gep(self.value, [self.code.int(floats).value], source_etype=F32)
        return Pointer(self.code, place)

    def where(self, condition: Any, other: Pointer) -> Pointer:
        """Return this place where a comparison holds, else the other."""
        return Pointer(self.code, self.code.builder.select(condition, self.value, other.value))

    def load(self, mask: Any = None) -> Vector:
        """Return the vector that lies here; of a mask, zeros where it does not hold, whose memory is not touched."""
        code, kind = self.code, self.code.vector_type
        if mask is None:
            return Vector(code, code.builder.load(self.value, typ=kind, align=4))
        loaded = code.intrinsic("masked.load", kind, self.value, ir.Constant(I32, 4), mask, code.zero.value)
        return Vector(code, loaded)

    def load_integers(self, mask: Any = None) -> IntVector:
        """Return the vector of whole numbers that lies here; zeros where a mask does not hold."""
        code, kind = self.code, ir.VectorType(I32, self.code.lanes)
        if mask is None:
            return IntVector(code, code.builder.load(self.value, typ=kind, align=4))
        rest = ir.Constant(kind, [0] * code.lanes)
        loaded = code.intrinsic(
            "masked.load", kind, self.value, ir.Constant(I32, 4), mask, rest, element="i32"
        )
        return IntVector(code, loaded)

    def store(self, vector: Vector | IntVector, mask: Any = None) -> None:
        """Write a vector here, or only its lanes where the mask holds."""
        code = self.code
        if mask is None:
            code.builder.store(vector.value, self.value, align=4)
            return
        arguments = (vector.value, self.value, ir.Constant(I32, 4), mask)
        code.intrinsic("masked.store", ir.VoidType(), *arguments, element=vector.element)

    def broadcast(self) -> Vector:
        """Return a vector of the one number that lies here."""
        builder = self.code.builder
        scalar = builder.load(self.value, typ=F32, align=4)
        return Vector(self.code, splat(builder, scalar, F32, self.code.lanes))

    def prefetch(self, *, write: bool = False) -> None:
        """Ask for the cache line that lies here to be brought into the L2 cache, to be read or to be written.

        Any address will do: what is not the process's own is left alone.
        """
        module = self.code.module
        kind = ir.FunctionType(ir.VoidType(), [POINTER, I32, I32, I32])
        function = module.globals.get("llvm.prefetch.p0") or ir.Function(module, kind, "llvm.prefetch.p0")
        level, data = 2, 1  # of LLVM's three levels and two kinds of cache
        self.code.builder.call(
            function, [self.value, *(ir.Constant(I32, n) for n in (int(write), level, data))]
        )

    def copy_number(self, target: Pointer) -> None:
        """Copy the one number that lies here."""
        builder = self.code.builder
        builder.store(builder.load(self.value, typ=F32, align=4), target.value, align=4)

    def integer(self, index: Number) -> Int:
        """Return the index-th 64-bit whole number from here: an entry of a table."""
        builder = self.code.builder
        place = builder.gep(self.value, [self.code.int(index).value], source_etype=I64)
        return Int(self.code, builder.load(place, typ=I64))

    def pointer(self, index: Number) -> Pointer:
        """Return the place whose address is the index-th 64-bit word from here."""
        return Pointer(self.code, self.code.builder.inttoptr(self.integer(index).value, POINTER))


class Vector:
    """Float32 numbers side by side in one register."""

    element = "f32"

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    def _of(self, other: Vector | float) -> Any:
        return other.value if isinstance(other, Vector) else self.code.constant(other).value

    def __add__(self, other: Vector | float) -> Vector:
        return Vector(self.code, self.code.builder.fadd(self.value, self._of(other)))

    def __sub__(self, other: Vector | float) -> Vector:
        return Vector(self.code, self.code.builder.fsub(self.value, self._of(other)))

    def __mul__(self, other: Vector | float) -> Vector:
        return Vector(self.code, self.code.builder.fmul(self.value, self._of(other)))

    def __truediv__(self, other: Vector | float) -> Vector:
        return Vector(self.code, self.code.builder.fdiv(self.value, self._of(other)))

    __radd__, __rmul__ = __add__, __mul__

    def __gt__(self, other: Vector | float) -> Any:
        """Compare lane by lane: a mask; nothing is greater than NaN, nor NaN than anything."""
        return self.code.builder.fcmp_ordered(">", self.value, self._of(other))

    def not_at_most(self, other: Vector | float) -> Any:
        """Compare lane by lane: a mask that holds where this is greater, or where either is NaN."""
        return self.code.builder.fcmp_unordered(">", self.value, self._of(other))

    def is_nan(self) -> Any:
        """Compare lane by lane: a mask that holds where this is NaN."""
        return self.code.builder.fcmp_unordered("uno", self.value, self.value)

    def where(self, mask: Any, other: Vector | float) -> Vector:
        """Return this where the mask holds, else the other."""
        return Vector(self.code, self.code.builder.select(mask, self.value, self._of(other)))

    def wide(self) -> Wide:
        """Return the same numbers in double precision."""
        kind = ir.VectorType(F64, self.code.lanes)
        return Wide(self.code, self.code.builder.fpext(self.value, kind))

    def square_root(self) -> Vector:
        """Return the square root of every lane."""
        return Vector(self.code, self.code.intrinsic("sqrt", self.code.vector_type, self.value))


class IntVector:
    """Whole numbers of 32 bits side by side in one register, one beside each float32 number of a Vector."""

    element = "i32"

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    def equals(self, other: IntVector) -> Any:
        """Compare lane by lane: a mask."""
        return self.code.builder.icmp_signed("==", self.value, other.value)

    def where(self, mask: Any, other: IntVector) -> IntVector:
        """Return this where the mask holds, else the other."""
        return IntVector(self.code, self.code.builder.select(mask, self.value, other.value))


class Wide:
    """As many numbers of double precision as a vector has lanes: for sums of sums, and what is computed of them."""

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    def _of(self, other: Wide | float) -> Any:
        if isinstance(other, Wide):
            return other.value
        return ir.Constant(ir.VectorType(F64, self.code.lanes), [float(other)] * self.code.lanes)

    def __add__(self, other: Wide | float) -> Wide:
        return Wide(self.code, self.code.builder.fadd(self.value, self._of(other)))

    def __sub__(self, other: Wide | float) -> Wide:
        return Wide(self.code, self.code.builder.fsub(self.value, self._of(other)))

    def __mul__(self, other: Wide | float) -> Wide:
        return Wide(self.code, self.code.builder.fmul(self.value, self._of(other)))

    def __truediv__(self, other: Wide | float) -> Wide:
        return Wide(self.code, self.code.builder.fdiv(self.value, self._of(other)))

    def __neg__(self) -> Wide:
        return self * -1.0

    def at_least(self, low: float) -> Wide:
        """Return the larger of each number and `low`; NaN stays NaN."""
        small = self.code.builder.fcmp_ordered("<", self.value, self._of(low))
        return Wide(self.code, self.code.builder.select(small, self._of(low), self.value))

    def square_root(self) -> Wide:
        """Return the square roots."""
        kind = self.value.type
        name = f"llvm.sqrt.v{self.code.lanes}f64"
        function = self.code.module.globals.get(name) or ir.Function(
            self.code.module, ir.FunctionType(kind, [kind]), name
        )
        return Wide(self.code, self.code.builder.call(function, [self.value]))

    def narrow(self) -> Vector:
        """Return the numbers rounded to float32."""
        return Vector(self.code, self.code.builder.fptrunc(self.value, self.code.vector_type))


class Variable:
    """A register whose value changes, in loops above all. LLVM's mem2reg makes a true register of it."""

    def __init__(self, code: Code, initial: Vector | IntVector | Wide | Int | Pointer) -> None:
        self.code, self.kind = code, type(initial)
        builder = ir.IRBuilder(code.entry)
        builder.position_before(code.entry.terminator)
        self.place = builder.alloca(initial.value.type)
        self.set(initial)

    def get(self) -> Any:
        """Return the value it has now."""
        return self.kind(self.code, self.code.builder.load(self.place, typ=self.place.allocated_type))

    def set(self, value: Vector | IntVector | Wide | Int | Pointer) -> None:
        """Give it another value."""
        self.code.builder.store(value.value, self.place)
