"""Operations that move elements, as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ShapeMethods:
    """Operations that move elements, as methods."""

    __slots__ = ()

    @property
    def T(self: Any) -> Tensor:
        """The tensor with its axes reversed."""
        return self.permute(*reversed(range(self.ndim)))

    def reshape(self: Any, *shape: Any) -> Tensor:
        """Return the elements in another shape; one size may be -1."""
        return ops.reshape(self, _flat(shape))

    def view(self: Any, *shape: Any) -> Tensor:
        """Return the elements in another shape, as `reshape`: it copies where torch would refuse."""
        return self.reshape(*shape)

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Join the axes from start_dim to end_dim into one."""
        return ops.flatten(self, start_dim, end_dim)

    def permute(self: Any, *dims: Any) -> Tensor:
        """Return the tensor with its axes in the order `dims`."""
        return ops.permute(self, _flat(dims))

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        """Return the tensor with two axes exchanged."""
        return ops.transpose(self, dim0, dim1)

    def squeeze(self: Any, dim: int | None = None) -> Tensor:
        """Drop axes of size 1: all of them, or the one named if it has size 1."""
        return ops.squeeze(self, dim)

    def unsqueeze(self: Any, dim: int) -> Tensor:
        """Insert an axis of size 1 before axis `dim`."""
        return ops.unsqueeze(self, dim)

    def expand(self: Any, *sizes: Any) -> Tensor:
        """Broadcast axes of size 1 to larger sizes; -1 keeps a size."""
        return ops.expand(self, _flat(sizes))


def _flat(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Accept f(2, 3) and f((2, 3)) alike."""
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int | np.integer) else sizes
