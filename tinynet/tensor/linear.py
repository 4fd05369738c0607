"""Products of vectors and matrices as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class LinearMethods:
    """Products of vectors and matrices as methods."""

    __slots__ = ()

    def __matmul__(self: Any, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    matmul = __matmul__
