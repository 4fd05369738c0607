"""Sorting along an axis, what is read off a sorted axis, and counting equal values. NaN is larger than any number."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module, check_on_host
from tinynet.ops.reduce import normalize_dim, sum
from tinynet.ops.shape import at_least_1d, reshape
from tinynet.tensor import Tensor

__all__ = [
    "argsort",
    "bincount",
    "bucketize",
    "isin",
    "kthvalue",
    "median",
    "searchsorted",
    "sort",
    "topk",
    "unique",
]


class ValuesIndices(NamedTuple):
    """Elements chosen along an axis, and where they were; in torch its type has the name of the function."""

    values: Tensor
    indices: Tensor


class Select(Function):
    """The elements along an axis at indices, each of which occurs once at most."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, axis: int) -> Tensor:
        ctx.size, ctx.axis = x.array.shape[axis], axis
        ctx.save_for_backward(index)
        return Tensor(array_module(x.array).take_along_axis(x.array, index.array, axis))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return Place.apply(grad, index, ctx.axis, ctx.size), None, None


class Place(Function):
    """Zeros with values at indices along an axis: the adjoint of Select."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, axis: int, size: int) -> Tensor:
        ctx.axis = axis
        ctx.save_for_backward(index)
        array, xp = values.array, array_module(values.array)
        target = xp.zeros((*array.shape[:axis], size, *array.shape[axis + 1 :]), array.dtype)
        xp.put_along_axis(target, index.array, array, axis)
        return Tensor(target)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        return Select.apply(grad, index, ctx.axis), None, None, None


class Median(Function):
    """The lower median of all elements; those that are equal to it share its gradient equally, as in torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        xp, flat = array_module(x.array), x.array.reshape(-1)
        index = _median_index(flat, 0)
        y = xp.take_along_axis(flat, index, 0).reshape(())
        if ctx.needs_input_grad[0]:
            chosen = (x.array == y) | ((x.array != x.array) & (y != y))
            ctx.save_for_backward(Tensor((chosen / chosen.sum()).astype(x.array.dtype)))
        return Tensor(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (share,) = ctx.saved_tensors
        return grad * share


class Unique(Function):
    """The distinct values; they have no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, options: dict[str, bool]) -> tuple[Tensor, ...]:
        xp = array_module(x.array)
        found = xp.unique(x.array.reshape(-1), equal_nan=False, **options)
        return tuple(Tensor(part) for part in (found if isinstance(found, tuple) else (found,)))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("the derivative for unique is not implemented")


def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> ValuesIndices:
    """Return the elements in order along an axis, and where they were; equal ones keep their order.

    Args:    stable: asks for what is always so
    Raises:  IndexError: there is no such axis
    """
    x, axis = along(input, dim)
    return select(input, x, _order(x.array, axis, descending), axis)


def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """Return the indices that put an axis in order, as `sort`."""
    x, axis = along(input, dim)
    return Tensor(_order(x.array, axis, descending).reshape(input.array.shape))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """Return the k largest or smallest elements along an axis, and where they were; of equal ones the first.

    Args:    sorted: False allows any order; they are sorted all the same
    Raises:  RuntimeError: not 0 <= k <= size of the axis, or bool
             TypeError: k is no whole number; IndexError: there is no such axis
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise TypeError(f"topk(): argument 'k' must be int, not {type(k).__name__}")
    x, axis = along(input, dim)
    if not 0 <= k <= x.shape[axis]:
        raise RuntimeError(
            f"topk: selected index k out of range, got k={k} for dim {dim} of shape {list(input.shape)}"
        )
    if input.dtype.kind == "b":
        raise RuntimeError("topk does not support bool")
    # Of a tensor without axes torch gives its element even for k=0.
    count = k if input.ndim else 1
    order = _order(x.array, axis, largest)[(*(slice(None),) * axis, slice(count))]
    return select(input, x, order, axis)


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Return the k-th smallest element along an axis, k from 1, and where it was.

    Raises:  RuntimeError: not 1 <= k <= size of the axis
             IndexError: there is no such axis, or nothing along it; NotImplementedError: bool
    """
    x, axis = along_some("kthvalue", input, dim)
    _refuse_bool("kthvalue", input)
    if not 1 <= k <= x.shape[axis]:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range, got k={k} for dim {dim} of shape {list(input.shape)}"
        )
    order = _order(x.array, axis, False)[(*(slice(None),) * axis, slice(k - 1, k))]
    return select(input, x, order, axis, keepdim)


def median(input: Tensor, dim: int | None = None, keepdim: bool | None = None) -> Any:
    """Return the median of all elements, or along an axis with where it was; the lower of two, NaN if there is any.

    Raises:  IndexError: there is no such axis, or nothing along it
             TypeError: keepdim without dim; NotImplementedError: bool
    """
    if dim is None:
        if keepdim is not None:
            raise TypeError("median(): keepdim needs the argument 'dim'")
        _refuse_bool("median", input)
        return Median.apply(input) if input.array.size else _median_of_nothing(input)
    x, axis = along_some("median", input, dim)
    _refuse_bool("median", input)
    return select(input, x, _median_index(x.array, axis), axis, bool(keepdim))


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct values in ascending order; every NaN is one of its own.

    Args:    sorted: False allows any order; they are sorted all the same
             return_inverse: also where each element of the input is among the values, in the input's shape
             return_counts: also how often each value occurs
    Raises:  NotImplementedError: dim is given
    """
    if dim is not None:
        raise NotImplementedError(f"unique: dim={dim} is not implemented, only the flattened tensor")
    found = list(Unique.apply(input, {"return_inverse": return_inverse, "return_counts": return_counts}))
    if return_inverse:
        found[1] = reshape(found[1], input.array.shape)
    return tuple(found) if len(found) > 1 else found[0]


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each whole number from 0 occurs, or the sum of the weights of its occurrences; no gradient.

    Shapes:  input (N,), whole numbers >= 0; weights (N,); returns (max(input max + 1, minlength),), int64 or, with
             weights, float32 of float32 and float64 else
    Raises:  RuntimeError: another shape, a negative number; NotImplementedError: input is not of whole numbers
    """
    array = input.array
    if array.dtype.kind not in "iu":
        raise NotImplementedError(f"bincount: not implemented for {array.dtype}")
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    on_host = check_on_host(array)
    if array.ndim != 1 or (on_host is not None and on_host.size and on_host.min() < 0):
        raise RuntimeError(
            f"bincount only supports 1-d non-negative integral inputs, got shape {list(array.shape)}"
            + (f" and {on_host.min()}" if on_host is not None and on_host.size else "")
        )
    if weights is not None and weights.array.shape != array.shape:
        raise RuntimeError(
            "bincount: weights should be 1-d and have the same length as input, got shapes "
            f"{list(weights.shape)} and {list(array.shape)}"
        )
    xp = array_module(array)
    if weights is None or not array.size:
        return Tensor(xp.bincount(array, minlength=minlength))
    dtype = np.float32 if weights.dtype == np.float32 else np.float64
    return Tensor(xp.bincount(array, weights.array, minlength).astype(dtype, copy=False))


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where values belong in ascending sequences: before equal elements, or after them if right.

    Shapes:  sorted_sequence (N,) and input of any shape, or a number; or (..., N) and (..., M)
    Args:    side: "left" or "right", another way to say `right`; sorter: indices that put the sequences in order
    Raises:  RuntimeError: the shapes do not fit, or side contradicts right
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "searchsorted(): side and right can't be set to opposites, got left while right was True"
        )
    sequence = sorted_sequence.array
    xp = array_module(sequence)
    values = input.array if isinstance(input, Tensor) else xp.asarray(input)
    if not sequence.ndim or (sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]):
        raise RuntimeError(
            "searchsorted(): the sequence needs one dimension, or all but the last of those of the values, got "
            f"shapes {list(sequence.shape)} and {list(values.shape)}"
        )
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape:
            raise RuntimeError(
                "searchsorted(): sorter and the sequence must have the same size, got "
                f"{list(sorter.shape)} and {list(sequence.shape)}"
            )
        sequence = xp.take_along_axis(sequence, sorter.array, -1)
    dtype = np.int32 if out_int32 else np.int64
    return Tensor(_places(sequence, values, right or side == "right").astype(dtype, copy=False))


def _places(sequence: Any, values: Any, right: bool) -> Any:
    if sequence.ndim == 1:
        return array_module(sequence).searchsorted(sequence, values, side="right" if right else "left")
    elements, wanted = sequence[..., None, :], values[..., :, None]
    # Not "smaller than": NaN belongs at the end.
    after = elements > wanted if right else elements >= wanted
    return (~after).sum(axis=-1)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return in which bucket between ascending boundaries each value lies, as `searchsorted`.

    Raises:  RuntimeError: boundaries has not one axis
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got shape {list(boundaries.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return which elements occur, or with invert do not occur, among the test elements; one may be a number."""
    given = [x.array for x in (elements, test_elements) if isinstance(x, Tensor)]
    if not given:
        raise TypeError("isin(): elements or test_elements must be a Tensor")
    xp = array_module(*given)
    dtype = given[0].dtype if given[0].dtype.kind == "f" else None  # a number takes that of the tensor
    x, y = (v.array if isinstance(v, Tensor) else xp.asarray(v, dtype) for v in (elements, test_elements))
    return Tensor(xp.isin(x, y, assume_unique=assume_unique, invert=invert))


def along(input: Tensor, dim: int) -> tuple[Tensor, int]:
    """Return the input with one axis at least, and the axis from 0."""
    return at_least_1d(input), normalize_dim(dim, input.ndim)


def along_some(name: str, input: Tensor, dim: int) -> tuple[Tensor, int]:
    """Do as `along`, and check that there is something along the axis to choose from.

    Raises:  IndexError: there is not
    """
    x, axis = along(input, dim)
    if x.array.shape[axis] == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim {dim} to have non-zero size, got shape {list(x.shape)}"
        )
    return x, axis


