"""Division, rounded or not, and what it leaves over."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.backend import array_module, check_on_host
from tinynet.default_dtype import get_default_dtype
from tinynet.ops.arithmetic import Div
from tinynet.ops.promotion import array_of, operands, refuse_bools, shape_of
from tinynet.ops.reduce import sum_to
from tinynet.tensor import Tensor

__all__ = ["div", "divide", "floor_divide", "fmod", "remainder", "true_divide"]


class RoundedDiv(Function):
    """x / y rounded down, or towards zero: constant in pieces, its gradient is zero."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, towards_zero: bool) -> Tensor:
        a, b = array_of(x), array_of(y)
        xp = array_module(a, b)
        ctx.shapes = shape_of(x), shape_of(y)
        return Tensor(xp.trunc(a / b) if towards_zero else xp.floor_divide(a, b))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        zeros = array_module(grad.array).zeros
        pairs = zip(ctx.needs_input_grad[:2], ctx.shapes, strict=True)
        return *(Tensor(zeros(shape, grad.dtype)) if need else None for need, shape in pairs), None


class Remainder(Function):
    """x - y * round(x / y), rounded down (remainder) or towards zero (fmod)."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, towards_zero: bool) -> Tensor:
        a, b = array_of(x), array_of(y)
        xp = array_module(a, b)
        ctx.shapes = shape_of(x), shape_of(y)
        if ctx.needs_input_grad[1]:
            ctx.save_for_backward(Tensor(xp.trunc(a / b) if towards_zero else xp.floor(a / b)))
        return Tensor(xp.fmod(a, b) if towards_zero else xp.remainder(a, b))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        need_x, need_y, _ = ctx.needs_input_grad
        x, y = ctx.shapes
        return (
            sum_to(grad, x) if need_x else None,
            sum_to(-grad * ctx.saved_tensors[0], y) if need_y else None,
            None,
        )


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Return input / other; whole numbers are divided as floating-point numbers unless the result is rounded.

    Args:    rounding_mode: None, "floor" (down) or "trunc" (towards zero); rounded results have the gradient zero
    Raises:  RuntimeError: another rounding_mode, or whole numbers divided by zero with rounding
    """
    if rounding_mode is None and isinstance(input, Tensor) != isinstance(other, Tensor):
        # First: a number that such whole numbers cannot hold would wrap around.
        input, other = _floating(input), _floating(other)
    x, y = operands(input, other)
    if rounding_mode is None:
        if _dtype(x, y).kind != "f":
            x, y = _floating(x), _floating(y)
        return Div.apply(x, y)
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}"
        )
    if _dtype(x, y).kind == "f":
        return RoundedDiv.apply(x, y, rounding_mode == "trunc")
    refuse_bools("div", x, y)
    quotient = _whole_division(x, y)
    if rounding_mode == "trunc":
        # Rounding down has gone one too far where signs differ and something is left over.
        quotient = quotient + ((quotient < 0) & (quotient * array_of(y) != array_of(x)))
    return Tensor(quotient)


def floor_divide(input: Any, other: Any) -> Tensor:
    """Return input / other rounded down; its gradient is zero.

    Raises:  RuntimeError: whole numbers divided by zero
    """
    return div(input, other, rounding_mode="floor")


def remainder(input: Any, other: Any) -> Tensor:
    """Return what is left of input after dividing by other and rounding down: it has the sign of other.

    Raises:  RuntimeError: whole numbers divided by zero
    """
    return _remainder(input, other, False)


def fmod(input: Any, other: Any) -> Tensor:
    """Return what is left of input after dividing by other and rounding towards zero: it has the sign of input.

    Raises:  RuntimeError: whole numbers divided by zero
    """
    return _remainder(input, other, True)


def _floating(x: Any) -> Any:
    """Return a Tensor in floating point, and a number as it is."""
    return x if not isinstance(x, Tensor) or x.is_floating_point() else x.to(get_default_dtype())


def _dtype(x: Any, y: Any) -> Any:
    return (x if isinstance(x, Tensor) else y).array.dtype


def _whole_division(x: Any, y: Any) -> Any:
    _check_divisor(y)
    a, b = array_of(x), array_of(y)
    return array_module(a, b).floor_divide(a, b)


def _remainder(input: Any, other: Any, towards_zero: bool) -> Tensor:
    x, y = operands(input, other)
    refuse_bools("fmod" if towards_zero else "remainder", x, y)
    if _dtype(x, y).kind != "f":
        _check_divisor(y)
    return Remainder.apply(x, y, towards_zero)


def _check_divisor(y: Any) -> None:
    """Refuse a 0 among whole numbers."""
    b = array_of(y)
    on_host = check_on_host(b) if isinstance(y, Tensor) else b
    if on_host is not None and not (on_host.all() if isinstance(y, Tensor) else b):
        raise RuntimeError("ZeroDivisionError: division of whole numbers by zero")


divide = true_divide = div
