"""Arithmetic and comparison as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


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

    def __pow__(self: Any, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def __rpow__(self: Any, base: Any) -> Tensor:
        return ops.pow(base, self)

    def __neg__(self: Any) -> Tensor:
        return ops.neg(self)

    def __eq__(self: Any, other: object) -> Tensor:  # type: ignore[override]
        return ops.compare("equal", self, other)

    def __ne__(self: Any, other: object) -> Tensor:  # type: ignore[override]
        return ops.compare("not_equal", self, other)

    def __lt__(self: Any, other: Any) -> Tensor:
        return ops.compare("less", self, other)

    def __le__(self: Any, other: Any) -> Tensor:
        return ops.compare("less_equal", self, other)

    def __gt__(self: Any, other: Any) -> Tensor:
        return ops.compare("greater", self, other)

    def __ge__(self: Any, other: Any) -> Tensor:
        return ops.compare("greater_equal", self, other)

    add, sub, mul, div = __add__, __sub__, __mul__, __truediv__
    pow, neg = __pow__, __neg__
    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__
