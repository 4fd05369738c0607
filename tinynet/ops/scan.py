"""Products along an axis, and sums and products of all elements up to each."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.backend import sum_dtype
from tinynet.ops.joining import cat
from tinynet.ops.numpy_names import numpy_names
from tinynet.ops.reduce import as_summed, in_dtype, normalize_dim, sum
from tinynet.ops.shape import at_least_1d, reshape
from tinynet.tensor import Tensor

__all__ = ["cumprod", "cumsum", "prod"]


class CumSum(Function):
    """The sum of all elements up to each along an axis, or from each on if reverse."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int, reverse: bool) -> Tensor:
        ctx.axis, ctx.reverse = axis, reverse
        turn = (*(slice(None),) * axis, slice(None, None, -1))
        array = x.array[turn] if reverse else x.array
        y = as_summed(array.cumsum(axis=axis, dtype=sum_dtype(x.dtype)), x.dtype)
        return Tensor(y[turn] if reverse else y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return CumSum.apply(grad, ctx.axis, not ctx.reverse), None, None


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the sum of all elements up to each along an axis; of whole numbers and bools in int64.

    Args:    dtype: what the elements are converted to first, and the result has
    Raises:  IndexError: there is no such axis
    """
    x, axis = _along(input, dim, dtype)
    return in_dtype(reshape(CumSum.apply(x, axis, False), input.array.shape), dtype)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Return the product of all elements up to each along an axis; of whole numbers and bools in int64.

    Where a gradient is wanted every element is multiplied by what lies 1, then 2, 4, ... before it, so that no
    gradient has to divide by an element, which may be 0.

    Args:    dtype: what the elements are converted to first, and the result has
    Raises:  IndexError: there is no such axis
    Source:  Hillis, Steele, "Data parallel algorithms", Communications of the ACM 29, 1986
    """
    x, axis = _along(input, dim, dtype)
    if x.requires_grad:
        count, distance = x.array.shape[axis], 1
        while distance < count:
            rest = count - distance
            product = x.narrow(axis, distance, rest) * x.narrow(axis, 0, rest)
            x = cat((x.narrow(axis, 0, distance), product), axis)
            distance *= 2
        return reshape(x, input.array.shape)
    y = x.array.cumprod(axis=axis, dtype=sum_dtype(x.dtype)).reshape(input.array.shape)
    return in_dtype(Tensor(as_summed(y, x.dtype)), dtype)


@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the product of all elements, or along one axis; of whole numbers and bools in int64.

    Args:    dtype: what the elements are converted to first, and the result has
    Raises:  IndexError: there is no such axis; TypeError: dim is not one axis
    """
    if dim is None:
        return in_dtype(reshape(_product(*_along(reshape(input, (-1,)), 0, dtype)), ()), dtype)
    x, axis = _along(input, dim, dtype)
    y, shape = in_dtype(_product(x, axis), dtype), input.array.shape
    return y if keepdim and shape else reshape(y, (*shape[:axis], *shape[axis + 1 :]))


def _product(x: Tensor, axis: int) -> Tensor:
    """Return the product along an axis, which stays with size 1.

    Where a gradient is wanted it is the product of two halves, each found likewise: the gradient, which is the
    product of all other elements, needs no division by one that may be 0.
    """
    count = x.array.shape[axis]
    if not x.requires_grad:
        y = x.array.prod(axis=axis, keepdims=True, dtype=sum_dtype(x.dtype))
        return Tensor(as_summed(y, x.dtype))
    if count == 0:
        return sum(x, axis, keepdim=True) + 1
    while count > 1:
        half, odd = divmod(count, 2)
        y = x.narrow(axis, 0, half) * x.narrow(axis, half, half)
        x = cat((y, x.narrow(axis, count - 1, 1)), axis) if odd else y
        count = half + odd
    return x


def _along(input: Tensor, dim: int, dtype: Any) -> tuple[Tensor, int]:
    """Return the input in a dtype and with one axis at least, and the axis from 0."""
    axis = normalize_dim(dim, input.array.ndim)
    x = input if dtype is None else input.to(dtype)
    return at_least_1d(x), axis
