"""A language of loops and vectors for kernels: Python code that writes LLVM instructions.

A kernel is a Python function over a `Code`. What it does with Python numbers happens once, while the instructions are
written: a Python loop over 6 rows writes its body six times (this unrolls it), a Python `if` picks one way. What it
does with the values of this module happens when the compiled kernel runs: `Int`, a whole number; `Vector`, as many
float32 numbers as a register holds; `IntVector`, as many whole numbers of 32 bits; `Pointer`, a place among numbers of
32 bits; `Variable`, a register whose value changes.

    code = Code("scale", lanes=16)
    x, y, factor = code.pointers(3)
    (n,) = code.integers(1)
    f = factor.broadcast()
    first, last = code.share(n)                          # the vectors of this part
    for i in code.range(first, last):                    # one loop in the compiled kernel
        (y + i * 16).store((x + i * 16).load() * f)

`for i in code.range(n)` runs its body once, with a number that stands for every i: the loop is written around it.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Iterator
from typing import Any

from llvmlite import ir

from tinynet.kernels.cpu.codegen.values import (
    F32,
    F64,
    I32,
    I64,
    POINTER,
    Int,
    IntVector,
    Number,
    Pointer,
    Variable,
    Vector,
    Wide,
    splat,
)

__all__ = [
    "F32",
    "F64",
    "I32",
    "I64",
    "POINTER",
    "Code",
    "Int",
    "IntVector",
    "Number",
    "Pointer",
    "Variable",
    "Vector",
    "Wide",
]


class Code:
    """One kernel in the making: void kernel(thread, part, parts, arguments), arguments an array of 64-bit words.

    It is called once for every part, by whatever thread is free: results must depend on the part alone, and memory that
    belongs to a thread holds nothing from one part to the next.

    Args:    name: of the function; lanes: float32 numbers in a vector
    """

    def __init__(self, name: str, lanes: int) -> None:
        self.name, self.lanes = name, lanes
        self.module = ir.Module(name)
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [I64, I64, I64, POINTER]), name)
        self.entry = function.append_basic_block("entry")
        body = function.append_basic_block("body")
        self.entry_end = ir.IRBuilder(self.entry)
        self.entry_end.branch(body)
        self.builder = ir.IRBuilder(body)
        thread, part, parts, self._arguments = function.args
        self.thread, self.part, self.parts = (Int(self, number) for number in (thread, part, parts))
        self.vector_type = ir.VectorType(F32, lanes)
        self.zero = Vector(self, ir.Constant(self.vector_type, [0.0] * lanes))
        self._taken = 0

    # What the kernel is given

    def _argument(self, kind: Any) -> Any:
        place = self.builder.gep(self._arguments, [ir.Constant(I64, self._taken)], source_etype=I64)
        self._taken += 1
        return self.builder.load(place, typ=kind)

    def pointers(self, count: int) -> list[Pointer]:
        """Take the next arguments as places of float32 numbers."""
        return [Pointer(self, self._argument(POINTER)) for _ in range(count)]

    def integers(self, count: int) -> list[Int]:
        """Take the next arguments as whole numbers."""
        return [Int(self, self._argument(I64)) for _ in range(count)]

    def share(self, items: Number) -> tuple[Int, Int]:
        """Return the first and the end of this part's share of range(items)."""
        count = self.int(items)
        return count * self.part // self.parts, count * (self.part + 1) // self.parts

    def is_last_part(self) -> Any:
        """Return whether this is the last part, which takes what does not fill a share."""
        return (self.part + 1).equals(self.parts)

    # Control

    def range(self, *bounds: Number) -> Iterator[Int]:
        """Write a loop over range(stop), range(start, stop) or range(start, stop, step > 0)."""
        start, stop, step = [
            *(self.int(b) for b in (bounds if len(bounds) > 1 else (0, *bounds))),
            self.int(1),
        ][:3]
        builder, before = self.builder, self.builder.block
        body, after = builder.append_basic_block("loop"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed("<", start.value, stop.value), body, after)
        builder.position_at_end(body)
        i = builder.phi(I64)
        i.add_incoming(start.value, before)
        yield Int(self, i)
        following = builder.add(i, step.value)
        i.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, stop.value), body, after)
        builder.position_at_end(after)

    @contextlib.contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Write a block that runs where the condition, a comparison of whole numbers, holds."""
        builder = self.builder
        inside, after = builder.append_basic_block("then"), builder.append_basic_block("after")
        builder.cbranch(condition, inside, after)
        builder.position_at_end(inside)
        yield
        builder.branch(after)
        builder.position_at_end(after)

    def finish(self) -> str:
        """End the kernel, and return it as LLVM's text."""
        self.builder.ret_void()
        return str(self.module)

    # Values

    def buffer(self, floats: builtins.int) -> Pointer:
        """Return memory of a few float32 numbers that lives as long as the kernel runs, aligned to a cache line."""
        builder = ir.IRBuilder(self.entry)
        builder.position_before(self.entry.terminator)
        place = builder.alloca(ir.ArrayType(F32, floats))
        place.align, place.type = 64, POINTER
        return Pointer(self, place)

    def int(self, value: Number) -> Int:
        """Return a whole number as a value."""
        return value if isinstance(value, Int) else Int(self, ir.Constant(I64, value))

    def wide(self, number: Int) -> Wide:
        """Return a whole number in every lane, in double precision."""
        scalar = self.builder.sitofp(number.value, F64)
        return Wide(self, splat(self.builder, scalar, F64, self.lanes))

    def constant(self, number: float) -> Vector:
        """Return a vector of one number everywhere."""
        return Vector(self, ir.Constant(self.vector_type, [float(number)] * self.lanes))

    def variable(self, initial: Vector | IntVector | Wide | Int | Pointer) -> Variable:
        """Return a register that can be given new values."""
        return Variable(self, initial)

    def first_lanes(self, count: Int) -> Any:
        """Return the mask of the first `count` lanes; all of them if count is larger."""
        builder, whole = self.builder, ir.VectorType(I64, self.lanes)
        numbers = ir.Constant(whole, list(range(self.lanes)))
        return builder.icmp_signed("<", numbers, splat(builder, count.value, I64, self.lanes))

    def fma(self, a: Vector, b: Vector, c: Vector) -> Vector:
        """Return a * b + c, rounded once where the CPU has an instruction for it."""
        return Vector(self, self.intrinsic("fmuladd", self.vector_type, a.value, b.value, c.value))

    def intrinsic(self, name: str, result: Any, *arguments: Any, element: str = "f32") -> Any:
        """Call LLVM's function of that name for vectors of this element type."""
        full = f"llvm.{name}.v{self.lanes}{element}" + (".p0" if name.startswith("masked") else "")
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self.module.globals.get(full) or ir.Function(self.module, kind, full)
        return self.builder.call(function, arguments)
