"""Sums, means and counts over axes. `dim` is an axis, a tuple of axes, or None for all of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import Array, array_module, sum_dtype
from tinynet.ops.numpy_names import numpy_names
from tinynet.tensor import Tensor

__all__ = ["all", "any", "count_nonzero", "mean", "nanmean", "nansum", "sum"]

Dim = int | tuple[int, ...] | None


def normalize_dim(dim: int, ndim: int) -> int:
    """Return the axis as a number from 0.

    Raises:  IndexError: there is no such axis; TypeError: not a whole number
    """
    low = -max(ndim, 1)
    if type(dim) is not int:
        dim = operator.index(dim)
    if not low <= dim < -low:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{low}, {-low - 1}], but got {dim})"
        )
    return dim % max(ndim, 1)


def normalize_dims(dims: Sequence[int], ndim: int) -> list[int]:
    """Return the axes as numbers from 0, in the order given.

    Raises:  IndexError: there is no such axis; RuntimeError: one appears twice; TypeError: not whole numbers
    """
    axes = [normalize_dim(d, ndim) for d in dims]
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"a dim appears multiple times in the list of dims {list(dims)}")
    return axes


def reduced_axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Return the axes of a reduction in order; None and () mean all.

    Raises:  IndexError: there is no such axis; RuntimeError: one appears twice; TypeError: not whole numbers
    """
    if dim is None or (type(dim) is tuple and not dim):
        return tuple(range(ndim))
    dims = tuple(dim) if isinstance(dim, tuple | list) else (dim,)
    axes = normalize_dims(dims, ndim)
    return tuple(sorted(axes)) if ndim else ()


def kept_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape with 1 in place of the reduced axes."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def as_summed(total: Array, dtype: np.dtype) -> Array:
    """Return a total of numbers of `dtype` in that dtype if it is floating point; of whole numbers it stays int64."""
    return total.astype(dtype) if dtype.kind == "f" and total.dtype != dtype else total


def in_dtype(total: Tensor, dtype: Any) -> Tensor:
    """Return a total in the dtype that was asked for, if one was: whole numbers wrap around."""
    return total if dtype is None else total.to(dtype)


class Sum(Function):
    """The sum over axes, which stay with size 1 if keepdim; of whole numbers and bools in int64."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], keepdim: bool) -> Tensor:
        array = x.array
        ctx.shape, ctx.axes, ctx.keepdim = array.shape, axes, keepdim
        y = array.sum(axis=axes, keepdims=keepdim, dtype=sum_dtype(array.dtype))
        return Tensor(as_summed(y, array.dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Spread.apply(grad, ctx.shape, ctx.axes, ctx.keepdim), None, None


class Spread(Function):
    """The adjoint of Sum: each element repeated over the axes that were summed, without copying."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...], axes: tuple[int, ...], keepdim: bool) -> Tensor:
        ctx.axes, ctx.keepdim = axes, keepdim
        array = x.array if keepdim else x.array.reshape(kept_shape(shape, axes))
        return Tensor(array_module(array).broadcast_to(array, shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return Sum.apply(grad, ctx.axes, ctx.keepdim), None, None, None


@numpy_names
def sum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over the axes `dim`, of whole numbers and bools in int64.

    Args:    dtype: what the elements are converted to first, and the sum has
    Raises:  IndexError: there is no such axis; RuntimeError: one appears twice
    """
    x = input if dtype is None else input.to(dtype)
    return in_dtype(Sum.apply(x, reduced_axes(dim, x.array.ndim), keepdim), dtype)


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x summed over the axes along which `shape` was broadcast to x's shape: the adjoint of expand."""
    if x.shape == shape:
        return x
    missing = x.ndim - len(shape)
    repeated = [i for i, n in enumerate(shape, missing) if n == 1 and x.array.shape[i] != 1]
    y = Sum.apply(x, (*range(missing), *repeated), False)
    return y.reshape(shape) if repeated else y


@numpy_names
def mean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over the axes `dim`; NaN if there is nothing to average.

    Args:    dtype: what the elements are converted to first
    Raises:  RuntimeError: x is not floating point; IndexError: there is no such axis
    """
    x = input if dtype is None else input.to(dtype)
    if not x.is_floating_point():
        raise RuntimeError(f"mean(): input dtype should be floating point, got {x.dtype}")
    axes = reduced_axes(dim, x.array.ndim)
    count = count_along(x, axes)
    if x.array.itemsize < 4:  # in half precision the sum may overflow where the mean does not
        return (Sum.apply(x.to(np.float32), axes, keepdim) / count).to(x.dtype)
    return Sum.apply(x, axes, keepdim) / count


@numpy_names
def nansum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the sum over the axes `dim` of what is not NaN."""
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


@numpy_names
def nanmean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the mean over the axes `dim` of what is not NaN; NaN if there is nothing else.

    Raises:  RuntimeError: x is not floating point
    """
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): input dtype should be floating point, got {input.dtype}")
    known = Tensor(input.array == input.array)
    return nansum(input, dim, keepdim, dtype=dtype) / sum(known, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return whether any element over the axes `dim` is not 0: bool, or uint8 of uint8; dim=() reduces no axis."""
    return _logic(input, "any", dim, keepdim)


@numpy_names
def all(input: Tensor, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """Return whether no element over the axes `dim` is 0: bool, or uint8 of uint8; dim=() reduces no axis."""
    return _logic(input, "all", dim, keepdim)


@numpy_names
def count_nonzero(input: Tensor, dim: Dim = None) -> Tensor:
    """Return how many elements over the axes `dim` are not 0."""
    return sum(Tensor(input.array != 0), dim)


def _logic(x: Tensor, name: str, dim: Any, keepdim: bool) -> Tensor:
    axes = () if dim is not None and not isinstance(dim, int) and not dim else reduced_axes(dim, x.ndim)
    y = getattr(x.array.astype(bool), name)(axis=axes, keepdims=keepdim)
    return Tensor(y.astype(np.uint8) if x.dtype == np.uint8 else y)


def _without_nan(x: Tensor) -> Tensor:
    from tinynet.ops.comparison import where

    return where(Tensor(x.array == x.array), x, 0) if x.is_floating_point() else x


def count_along(x: Tensor, axes: tuple[int, ...]) -> int:
    """Return how many elements a reduction over the axes takes together."""
    shape = x.array.shape
    return math.prod([shape[axis] for axis in axes])
