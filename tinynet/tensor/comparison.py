"""Comparisons, logic and limits as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops
from tinynet.tensor.arithmetic import is_operand

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ComparisonMethods:
    """Comparisons, logic and limits."""

    __slots__ = ()

    def __eq__(self: Any, other: object) -> Any:
        return ops.compare("equal", self, other) if is_operand(other) else NotImplemented

    def __ne__(self: Any, other: object) -> Any:
        return ops.compare("not_equal", self, other) if is_operand(other) else NotImplemented

    def __lt__(self: Any, other: Any) -> Tensor:
        return ops.compare("less", self, other)

    def __le__(self: Any, other: Any) -> Tensor:
        return ops.compare("less_equal", self, other)

    def __gt__(self: Any, other: Any) -> Tensor:
        return ops.compare("greater", self, other)

    def __ge__(self: Any, other: Any) -> Tensor:
        return ops.compare("greater_equal", self, other)

    def __and__(self: Any, other: Any) -> Tensor:
        return ops.bitwise_and(self, other)

    def __or__(self: Any, other: Any) -> Tensor:
        return ops.bitwise_or(self, other)

    def __xor__(self: Any, other: Any) -> Tensor:
        return ops.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self: Any, other: Any) -> Tensor:
        return ops.bitwise("left_shift", self, other)

    def __rshift__(self: Any, other: Any) -> Tensor:
        return ops.bitwise("right_shift", self, other)

    def __invert__(self: Any) -> Tensor:
        return ops.bitwise_not(self)

    def eq(self: Any, other: Any) -> Tensor:
        """Return where self == other."""
        return ops.eq(self, other)

    def ne(self: Any, other: Any) -> Tensor:
        """Return where self != other."""
        return ops.ne(self, other)

    def lt(self: Any, other: Any) -> Tensor:
        """Return where self < other."""
        return ops.lt(self, other)

    def le(self: Any, other: Any) -> Tensor:
        """Return where self <= other."""
        return ops.le(self, other)

    def gt(self: Any, other: Any) -> Tensor:
        """Return where self > other."""
        return ops.gt(self, other)

    def ge(self: Any, other: Any) -> Tensor:
        """Return where self >= other."""
        return ops.ge(self, other)

    def equal(self: Any, other: Tensor) -> bool:
        """Return whether shape and elements are the same."""
        return ops.equal(self, other)

    def isclose(
        self: Any, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> Tensor:
        """Return where |self - other| <= atol + rtol * |other|."""
        return ops.isclose(self, other, rtol, atol, equal_nan)

    def allclose(
        self: Any, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
    ) -> bool:
        """Return whether all elements are close."""
        return ops.allclose(self, other, rtol, atol, equal_nan)

    def logical_not(self: Any) -> Tensor:
        """Return where self is 0."""
        return ops.logical_not(self)

    def logical_and(self: Any, other: Tensor) -> Tensor:
        """Return where neither is 0."""
        return ops.logical_and(self, other)

    def logical_or(self: Any, other: Tensor) -> Tensor:
        """Return where one is not 0."""
        return ops.logical_or(self, other)

    def logical_xor(self: Any, other: Tensor) -> Tensor:
        """Return where exactly one is not 0."""
        return ops.logical_xor(self, other)

    def bitwise_and(self: Any, other: Any) -> Tensor:
        """Return the bits set in both."""
        return ops.bitwise_and(self, other)

    def bitwise_or(self: Any, other: Any) -> Tensor:
        """Return the bits set in one or both."""
        return ops.bitwise_or(self, other)

    def bitwise_xor(self: Any, other: Any) -> Tensor:
        """Return the bits set in exactly one."""
        return ops.bitwise_xor(self, other)

    def bitwise_not(self: Any) -> Tensor:
        """Return the bits that are not set."""
        return ops.bitwise_not(self)

    def where(self: Any, condition: Tensor, other: Any) -> Tensor:
        """Return self where the condition holds, else other."""
        return ops.where(condition, self, other)

    def maximum(self: Any, other: Tensor) -> Tensor:
        """Return the larger of two elements."""
        return ops.maximum(self, other)

    def minimum(self: Any, other: Tensor) -> Tensor:
        """Return the smaller of two elements."""
        return ops.minimum(self, other)

    def clamp(self: Any, min: Any = None, max: Any = None) -> Tensor:
        """Return self limited to [min, max]."""
        return ops.clamp(self, min, max)

    def clamp_min(self: Any, min: Any) -> Tensor:
        """Return self, at least min."""
        return ops.clamp_min(self, min)

    def clamp_max(self: Any, max: Any) -> Tensor:
        """Return self, at most max."""
        return ops.clamp_max(self, max)

    clip = clamp
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
