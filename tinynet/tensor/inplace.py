"""In-place operations as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class InPlaceMethods:
    """Operations that change the tensor itself; their names end in an underscore."""

    __slots__ = ()

    def __iadd__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, self + other)

    def __isub__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, self - other)

    def __imul__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, self * other)

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return ops.in_place(self, self / other)
