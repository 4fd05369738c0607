"""Comparisons, logic on bools and bits, and choices between two sides, with broadcasting."""

from __future__ import annotations

import operator
from typing import Any

from tinynet.autograd import Function
from tinynet.backend import array_module
from tinynet.ops.promotion import array_of, check_broadcast, check_tensors, fit, operands, shape_of
from tinynet.ops.reduce import sum_to
from tinynet.tensor import Tensor

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "le",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "maximum",
    "minimum",
    "ne",
    "not_equal",
    "where",
]


class Where(Function):
    """x where the condition holds, else y."""

    @staticmethod
    def forward(ctx: Any, condition: Tensor, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(condition)
        ctx.shapes = shape_of(x), shape_of(y)
        return Tensor(array_module(condition.array).where(condition.array, array_of(x), array_of(y)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (condition,) = ctx.saved_tensors
        _, need_x, need_y = ctx.needs_input_grad
        shape_x, shape_y = ctx.shapes
        zero = grad.array.dtype.type(0)
        return (
            None,
            sum_to(Where.apply(condition, grad, zero), shape_x) if need_x else None,
            sum_to(Where.apply(condition, zero, grad), shape_y) if need_y else None,
        )


class Extremum(Function):
    """The larger (maximum) or smaller of x and y; equal ones share the gradient, NaN wins and takes it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, largest: bool) -> Tensor:
        a, b = x.array, y.array
        xp = array_module(a, b)
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            lost = operator.lt if largest else operator.gt
            share = xp.where(a == b, a.dtype.type(0.5), a.dtype.type(1))
            ctx.save_for_backward(Tensor(share * ~lost(a, b)), Tensor(share * ~lost(b, a)))
            ctx.shapes = a.shape, b.shape
        return Tensor(xp.maximum(a, b) if largest else xp.minimum(a, b))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        shares = zip(ctx.saved_tensors, ctx.shapes, ctx.needs_input_grad[:2], strict=True)
        return (*(sum_to(grad * share, shape) if need else None for share, shape, need in shares), None)


class Clamp(Function):
    """x limited to [low, high], numbers or None; the gradient passes where x lies within, the ends included."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: Any, high: Any) -> Tensor:
        a = x.array
        xp = array_module(a)
        y, inside = a, None
        for limit, function, relation in ((low, xp.maximum, operator.ge), (high, xp.minimum, operator.le)):
            if limit is not None:
                y = function(y, a.dtype.type(limit))
                within = relation(a, limit)
                inside = within if inside is None else inside & within
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(Tensor(inside))
        return Tensor(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return Where.apply(inside, grad, grad.array.dtype.type(0)), None, None


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Return input where the condition (bool) holds, else other; all three broadcast.

    With the condition alone, the indices where it holds: a tuple of tensors, one an axis.

    Raises:  RuntimeError: the condition is not bool, or the shapes do not broadcast
             TypeError: only one of input and other is given, or one is neither a Tensor nor a number
    """
    if input is None and other is None:
        from tinynet.ops.gathering import nonzero

        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where() takes the condition alone, or both input and other")
    if condition.array.dtype.kind != "b":
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        _check_side("where", input, other)
        x, y = operands(input, other)
        # A bare number would meet the other side in float64: give it the tensor's dtype.
        x, y = (v if isinstance(v, Tensor) else o.array.dtype.type(v) for v, o in ((x, y), (y, x)))
    else:
        from tinynet.ops.values import tensor

        x, y = operands(tensor(input), tensor(other))
    for side in (x, y):
        check_broadcast(condition.array.shape, shape_of(side))
    return Where.apply(condition, x, y)


def _check_side(name: str, x: Any, y: Any) -> None:
    """Refuse, beside a tensor of whole numbers, a whole number that its dtype cannot hold.

    Raises:  RuntimeError
    """
    tensor, number = (x, y) if isinstance(x, Tensor) else (y, x)
    fit(name, number, tensor.array.dtype)


def maximum(input: Tensor, other: Tensor) -> Tensor:
    """Return the larger of two elements; NaN if one is."""
    return Extremum.apply(*_tensors("maximum", input, other), True)


def minimum(input: Tensor, other: Tensor) -> Tensor:
    """Return the smaller of two elements; NaN if one is."""
    return Extremum.apply(*_tensors("minimum", input, other), False)


def _tensors(function: str, input: Any, other: Any) -> tuple[Any, Any]:
    check_tensors(function, input=input, other=other)
    return operands(input, other)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Return input limited to [min, max], numbers or Tensors that broadcast; max where min > max.

    Raises:  RuntimeError: neither limit is given, or the dtype cannot hold one
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_to_tensors(input, min, max)
    if input.array.dtype.kind in "iub" and any(isinstance(limit, float) for limit in (min, max)):
        input = operands(input, 0.0)[0]
    dtype = input.array.dtype
    return Clamp.apply(input, fit("clamp", min, dtype), fit("clamp", max, dtype))


def _clamp_to_tensors(input: Tensor, low: Any, high: Any) -> Tensor:
    """Limit to Tensors: each element's gradient goes to whichever of the three it is."""
    y = input
    if low is not None:
        y = where(y < low, low, y)
    return y if high is None else where(y > high, high, y)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Return input, at least min."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Return input, at most max."""
    return clamp(input, max=max)


def compare(relation: str, x: Any, y: Any) -> Tensor:
    """Return where a relation, named as NumPy's ufunc ("equal", "less", ...), holds; has no gradient."""
    x, y = operands(x, y)
    a, b = array_of(x), array_of(y)
    return Tensor(getattr(array_module(a, b), relation)(a, b))


def eq(input: Any, other: Any) -> Tensor:
    """Return where input == other."""
    return compare("equal", input, other)


def ne(input: Any, other: Any) -> Tensor:
    """Return where input != other."""
    return compare("not_equal", input, other)


def lt(input: Any, other: Any) -> Tensor:
    """Return where input < other."""
    return compare("less", input, other)


def le(input: Any, other: Any) -> Tensor:
    """Return where input <= other."""
    return compare("less_equal", input, other)


def gt(input: Any, other: Any) -> Tensor:
    """Return where input > other."""
    return compare("greater", input, other)


def ge(input: Any, other: Any) -> Tensor:
    """Return where input >= other."""
    return compare("greater_equal", input, other)


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements; a GPU is waited for."""
    check_tensors("equal", input=input, other=other)
    if input.array.shape != other.array.shape:
        return False
    return bool(compare("equal", input, other).array.all())


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Return where |input - other| <= atol + rtol * |other|, or the two are equal.

    Raises:  RuntimeError: the dtypes differ, or a tolerance is negative
    """
    check_tensors("isclose", input=input, other=other)
    if input.array.dtype != other.array.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}")
    check_broadcast(input.array.shape, other.array.shape)
    xp = array_module(input.array)
    return Tensor(xp.isclose(input.array, other.array, rtol=rtol, atol=atol, equal_nan=equal_nan))


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Return whether all elements are close, see `isclose`; a GPU is waited for."""
    return bool(isclose(input, other, rtol, atol, equal_nan).array.all())


def logical_not(input: Tensor) -> Tensor:
    """Return where input is 0."""
    return Tensor(array_module(input.array).logical_not(input.array))


def _logical(function: str, input: Tensor, other: Tensor) -> Tensor:
    check_tensors(function, input=input, other=other)
    check_broadcast(input.array.shape, other.array.shape)
    return Tensor(getattr(array_module(input.array), function)(input.array, other.array))


def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Return where neither is 0."""
    return _logical("logical_and", input, other)


def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Return where one is not 0."""
    return _logical("logical_or", input, other)


def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Return where exactly one is not 0."""
    return _logical("logical_xor", input, other)


def bitwise(function: str, x: Any, y: Any) -> Tensor:
    """Return an operation on bits, named as NumPy's ufunc, of whole numbers or bools.

    Raises:  RuntimeError: floating-point numbers
    """
    x, y = operands(x, y)
    a, b = array_of(x), array_of(y)
    if (a if isinstance(x, Tensor) else b).dtype.kind == "f":
        raise RuntimeError(
            f'"{function}" not implemented for floating point numbers, only for whole ones and bools'
        )
    return Tensor(getattr(array_module(a, b), function)(a, b))


def bitwise_and(input: Any, other: Any) -> Tensor:
    """Return the bits set in both."""
    return bitwise("bitwise_and", input, other)


def bitwise_or(input: Any, other: Any) -> Tensor:
    """Return the bits set in one or both."""
    return bitwise("bitwise_or", input, other)


def bitwise_xor(input: Any, other: Any) -> Tensor:
    """Return the bits set in exactly one."""
    return bitwise("bitwise_xor", input, other)


def bitwise_not(input: Tensor) -> Tensor:
    """Return the bits that are not set.

    Raises:  TypeError: floating-point numbers
    """
    if input.array.dtype.kind == "f":
        raise TypeError(
            f"~ (operator.invert) is only implemented on integer and Boolean tensors, not {input.dtype}"
        )
    return Tensor(~input.array)


clip = clamp
not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
