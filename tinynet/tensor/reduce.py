"""Reductions as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ReduceMethods:
    """Reductions as methods: dim is an axis, a tuple of axes, or None for all."""

    __slots__ = ()

    def sum(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return the sum over the axes `dim`."""
        return ops.sum(self, dim, keepdim)

    def mean(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return the mean over the axes `dim`."""
        return ops.mean(self, dim, keepdim)

    def amax(self: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the largest element over the axes `dim`; ties share the gradient."""
        return ops.amax(self, dim, keepdim)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the index of the largest element along an axis, or of the flattened tensor."""
        return ops.argmax(self, dim, keepdim)
