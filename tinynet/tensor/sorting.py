"""Sorting and counting as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class SortingMethods:
    """Sorting and counting as methods."""

    __slots__ = ()

    def sort(self: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
        """Return the elements in order along an axis, and where they were."""
        return ops.sort(self, dim, descending, stable=stable)

    def argsort(self: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
        """Return the indices that put an axis in order."""
        return ops.argsort(self, dim, descending, stable=stable)

    def topk(self: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
        """Return the k largest or smallest elements along an axis, and where they were."""
        return ops.topk(self, k, dim, largest, sorted)

    def kthvalue(self: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
        """Return the k-th smallest element along an axis, and where it was."""
        return ops.kthvalue(self, k, dim, keepdim)

    def median(self: Any, dim: int | None = None, keepdim: bool | None = None) -> Any:
        """Return the median of all elements, or along an axis with where it was."""
        return ops.median(self, dim, keepdim)

    def unique(
        self: Any,
        sorted: bool = True,
        return_inverse: bool = False,
        return_counts: bool = False,
        dim: int | None = None,
    ) -> Any:
        """Return the distinct values, perhaps with where each element is among them and how often they occur."""
        return ops.unique(self, sorted, return_inverse, return_counts, dim)

    def bincount(self: Any, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
        """Return how often each whole number from 0 occurs, or the sum of its weights."""
        return ops.bincount(self, weights, minlength)
