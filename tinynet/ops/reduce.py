"""Sums, means and maxima over axes. `dim` is an axis, a tuple of axes, or None for all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module, sum_dtype
from tinynet.tensor import Tensor

__all__ = ["amax", "argmax", "mean", "sum"]

Dim = int | tuple[int, ...] | None


def normalize_dim(dim: int, ndim: int) -> int:
    """Return the axis as a number from 0.

    Raises:  IndexError: there is no such axis
    """
    low = -max(ndim, 1)
    if not low <= dim < -low:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{low}, {-low - 1}], but got {dim})"
        )
    return dim % max(ndim, 1)


def _axes(dim: Dim, ndim: int) -> tuple[int, ...]:
    """Return the axes of a reduction in order; None and () mean all."""
    dims = (dim,) if isinstance(dim, int | np.integer) else tuple(dim or range(ndim))
    axes = sorted(normalize_dim(int(d), ndim) for d in dims)
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"a dim appears multiple times in the list of dims {dims}")
    return tuple(axes) if ndim else ()


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with 1 in place of the reduced axes."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


class Sum(Function):
    """The sum over axes, which stay with size 1 if keepdim; of whole numbers and bools in int64."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
        ctx.shape, ctx.axes = x.shape, axes
        y = x.array.sum(axis=axes, keepdims=keepdim, dtype=sum_dtype(x.dtype))
        return Tensor(y.astype(x.dtype, copy=False) if x.is_floating_point() else y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad.reshape(_kept(ctx.shape, ctx.axes)).expand(ctx.shape), None, None


class Amax(Function):
    """The maximum over axes; elements that share it share its gradient equally, as in torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
        y = x.array.max(axis=axes, keepdims=True)
        # An element is maximal by comparison with the others, and NaN is where there is any.
        maximal = (x.array == y) | (x.array != x.array)
        ctx.save_for_backward(Tensor(maximal / maximal.sum(axis=axes, keepdims=True, dtype=x.dtype)))
        ctx.kept = y.shape
        return Tensor(y if keepdim else y.squeeze(axis=axes))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (share,) = ctx.saved_tensors
        return grad.reshape(ctx.kept) * share, None, None


def sum(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return the sum over the axes `dim`."""
    return Sum.apply(x, _axes(dim, x.ndim), keepdim)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x summed over the axes along which `shape` was broadcast to x's shape: the adjoint of expand."""
    if x.shape == shape:
        return x
    missing = x.ndim - len(shape)
    repeated = tuple(i for i, n in enumerate(shape, missing) if n == 1 and x.shape[i] != 1)
    return sum(x, (*range(missing), *repeated)).reshape(shape)


def mean(x: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return the mean over the axes `dim`; NaN if there is nothing to average.

    Raises:  RuntimeError: x is not floating point
    """
    if not x.is_floating_point():
        raise RuntimeError(f"mean(): input dtype should be floating point, got {x.dtype}")
    count = math.prod(x.shape[axis] for axis in _axes(dim, x.ndim))
    # In half precision the sum may overflow where the mean does not.
    return (sum(x.to(sum_dtype(x.dtype)), dim, keepdim) / count).to(x.dtype)


def amax(x: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
    """Return the maximum over the axes `dim`, () for all.

    Raises:  IndexError: a reduced axis has size 0
    """
    axes = _axes(dim, x.ndim)
    if any(x.shape[axis] == 0 for axis in axes):
        raise IndexError(f"amax(): Expected reduction dim to have non-zero size, got shape {list(x.shape)}")
    return Amax.apply(x, axes, keepdim)


def argmax(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the first maximum along an axis, or in the flattened tensor; int64, no gradient.

    Raises:  IndexError: there is nothing along the axis to choose from
    """
    axis = None if dim is None or x.ndim == 0 else normalize_dim(dim, x.ndim)
    if (x.numel() if axis is None else x.shape[axis]) == 0:
        raise IndexError(f"argmax(): Expected reduction dim to have non-zero size, got shape {list(x.shape)}")
    return Tensor(array_module(x.array).argmax(x.array, axis=axis, keepdims=keepdim))
