"""Choosing elements by x[index] and writing to them by x[index] = value, with torch's rules.

An index is taken apart into a basic one (whole numbers, slices, None), which gives a view, and an advanced one
(tensors of indices, masks), which copies out of that view. So, unlike in NumPy, a whole number is never broadcast
with index tensors: it drops its axis first.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinynet import run_ahead
from tinynet.autograd import Function, delayed, delayed_gradients
from tinynet.backend import array_module, check_on_host, is_array, scatter_add_, sum_dtype
from tinynet.kernels.generic import copying as kernels
from tinynet.ops.broadcasting import expand
from tinynet.ops.inplace import in_place
from tinynet.ops.promotion import fit
from tinynet.ops.reduce import normalize_dim, sum_to
from tinynet.ops.shape import alias, reshape
from tinynet.tensor import Tensor

__all__ = ["index_put", "narrow", "select"]

ALL = slice(None)
Slots = tuple[bool, ...]
"""For each axis of a tensor, or group of axes that a mask covers, whether an index tensor chooses from it."""


class GetItem(Function):
    """x[index] with whole numbers, slices and None: a view."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Any) -> Tensor:
        array = delayed.unfinished(x)
        ctx.index, ctx.shape = index, array.shape
        view = array[(*index, ...)]  # the ... makes an array of a single element, not a number
        return delayed.running(view) if type(x) is delayed.DelayedTensor else Tensor(view)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        later = delayed_gradients.of_every_few_pixels(grad, ctx.index, ctx.shape)
        return PutInZeros.apply(grad, ctx.index, ctx.shape) if later is None else later, None


class PutInZeros(Function):
    """Zeros of a shape, with values at a basic index: the adjoint of GetItem."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
        ctx.index = index
        array = delayed.unfinished(values)
        return delayed.running(run_ahead.call(kernels.put_in_zeros, array, index=index, shape=shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return GetItem.apply(grad, ctx.index), None, None


class Index(Function):
    """x[indices] with tensors of indices or masks in some slots and everything in the others."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slots: Slots, *indices: Tensor) -> Tensor:
        ctx.slots, ctx.shape = slots, x.array.shape
        ctx.save_for_backward(*indices)
        try:
            return Tensor(x.array[_fill(slots, indices)])
        except IndexError as error:
            raise _out_of_bounds(error, x.array.shape, indices) from error

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        indices = ctx.saved_tensors
        return AddToZeros.apply(grad, ctx.shape, ctx.slots, *indices), None, *(None for _ in indices)


class AddToZeros(Function):
    """Zeros of a shape with values added at indices, duplicates counted: the adjoint of Index."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, shape: tuple[int, ...], slots: Slots, *indices: Tensor) -> Tensor:
        ctx.slots = slots
        ctx.save_for_backward(*indices)
        dtype, index = values.array.dtype, _fill(slots, indices)
        xp = array_module(values.array)
        if len(indices) == 1 and _names_none_twice(indices[0].array, shape[slots.index(True)]):
            target = xp.zeros(shape, dtype)
            target[index] = values.array  # several times faster than adding
            return Tensor(target)
        target = xp.zeros(shape, _accumulator(dtype))
        scatter_add_(target, index, values.array.astype(target.dtype, copy=False))
        return Tensor(target.astype(dtype, copy=False))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        indices = ctx.saved_tensors
        return Index.apply(grad, ctx.slots, *indices), None, None, *(None for _ in indices)


class IndexPut(Function):
    """A copy of x with values, a tensor or a number, written or added at indices; they broadcast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Any, add: bool, slots: Slots, *indices: Tensor) -> Tensor:
        ctx.add, ctx.slots = add, slots
        ctx.shape = values.array.shape if isinstance(values, Tensor) else ()
        ctx.save_for_backward(*indices)
        index, array = _fill(slots, indices), values.array if isinstance(values, Tensor) else values
        dtype = x.array.dtype
        target = x.array.astype(_accumulator(dtype) if add else dtype, order="K", copy=True)
        try:
            if add:
                scatter_add_(target, index, array.astype(target.dtype, copy=False))
            else:
                target[index] = array
        except IndexError as error:
            raise _out_of_bounds(error, x.array.shape, indices) from error
        except ValueError as error:
            raise RuntimeError(
                f"shape mismatch: value tensor of shape {list(ctx.shape)} cannot be broadcast to the indexing result: "
                f"{error}"
            ) from error
        return Tensor(target.astype(dtype, copy=False))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        indices = ctx.saved_tensors
        need_x, need_values = ctx.needs_input_grad[:2]
        grad_x = grad_values = None
        if need_x:
            grad_x = grad if ctx.add else IndexPut.apply(grad, 0, False, ctx.slots, *indices)
        if need_values:
            grad_values = sum_to(Index.apply(grad, ctx.slots, *indices), ctx.shape)
        return grad_x, grad_values, None, None, *(None for _ in indices)