def _refuse_bool(name: str, input: Tensor) -> None:
    if input.array.dtype.kind == "b":
        raise NotImplementedError(f"{name}: not implemented for bool")


def select(input: Tensor, x: Tensor, order: Any, axis: int, keepdim: bool = True) -> ValuesIndices:
    """Return the elements at indices, and the indices; without the axis where the input has none or not keepdim."""
    index = Tensor(order)
    values = Select.apply(x, index, axis)
    if keepdim and input.ndim:
        return ValuesIndices(values, index)
    shape = (*order.shape[:axis], *order.shape[axis + 1 :]) if input.ndim else ()
    return ValuesIndices(reshape(values, shape), reshape(index, shape))


def _order(array: Any, axis: int, descending: bool) -> Any:
    """Return the indices that put an axis in order, equal elements in the order that they have."""
    xp = array_module(array)
    if not descending:
        return xp.argsort(array, axis=axis, kind="stable")
    backwards = (*(slice(None),) * axis, slice(None, None, -1))
    return array.shape[axis] - 1 - xp.argsort(array[backwards], axis=axis, kind="stable")[backwards]


def _median_index(array: Any, axis: int) -> Any:
    """Return where the lower median along an axis is, or the first NaN; the axis stays with size 1."""
    xp, middle = array_module(array), (array.shape[axis] - 1) // 2
    index = xp.argsort(array, axis=axis, kind="stable")[(*(slice(None),) * axis, slice(middle, middle + 1))]
    nan = array != array
    return xp.where(nan.any(axis=axis, keepdims=True), xp.expand_dims(xp.argmax(nan, axis=axis), axis), index)


def _median_of_nothing(input: Tensor) -> Tensor:
    """Return torch's answer: NaN, or of whole numbers the smallest that there is."""
    dtype = input.array.dtype
    if dtype.kind == "f":
        return sum(input) * math.nan
    return Tensor(array_module(input.array).full((), np.iinfo(dtype).min, dtype))
