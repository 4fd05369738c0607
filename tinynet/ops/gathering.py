"""Reading and writing along one axis at places that a tensor of indices or a mask names."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import backend
from tinynet.autograd import Function
from tinynet.ops.broadcasting import broadcast_shapes, broadcast_tensors, expand
from tinynet.ops.indexing import GetItem, Index, IndexPut
from tinynet.ops.reduce import normalize_dim
from tinynet.ops.shape import at_least_1d, ravel, reshape
from tinynet.tensor import Tensor

__all__ = [
    "argwhere",
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "index_select",
    "masked_fill",
    "masked_select",
    "nonzero",
    "scatter",
    "scatter_add",
    "take",
    "take_along_dim",
]


class MaskedFill(Function):
    """x with a value, a tensor without axes or a number, where the mask holds; x and mask have one shape."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Any, mask: Tensor) -> Tensor:
        ctx.save_for_backward(mask)
        array = value.array if isinstance(value, Tensor) else value
        return Tensor(backend.array_module(x.array).where(mask.array, array, x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (mask,) = ctx.saved_tensors
        need_x, need_value, _ = ctx.needs_input_grad
        zero = grad.dtype.type(0)
        grad_x = MaskedFill.apply(grad, zero, mask) if need_x else None
        grad_value = MaskedFill.apply(grad, zero, Tensor(~mask.array)).sum() if need_value else None
        return grad_x, grad_value, None


def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at places of the flattened input, in the shape of index.

    Raises:  RuntimeError: index is not int64; IndexError: it is out of range
    """
    _check_dtype("take", index, long=True)
    if index.numel() and not input.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    return Index.apply(ravel(input), (True,), index)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Return the elements along an axis at indices that broadcast with the input; of the flattened input without dim.

    Raises:  RuntimeError: indices is not int64, has another number of axes, or does not broadcast
    """
    _check_dtype("take_along_dim", indices, long=True)
    if dim is None:
        return take(input, ravel(indices))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "take_along_dim(): input and indices should have the same number of dimensions, but got shapes "
            f"{list(input.shape)} and {list(indices.shape)}"
        )
    axis = normalize_dim(dim, input.ndim)
    others = [(*x.shape[:axis], 1, *x.shape[axis + 1 :]) for x in (input, indices)]
    shape = broadcast_shapes(*others)
    x, index = (expand(x, (*shape[:axis], x.shape[axis], *shape[axis + 1 :])) for x in (input, indices))
    return Index.apply(x, *_along(index, axis))


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Return y with y[i, j, k] = input[i, index[i, j, k], k] for dim 1, and so on, in the shape of index.

    Raises:  RuntimeError: index is no tensor of whole numbers, is out of range, or larger than input on another axis
             NotImplementedError: sparse_grad
    """
    if sparse_grad:
        raise NotImplementedError("gather: sparse_grad is not implemented")
    axis = normalize_dim(dim, input.ndim)
    _check_dtype("gather", index)
    if not index.numel():
        return Index.apply(ravel(input), (True,), index)
    x, index, shape = at_least_1d(input), at_least_1d(index), index.shape
    _check_sizes("gather", index, x, axis)
    _check_range(index, x.shape[axis], axis)
    return reshape(Index.apply(x, *_along(index, axis)), shape)


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """Return a copy y of the input with y[i, index[i, j, k], k] = src[i, j, k] for dim 1, and so on.

    Args:    src, value: a tensor, or a number that is written everywhere
             reduce: "add" adds instead of writing, as `scatter_add`
    Raises:  RuntimeError: as `gather`; src has another dtype or is smaller than index
             NotImplementedError: reduce is "multiply"
    """
    src = value if src is None else src
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"scatter: reduce argument must be either add or multiply, not {reduce!r}")
    if reduce == "multiply":
        raise NotImplementedError("scatter: reduce='multiply' is not implemented")
    if not isinstance(src, Tensor):
        fill = backend.array_module(input.array).full((), src, input.array.dtype)
        src = expand(Tensor(fill), index.shape)
    return _scatter("scatter", input, dim, index, src, reduce == "add")


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Return a copy y of the input with src[i, j, k] added to y[i, index[i, j, k], k] for dim 1, and so on.

    Raises:  RuntimeError: as `scatter`
    """
    return _scatter("scatter_add", input, dim, index, src, True)


def _scatter(name: str, input: Tensor, dim: int, index: Tensor, src: Tensor, add: bool) -> Tensor:
    axis = normalize_dim(dim, input.ndim)
    _check_dtype(name, index)
    if src.dtype != input.dtype:
        raise RuntimeError(
            f"{name}(): Expected input and src to have the same dtype, got {input.dtype} and {src.dtype}"
        )
    if not index.numel():
        nothing = GetItem.apply(ravel(src), (slice(0),))
        return reshape(IndexPut.apply(ravel(input), nothing, add, (True,), ravel(index)), input.shape)
    x, index, src = at_least_1d(input), at_least_1d(index), at_least_1d(src)
    _check_sizes(name, index, x, axis)
    _check_sizes(name, index, src, None)
    _check_range(index, x.shape[axis], axis)
    if src.shape != index.shape:
        src = GetItem.apply(src, tuple(slice(n) for n in index.shape))
    return reshape(IndexPut.apply(x, src, add, *_along(index, axis)), input.shape)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of the input at indices along an axis.

    Raises:  RuntimeError: index is no tensor of whole numbers; IndexError: it has more than one axis
             it is out of range: IndexError along axis 0, RuntimeError along others, as in torch
    """
    axis = normalize_dim(dim, input.ndim)
    index = _vector("index_select", index)
    x = at_least_1d(input)
    _check_range(index, x.shape[axis], axis, RuntimeError if axis else IndexError)
    y = Index.apply(x, _slots(axis), index)
    return y if input.ndim else reshape(y, ())


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Return a copy of the input with alpha * source added to its slices at indices along an axis.

    Raises:  RuntimeError: source does not have one slice of the input's shape for each index, or has another dtype
    """
    axis = normalize_dim(dim, input.ndim)
    index = _vector("index_add", index)
    _check_slices("index_add", input, axis, index, source, RuntimeError)
    _check_range(index, at_least_1d(input).shape[axis], axis)
    source = source if alpha == 1 else source * alpha
    return _put(input, axis, index, source, add=True)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return a copy of the input with its slices at indices along an axis replaced by those of source.

    Raises:  RuntimeError: source has slices of another shape or another dtype; IndexError: index is out of range, or
             their number differs
    """
    axis = normalize_dim(dim, input.ndim)
    _check_dtype("index_copy", index, long=True)
    index = _vector("index_copy", index)
    if source.ndim == 0:
        source = reshape(source, (1,))
    _check_slices("index_copy", input, axis, index, source, IndexError)
    _check_range(index, at_least_1d(input).shape[axis], axis, IndexError)
    return _put(input, axis, index, source)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Return a copy of the input with a value, a number or a tensor without axes, at indices along an axis.

    Raises:  IndexError: index is not int64, or out of range; RuntimeError: index or value has too many axes
    """
    axis = normalize_dim(dim, input.ndim)
    if index.dtype != np.int64:
        raise IndexError(f"index_fill(): Expected dtype int64 for index, got {index.dtype}")
    if index.ndim > 1:
        raise RuntimeError(f"index_fill(): Index has to be a vector or scalar, got shape {list(index.shape)}")
    return _put(input, axis, at_least_1d(index), _fill_value("index_fill", input, value))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Return the input with a value, a number or a tensor without axes, where the mask holds; both broadcast.

    Raises:  RuntimeError: the mask is not bool, value has axes or does not fit the dtype, shapes do not broadcast
    """
    if mask.dtype != np.bool_:
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    x, mask = broadcast_tensors(input, mask)
    return MaskedFill.apply(x, _fill_value("masked_fill", input, value), mask)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where the mask holds, in one axis; input and mask broadcast.

    Raises:  RuntimeError: the mask is not bool, or the shapes do not broadcast
    """
    if mask.dtype != np.bool_:
        raise RuntimeError(f"masked_select: expected a bool tensor for mask, got {mask.dtype}")
    x, mask = broadcast_tensors(input, mask)
    return (
        Index.apply(x, (True,), mask) if x.ndim else Index.apply(at_least_1d(x), (True,), at_least_1d(mask))
    )


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return where the elements are not zero: one row of indices an element, or with as_tuple one tensor an axis."""
    xp = backend.array_module(input.array)
    if as_tuple:
        return tuple(Tensor(index) for index in xp.nonzero(at_least_1d(input).array))
    return Tensor(xp.argwhere(input.array))


def argwhere(input: Tensor) -> Tensor:
    """Return where the elements are not zero: one row of indices an element."""
    return nonzero(input)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return zeros with a one at the class that each element names, along a new last axis; int64.

    Args:    num_classes: size of that axis; -1 for the largest class plus one, for which the host waits
    Raises:  RuntimeError: not int64, a class is negative or too large, or there is none to find num_classes from
    """
    if tensor.dtype != np.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type int64, got {tensor.dtype}")
    if num_classes < 1 and not tensor.numel():
        raise RuntimeError("one_hot: can not infer total number of classes from empty tensor.")
    if num_classes == -1:
        num_classes = int(tensor.array.max()) + 1
    on_host = backend.check_on_host(tensor.array)
    if on_host is not None and on_host.size:
        if on_host.min() < 0:
            raise RuntimeError(f"one_hot: class values must be non-negative, got {on_host.min()}")
        if on_host.max() >= num_classes:
            raise RuntimeError(
                f"one_hot: class values must be smaller than num_classes, got {on_host.max()} >= {num_classes}"
            )
    classes = backend.array_module(tensor.array).arange(num_classes)
    return Tensor((tensor.array[..., None] == classes).astype(np.int64))


def _slots(axis: int) -> tuple[bool, ...]:
    return (*(False,) * axis, True)


def _along(index: Tensor, axis: int) -> tuple[Any, ...]:
    """Return the slots and indices that name, on the other axes, each element's own place."""
    xp, ndim = backend.array_module(index.array), index.array.ndim
    indices = [
        index if i == axis else Tensor(xp.arange(n).reshape(tuple(n if j == i else 1 for j in range(ndim))))
        for i, n in enumerate(index.array.shape)
    ]
    return (True,) * ndim, *indices


def _put(input: Tensor, axis: int, index: Tensor, values: Any, add: bool = False) -> Tensor:
    y = IndexPut.apply(at_least_1d(input), values, add, _slots(axis), index)
    return y if input.ndim else reshape(y, ())


def _fill_value(name: str, input: Tensor, value: Any) -> Any:
    """Bring a value to the dtype of the tensor that it is written into."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"{name} only supports a 0-dimensional value tensor, but got shape {list(value.shape)}"
            )
        return value.to(input)
    dtype = input.array.dtype
    with np.errstate(all="ignore"):
        filled: Any = np.asarray(value).astype(dtype)[()]
    lost = (
        not np.isfinite(filled) if dtype.kind == "f" else dtype.kind in "iu" and abs(int(filled) - value) >= 1
    )
    if np.isfinite(value) and lost:
        raise RuntimeError(f"{name}: value {value!r} cannot be converted to {dtype} without overflow")
    return filled


def _vector(name: str, index: Tensor) -> Tensor:
    _check_dtype(name, index)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, but got shape {list(index.shape)}")
    return at_least_1d(index)


def _check_dtype(name: str, index: Tensor, long: bool = False) -> None:
    if index.dtype not in ((np.int64,) if long else (np.int64, np.int32)):
        raise RuntimeError(
            f"{name}(): Expected dtype {'int64' if long else 'int32/int64'} for index, got {index.dtype}"
        )


def _check_sizes(name: str, index: Tensor, other: Tensor, axis: int | None) -> None:
    """Check that index is not larger than another tensor, but on `axis`."""
    if index.ndim != other.ndim:
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as the others, got shapes "
            f"{list(index.shape)} and {list(other.shape)}"
        )
    if any(n > m for i, (n, m) in enumerate(zip(index.shape, other.shape, strict=True)) if i != axis):
        raise RuntimeError(
            f"{name}(): Expected index {list(index.shape)} to be no larger than {list(other.shape)}"
            + ("" if axis is None else f" apart from dimension {axis}")
        )


def _check_range(index: Tensor, size: int, axis: int, error: type[Exception] = RuntimeError) -> None:
    """Check on the host that indices lie in [0, size)."""
    on_host = backend.check_on_host(index.array)
    if on_host is None or not on_host.size:
        return
    for found in (on_host.min(), on_host.max()):
        if not 0 <= found < size:
            raise error(f"index {found} is out of bounds for dimension {axis} with size {size}")


def _check_slices(
    name: str, input: Tensor, axis: int, index: Tensor, source: Tensor, error: type[Exception]
) -> None:
    """Check that source has one slice of the input for each index."""
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"{name}(): input ({input.dtype}) and source ({source.dtype}) must have the same dtype"
        )
    shape = at_least_1d(input).shape
    if source.ndim == len(shape) and source.shape[axis] != index.numel():
        raise error(
            f"{name}(): Number of indices ({index.numel()}) should be equal to source.size({axis}): "
            f"{source.shape[axis]}"
        )
    if source.shape != (*shape[:axis], index.numel(), *shape[axis + 1 :]):
        raise RuntimeError(
            f"{name}(): source {list(source.shape)} must match input {list(shape)} apart from dimension {axis}"
        )