def _names_none_twice(index: Any, size: int) -> bool:
    """Return whether a mask, or indices that the host can look at, name every element of an axis once at most."""
    if index.dtype == np.bool_:
        return True
    on_host = check_on_host(index)
    return on_host is not None and bool(np.max(np.bincount(on_host.ravel() % size), initial=0) <= 1)


def _accumulator(dtype: np.dtype) -> np.dtype:
    return sum_dtype(dtype) if dtype.kind == "f" else dtype


def _fill(slots: Slots, indices: tuple[Tensor, ...]) -> tuple[Any, ...]:
    """Put the arrays of the indices into their slots, and everything into the others."""
    arrays = iter(indices)
    return tuple(next(arrays).array if taken else ALL for taken in slots)


def _out_of_bounds(error: IndexError, shape: tuple[int, ...], indices: tuple[Tensor, ...]) -> IndexError:
    text = str(error).replace("for axis", "for dimension")
    return IndexError(f"{text} (shape {list(shape)}, indices of shape {[list(i.shape) for i in indices]})")


def getitem(x: Tensor, index: Any) -> Tensor:
    """Return x[index]: a view if the index has only whole numbers, slices, None and ..., else a copy.

    Raises:  IndexError: an index is out of range, of another kind, or there are too many; a mask has another shape
             ValueError: a slice with a step < 1
    """
    basic, slots, indices = _take_apart(x, index)
    if not indices:
        return GetItem.apply(x, basic)
    y = x if _is_trivial(basic) else GetItem.apply(x, basic)
    return Index.apply(y, slots, *indices)


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """Write a number, or a tensor that broadcasts, to x[index] in place; gradients flow to it and to the rest of x.

    Raises:  TypeError: the value is neither tensor nor number; RuntimeError: it does not fit x[index] in shape or, at
             index tensors, in dtype, or is a whole number that x cannot hold; IndexError, ValueError: as `getitem`;
             in_place's errors
    """
    if not isinstance(value, Tensor | bool | int | float | np.number | np.bool_):
        raise TypeError(f"can't assign a {type(value).__name__} to a tensor of dtype {x.dtype}")
    value = fit("assignment", value, x.array.dtype)
    basic, slots, indices = _take_apart(x, index)
    # Without indices a view also of all of x: its old values then get a gradient of zeros, as in torch.
    target = x if indices and _is_trivial(basic) else GetItem.apply(x, basic)
    if isinstance(value, Tensor):
        value = _without_leading_ones(value)
    if indices:
        if isinstance(value, Tensor) and value.dtype != x.dtype:
            if value.numel() != 1 or len(indices) > 1 or indices[0].dtype != np.bool_:
                raise RuntimeError(
                    "Index put requires the source and destination dtypes match, got "
                    f"{x.dtype} for the destination and {value.dtype} for the source."
                )
            value = value.to(x.dtype)
        result = IndexPut.apply(target, value, False, slots, *indices)
    else:
        if not isinstance(value, Tensor):
            value = Tensor(array_module(x.array).full((), value, x.array.dtype))
        # A tensor of its own: in_place changes the history of what it is given.
        result = alias(expand(value.to(x.dtype), target.array.shape))
    in_place(target, result)


def _without_leading_ones(value: Tensor) -> Tensor:
    shape = value.array.shape
    extra = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    return reshape(value, shape[extra:]) if extra else value


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Return a copy of the input with values written, or added, at input[indices].

    Raises:  TypeError: indices is no tuple of tensors; RuntimeError: dtypes differ, values do not broadcast
    """
    if not isinstance(indices, tuple | list) or not all(isinstance(i, Tensor) for i in indices):
        raise TypeError(f"index_put(): indices must be a tuple of Tensors, got {type(indices).__name__}")
    if not isinstance(values, Tensor):
        raise TypeError(f"index_put(): values must be a Tensor, not {type(values).__name__}")
    if values.dtype != input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input.dtype} for the destination and {values.dtype} for the source."
        )
    tensors = tuple(i if i.ndim else reshape(i, (1,)) for i in indices)
    _, slots, found = _take_apart(input, tensors)
    return IndexPut.apply(input, _without_leading_ones(values), bool(accumulate), slots, *found)


def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """Return the `length` elements from `start` on along an axis, as a view.

    Raises:  IndexError: start is out of range; RuntimeError: the axis ends before, or the tensor has no axes
    """
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis, start = normalize_dim(dim, input.ndim), int(start)
    size = delayed.outline(input).shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    first = start + size if start < 0 else start
    if first + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return GetItem.apply(input, (*(ALL,) * axis, slice(first, first + length)))


def select(input: Tensor, dim: int, index: Any) -> Tensor:
    """Return the slice at one index along an axis, without that axis, as a view.

    Raises:  IndexError: the index is out of range, or the tensor has no axes
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis, index = normalize_dim(dim, input.ndim), int(index)
    size = delayed.outline(input).shape[axis]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}"
        )
    return GetItem.apply(input, (*(ALL,) * axis, index % size))


