"""The largest and the smallest elements over axes, and where they are. NaN is taken wherever there is any."""

from __future__ import annotations

from typing import Any, NamedTuple

from tinynet.autograd import Function
from tinynet.backend import array_module, sum_dtype
from tinynet.ops.comparison import maximum, minimum
from tinynet.ops.numpy_names import numpy_names
from tinynet.ops.reduce import Dim, normalize_dim, reduced_axes
from tinynet.ops.sorting import ValuesIndices, along_some, select
from tinynet.tensor import Tensor

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]


class MinMax(NamedTuple):
    """The smallest and the largest element."""

    min: Tensor
    max: Tensor


class Extreme(Function):
    """The maximum or minimum over axes; elements that share it share its gradient equally, as in torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str, axes: tuple[int, ...], keepdim: bool) -> Tensor:
        array = x.array
        y = getattr(array, name)(axis=axes, keepdims=True)
        if ctx.needs_input_grad[0]:
            # An element is extreme by comparison with the others, and NaN is where there is any.
            extreme = (array == y) | (array != array)
            share = extreme / extreme.sum(axis=axes, keepdims=True, dtype=sum_dtype(array.dtype))
            ctx.save_for_backward(Tensor(share.astype(array.dtype, copy=False)))
            ctx.kept = y.shape
        return Tensor(y if keepdim else y.squeeze(axis=axes))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (share,) = ctx.saved_tensors
        return grad.reshape(ctx.kept) * share, None, None, None


@numpy_names
def amax(input: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
    """Return the maximum over the axes `dim`, () for all; elements that share it share the gradient.

    Raises:  IndexError: a reduced axis has size 0; RuntimeError: there is nothing in the whole tensor
    """
    return _extreme("amax", "max", input, dim, keepdim)


@numpy_names
def amin(input: Tensor, dim: Dim = (), keepdim: bool = False) -> Tensor:
    """Return the minimum over the axes `dim`, () for all; elements that share it share the gradient.

    Raises:  IndexError: a reduced axis has size 0; RuntimeError: there is nothing in the whole tensor
    """
    return _extreme("amin", "min", input, dim, keepdim)


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Return the minimum and the maximum of all elements, or along one axis.

    Raises:  IndexError: the axis has size 0; RuntimeError: there is nothing in the whole tensor
    """
    axes: Dim = () if dim is None else normalize_dim(dim, input.ndim)
    return MinMax(*(_extreme("aminmax", name, input, axes, keepdim) for name in ("min", "max")))


def _check_keepdim(name: str, keepdim: bool) -> None:
    if keepdim:
        raise TypeError(f"{name}(): keepdim=True goes with dim, or use amax and amin, which need none")


@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the maximum of all elements; or along an axis, with where it is; or, of two tensors, of each pair.

    Of equal elements along an axis the first is taken, and has the gradient; over the whole tensor they share it.

    Args:    dim: an axis, or a Tensor, the same as `other`
    Raises:  IndexError: there is no such axis, or nothing along it; RuntimeError: nothing in the whole tensor
             TypeError: keepdim without dim
    """
    if other is not None or isinstance(dim, Tensor):
        return maximum(input, dim if other is None else other)
    if dim is None:
        _check_keepdim("max", keepdim)
        return _extreme("max", "max", input, (), False)
    return _along("max", input, dim, keepdim)


@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    """Return the minimum of all elements; or along an axis, with where it is; or, of two tensors, of each pair.

    Of equal elements along an axis the first is taken, and has the gradient; over the whole tensor they share it.

    Args:    dim: an axis, or a Tensor, the same as `other`
    Raises:  IndexError: there is no such axis, or nothing along it; RuntimeError: nothing in the whole tensor
             TypeError: keepdim without dim
    """
    if other is not None or isinstance(dim, Tensor):
        return minimum(input, dim if other is None else other)
    if dim is None:
        _check_keepdim("min", keepdim)
        return _extreme("min", "min", input, (), False)
    return _along("min", input, dim, keepdim)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the first maximum along an axis, or in the flattened tensor; int64, no gradient.

    Raises:  IndexError: there is nothing along the axis to choose from; RuntimeError: bool
    """
    return _where_extreme("argmax", input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the first minimum along an axis, or in the flattened tensor; int64, no gradient.

    Raises:  IndexError: there is nothing along the axis to choose from; RuntimeError: bool
    """
    return _where_extreme("argmin", input, dim, keepdim)


def _extreme(name: str, which: str, x: Tensor, dim: Dim, keepdim: bool) -> Tensor:
    axes, shape = reduced_axes(dim, x.ndim), x.array.shape
    if any(shape[axis] == 0 for axis in axes):
        message = f"{name}(): Expected reduction dim to have non-zero size, got shape {list(shape)}"
        raise RuntimeError(message) if dim in (None, ()) else IndexError(message)
    return Extreme.apply(x, which, axes, keepdim)


def _along(name: str, input: Tensor, dim: int, keepdim: bool) -> ValuesIndices:
    x, axis = along_some(name, input, dim)
    found = getattr(array_module(x.array), "arg" + name)(x.array, axis=axis, keepdims=True)
    return select(input, x, found, axis, keepdim)


def _where_extreme(name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input.array.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input")
    axis = None
    if dim is not None:
        _, axis = along_some(name, input, dim)
    elif not input.array.size:
        text = "Expected reduction dim to be specified for input.numel() == 0"
        raise IndexError(f"{name}(): {text}, got shape {list(input.shape)}")
    axis = axis if input.ndim else None
    return Tensor(getattr(array_module(input.array), name)(input.array, axis=axis, keepdims=keepdim))
