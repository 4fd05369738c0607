"""Arithmetic as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


def is_operand(value: Any) -> bool:
    """Return whether an operator works on `value`; else it returns NotImplemented, and Python asks the other side."""
    return hasattr(value, "grad_fn") or isinstance(value, bool | int | float) or hasattr(value, "__array__")


class ArithmeticMethods:
    """Operators, and the functions of two operands as methods."""

    __slots__ = ()

    def __add__(self: Any, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self: Any, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self: Any, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self: Any, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self: Any, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self: Any, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self: Any, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self: Any, other: Any) -> Tensor:
        return ops.div(other, self)

    def __floordiv__(self: Any, other: Any) -> Tensor:
        return ops.floor_divide(self, other)

    def __rfloordiv__(self: Any, other: Any) -> Tensor:
        return ops.floor_divide(other, self)

    def __mod__(self: Any, other: Any) -> Tensor:
        return ops.remainder(self, other)

    def __rmod__(self: Any, other: Any) -> Tensor:
        return ops.remainder(other, self)

    def __pow__(self: Any, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def __rpow__(self: Any, base: Any) -> Tensor:
        return ops.pow(base, self)

    def __neg__(self: Any) -> Tensor:
        return ops.neg(self)

    def __pos__(self: Any) -> Tensor:
        return self

    def add(self: Any, other: Any, *, alpha: Any = 1) -> Tensor:
        """Return self + alpha * other."""
        return ops.add(self, other, alpha=alpha)

    def sub(self: Any, other: Any, *, alpha: Any = 1) -> Tensor:
        """Return self - alpha * other."""
        return ops.sub(self, other, alpha=alpha)

    def mul(self: Any, other: Any) -> Tensor:
        """Return self * other."""
        return ops.mul(self, other)

    def div(self: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """Return self / other, rounded down ("floor") or towards zero ("trunc") if asked to."""
        return ops.div(self, other, rounding_mode=rounding_mode)

    def floor_divide(self: Any, other: Any) -> Tensor:
        """Return self / other rounded down."""
        return ops.floor_divide(self, other)

    def remainder(self: Any, other: Any) -> Tensor:
        """Return what is left after dividing and rounding down."""
        return ops.remainder(self, other)

    def fmod(self: Any, other: Any) -> Tensor:
        """Return what is left after dividing and rounding towards zero."""
        return ops.fmod(self, other)

    def pow(self: Any, exponent: Any) -> Tensor:
        """Return self to the power of the exponent."""
        return ops.pow(self, exponent)

    def neg(self: Any) -> Tensor:
        """Return -self."""
        return ops.neg(self)

    def lerp(self: Any, end: Tensor, weight: Any) -> Tensor:
        """Return self + weight * (end - self)."""
        return ops.lerp(self, end, weight)

    def addcmul(self: Any, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """Return self + value * tensor1 * tensor2."""
        return ops.addcmul(self, tensor1, tensor2, value=value)

    def addcdiv(self: Any, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """Return self + value * tensor1 / tensor2."""
        return ops.addcdiv(self, tensor1, tensor2, value=value)

    subtract, multiply, divide, true_divide, negative = sub, mul, div, div, neg
