"""In-place arithmetic as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops
from tinynet.ops.numpy_names import numpy_names

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class InPlaceMethods:
    """Operations that change the tensor itself; their names end in an underscore."""

    __slots__ = ()

    def __iadd__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.add(self, other), new=True)

    def __isub__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.sub(self, other))

    def __imul__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.mul(self, other))

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.div(self, other))

    def __ifloordiv__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.floor_divide(self, other))

    def __imod__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.remainder(self, other))

    def __ipow__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.pow(self, other))

    def __iand__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.bitwise_and(self, other))

    def __ior__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.bitwise_or(self, other))

    def __ixor__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, ops.bitwise_xor(self, other))

    def add_(self: Any, other: Any, *, alpha: Any = 1) -> Tensor:
        """Add alpha * other."""
        return ops.in_place(self, ops.add(self, other, alpha=alpha), new=True)

    def sub_(self: Any, other: Any, *, alpha: Any = 1) -> Tensor:
        """Subtract alpha * other."""
        return ops.in_place(self, ops.sub(self, other, alpha=alpha))

    def mul_(self: Any, other: Any) -> Tensor:
        """Multiply by other."""
        return ops.in_place(self, ops.mul(self, other))

    def div_(self: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """Divide by other."""
        return ops.in_place(self, ops.div(self, other, rounding_mode=rounding_mode))

    def floor_divide_(self: Any, other: Any) -> Tensor:
        """Divide by other and round down."""
        return ops.in_place(self, ops.floor_divide(self, other))

    def remainder_(self: Any, other: Any) -> Tensor:
        """Keep what is left after dividing and rounding down."""
        return ops.in_place(self, ops.remainder(self, other))

    def fmod_(self: Any, other: Any) -> Tensor:
        """Keep what is left after dividing and rounding towards zero."""
        return ops.in_place(self, ops.fmod(self, other))

    def pow_(self: Any, exponent: Any) -> Tensor:
        """Raise to the power of the exponent."""
        return ops.in_place(self, ops.pow(self, exponent))

    def neg_(self: Any) -> Tensor:
        """Change the sign."""
        return ops.in_place(self, ops.neg(self))

    def lerp_(self: Any, end: Tensor, weight: Any) -> Tensor:
        """Go the share `weight` of the way to end."""
        return ops.in_place(self, ops.lerp(self, end, weight))

    def addcmul_(self: Any, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """Add value * tensor1 * tensor2."""
        return ops.in_place(self, ops.addcmul(self, tensor1, tensor2, value=value))

    def addcdiv_(self: Any, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
        """Add value * tensor1 / tensor2."""
        return ops.in_place(self, ops.addcdiv(self, tensor1, tensor2, value=value))

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Tensor:
        """Limit to [min, max]."""
        return ops.in_place(self, ops.clamp(self, min, max))

    def clamp_min_(self: Any, min: Any) -> Tensor:
        """Limit to at least min."""
        return ops.in_place(self, ops.clamp_min(self, min))

    def clamp_max_(self: Any, max: Any) -> Tensor:
        """Limit to at most max."""
        return ops.in_place(self, ops.clamp_max(self, max))

    def logical_not_(self: Any) -> Tensor:
        """Say where the tensor was 0."""
        return ops.in_place(self, ops.logical_not(self))

    def eq_(self: Any, other: Any) -> Tensor:
        """Say where it equals other."""
        return ops.in_place(self, ops.eq(self, other))

    def ne_(self: Any, other: Any) -> Tensor:
        """Say where it differs from other."""
        return ops.in_place(self, ops.ne(self, other))

    def lt_(self: Any, other: Any) -> Tensor:
        """Say where it is less than other."""
        return ops.in_place(self, ops.lt(self, other))

    def le_(self: Any, other: Any) -> Tensor:
        """Say where it is other at most."""
        return ops.in_place(self, ops.le(self, other))

    def gt_(self: Any, other: Any) -> Tensor:
        """Say where it is greater than other."""
        return ops.in_place(self, ops.gt(self, other))

    def ge_(self: Any, other: Any) -> Tensor:
        """Say where it is other at least."""
        return ops.in_place(self, ops.ge(self, other))

    def logical_and_(self: Any, other: Tensor) -> Tensor:
        """Say where neither is 0."""
        return ops.in_place(self, ops.logical_and(self, other))

    def logical_or_(self: Any, other: Tensor) -> Tensor:
        """Say where one is not 0."""
        return ops.in_place(self, ops.logical_or(self, other))

    def logical_xor_(self: Any, other: Tensor) -> Tensor:
        """Say where exactly one is not 0."""
        return ops.in_place(self, ops.logical_xor(self, other))

    @numpy_names
    def cumsum_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        """Add to each element all before it along an axis."""
        return ops.in_place(self, ops.cumsum(self, dim, dtype=dtype))

    @numpy_names
    def cumprod_(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        """Multiply each element by all before it along an axis."""
        # Of a copy: the products of what comes before are saved for backward.
        return ops.in_place(self, ops.cumprod(ops.clone(self), dim, dtype=dtype))

    def fill_(self: Any, value: Any) -> Tensor:
        """Set every element to a value, a number or a Tensor without axes."""
        return ops.in_place(self, ops.filled_like(self, value))

    def zero_(self: Any) -> Tensor:
        """Set every element to 0."""
        return ops.in_place(self, ops.filled_like(self, 0))

    def copy_(self: Any, src: Tensor, non_blocking: bool = False) -> Tensor:
        """Take over the elements of src, which broadcasts, in the tensor's own dtype and on its own device."""
        return ops.in_place(self, ops.expand(src.to(self.device, dtype=self.dtype), self.array.shape))

    subtract_, multiply_, divide_, true_divide_, negative_, clip_ = sub_, mul_, div_, div_, neg_, clamp_
