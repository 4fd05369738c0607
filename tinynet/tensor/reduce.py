"""Reductions, statistics and scans as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops
from tinynet.ops.numpy_names import numpy_names

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


@numpy_names
class ReduceMethods:
    """Reductions as methods: dim is an axis, where nothing else is said a tuple of axes, or None for all."""

    __slots__ = ()

    def sum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the sum over the axes `dim`."""
        return ops.sum(self, dim, keepdim, dtype=dtype)

    def nansum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the sum over the axes `dim` of what is not NaN."""
        return ops.nansum(self, dim, keepdim, dtype=dtype)

    def mean(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the mean over the axes `dim`."""
        return ops.mean(self, dim, keepdim, dtype=dtype)

    def nanmean(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the mean over the axes `dim` of what is not NaN."""
        return ops.nanmean(self, dim, keepdim, dtype=dtype)

    def prod(self: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the product of all elements, or along one axis."""
        return ops.prod(self, dim, keepdim, dtype=dtype)

    def var(
        self: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Tensor:
        """Return the variance over the axes `dim`; see `tinynet.var`."""
        return ops.var(self, dim, unbiased, keepdim, correction=correction)

    def std(
        self: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Tensor:
        """Return the standard deviation over the axes `dim`; see `tinynet.std`."""
        return ops.std(self, dim, unbiased, keepdim, correction=correction)

    def norm(self: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
        """Return the p-norm over the axes `dim`; see `tinynet.norm`."""
        return ops.norm(self, p, dim, keepdim, dtype)

    def dist(self: Any, other: Tensor, p: float = 2) -> Tensor:
        """Return the p-norm of the difference from another tensor."""
        return ops.dist(self, other, p)

    def logsumexp(self: Any, dim: Any, keepdim: bool = False) -> Tensor:
        """Return log(sum(exp(x))) over the axes `dim`."""
        return ops.logsumexp(self, dim, keepdim)

    def amax(self: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the largest element over the axes `dim`; ties share the gradient."""
        return ops.amax(self, dim, keepdim)

    def amin(self: Any, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the smallest element over the axes `dim`; ties share the gradient."""
        return ops.amin(self, dim, keepdim)

    def aminmax(self: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
        """Return the smallest and the largest element, of all or along one axis."""
        return ops.aminmax(self, dim=dim, keepdim=keepdim)

    def max(self: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Return the largest element; along an axis also where; with a Tensor that of each pair."""
        return ops.max(self, dim, keepdim, other=other)

    def min(self: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Return the smallest element; along an axis also where; with a Tensor that of each pair."""
        return ops.min(self, dim, keepdim, other=other)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the index of the largest element along an axis, or of the flattened tensor."""
        return ops.argmax(self, dim, keepdim)

    def argmin(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the index of the smallest element along an axis, or of the flattened tensor."""
        return ops.argmin(self, dim, keepdim)

    def any(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return whether any element over the axes `dim` is not 0."""
        return ops.any(self, dim, keepdim)

    def all(self: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return whether no element over the axes `dim` is 0."""
        return ops.all(self, dim, keepdim)

    def count_nonzero(self: Any, dim: Any = None) -> Tensor:
        """Return how many elements over the axes `dim` are not 0."""
        return ops.count_nonzero(self, dim)

    def cumsum(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        """Return the sum of all elements up to each along an axis."""
        return ops.cumsum(self, dim, dtype=dtype)

    def cumprod(self: Any, dim: int, *, dtype: Any = None) -> Tensor:
        """Return the product of all elements up to each along an axis."""
        return ops.cumprod(self, dim, dtype=dtype)