def _is_trivial(basic: tuple[Any, ...]) -> bool:
    return all(part is ALL for part in basic)


def _take_apart(x: Tensor, index: Any) -> tuple[tuple[Any, ...], Slots, list[Tensor]]:
    """Return the basic index, and for the view it gives the slots of the advanced index and what goes there."""
    parts = [_as_part(x, part) for part in _parts(index)]
    shape = delayed.outline(x).shape
    used = sum(_axes_of(part) for part in parts)
    if used > len(shape):
        if not shape and used == 1 and not any(isinstance(part, Tensor) for part in parts):
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` to convert it to a number")
        raise IndexError(
            f"too many indices for tensor of dimension {len(shape)}: {used}, shape {list(shape)}"
        )
    if sum(part is Ellipsis for part in parts) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    basic: list[Any] = []
    slots: list[bool] = []
    indices: list[Tensor] = []
    axis = 0
    for part in parts:
        if isinstance(part, bool):
            # An axis of size 1, of which True takes the only element, and False none.
            basic.append(None)
            slots.append(True)
            indices.append(Tensor(array_module(x.array).zeros(int(part), np.int64)))
        elif isinstance(part, int):
            basic.append(_in_range(part, axis, shape))
        elif isinstance(part, Tensor):
            _check_index_tensor(part, axis, shape)
            basic += (ALL,) * _axes_of(part)
            slots.append(True)
            indices.append(part)
        else:
            count = len(shape) - used if part is Ellipsis else 1
            basic += (ALL,) * count if part is Ellipsis else (part,)
            slots += (False,) * count
        axis += len(shape) - used if part is Ellipsis else _axes_of(part)
    return tuple(basic), tuple(slots), indices


def _parts(index: Any) -> tuple[Any, ...]:
    """Return what stands between the commas of x[...]."""
    if isinstance(index, tuple):
        return index
    if isinstance(index, list | range) and len(index) < 32 and any(_is_nested(part) for part in index):
        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] instead of "
            "x[seq], or x[tensor(seq)] for an index tensor",
            UserWarning,
            stacklevel=5,
        )
        return tuple(index)
    return (index,)


def _is_nested(part: Any) -> bool:
    return part is None or part is Ellipsis or isinstance(part, Tensor | slice | list | tuple | np.ndarray)


def _axes_of(part: Any) -> int:
    """Return how many axes of x a part of its index stands for."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if isinstance(part, Tensor) and part.dtype == np.bool_ else 1


def _as_part(x: Tensor, part: Any) -> Any:
    """Bring a part of an index to bool, int, slice, None, Ellipsis or a Tensor of int64, int32 or bool."""
    if part is None or part is Ellipsis or type(part) is int or type(part) is bool:
        return part
    if isinstance(part, slice):
        return _as_slice(part)
    if isinstance(part, np.bool_ | np.integer):
        return part.item()
    if isinstance(part, list | tuple | range):
        part = np.asarray(part, None if len(part) else np.int64)
    if is_array(part):
        whole = part.dtype.kind in "iu" and part.dtype != np.uint8
        part = Tensor(part.astype(np.int64, copy=False) if whole else part)
    if not isinstance(part, Tensor):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and tensors of integers or bools are valid indices "
            f"(got {type(part).__name__})"
        )
    if part.dtype == np.uint8:
        warnings.warn(
            "indexing with dtype uint8 is deprecated, please use a dtype bool instead.",
            UserWarning,
            stacklevel=5,
        )
        part = part.to(np.bool_)
    if part.dtype not in (np.int64, np.int32, np.bool_):
        raise IndexError(f"tensors used as indices must be long, int or bool tensors, not {part.dtype}")
    if part.ndim == 0:
        return part.item()  # as in torch, also where that makes the host wait for a GPU
    if part.device != x.device and part.device.type != "cpu":
        raise RuntimeError(
            f"indices should be on the CPU or on the device of the tensor, not on {part.device}"
        )
    return part if part.device == x.device else part.to(x.device)


def _as_slice(part: slice) -> slice:
    if part.start is None and part.stop is None and part.step is None:
        return ALL
    bounds = [int(b) if isinstance(b, Tensor) else b for b in (part.start, part.stop, part.step)]
    if bounds[2] is not None and bounds[2] < 1:
        raise ValueError(f"step must be greater than zero, got {bounds[2]}")
    return slice(*bounds)


def _in_range(index: int, axis: int, shape: tuple[int, ...]) -> int:
    if not -shape[axis] <= index < shape[axis]:
        raise IndexError(f"index {index} is out of bounds for dimension {axis} with size {shape[axis]}")
    return index


def _check_index_tensor(part: Tensor, axis: int, shape: tuple[int, ...]) -> None:
    if part.dtype == np.bool_:
        for i, n in enumerate(part.array.shape):
            if n != shape[axis + i]:
                raise IndexError(
                    f"The shape of the mask {list(part.shape)} at index {i} does not match the shape of the indexed "
                    f"tensor {list(shape)} at index {axis + i}"
                )
