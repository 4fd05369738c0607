"""Operations that change the shape of a tensor and not its elements; most share its memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function, delayed, no_grad, views
from tinynet.backend import array_module
from tinynet.memory_format import channels_last, contiguous_format, preserve_format
from tinynet.ops.reduce import normalize_dim, normalize_dims
from tinynet.tensor import Tensor

__all__ = [
    "clone",
    "flatten",
    "moveaxis",
    "movedim",
    "permute",
    "ravel",
    "reshape",
    "squeeze",
    "swapaxes",
    "swapdims",
    "transpose",
    "unflatten",
    "unsqueeze",
]

_LAST = (0, 2, 3, 1)
"""From the axes (N, C, H, W) to their order in channels-last memory."""
_FIRST = (0, 3, 1, 2)


class Reshape(Function):
    """The same elements in row-major order, in another shape."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        array = delayed.unfinished(x)
        ctx.shape = array.shape
        if array.flags.c_contiguous:  # no number is looked at
            return delayed.running(array.reshape(shape))
        return Tensor(x.array.reshape(shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return Reshape.apply(grad, ctx.shape), None


class Permute(Function):
    """The axes in another order."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, dims: tuple[int, ...]) -> Tensor:
        ctx.dims = dims
        return Tensor(x.array.transpose(dims))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        inverse = tuple(sorted(range(len(ctx.dims)), key=ctx.dims.__getitem__))
        return Permute.apply(grad, inverse), None


class Copy(Function):
    """The same elements in memory of their own, in a given order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, memory_format: Any) -> Tensor:
        if memory_format is channels_last:
            y = Tensor(x.array.transpose(_LAST).copy().transpose(_FIRST))
            y._channels_last = True
            return y
        return Tensor(x.array.copy(order="C" if memory_format is contiguous_format else "K"))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def reshape(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the elements of the input in another shape, sharing memory where possible; one size may be -1.

    Raises:  RuntimeError: the shape does not have as many elements
    """
    return _reshaped(input, _complete(shape, input.array.size))


def _reshaped(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return x in a shape: as torch would, which takes the results of convolutions to lie row by row.

    Where torch's memory is shared and here is not, changes in place are carried over (autograd/views.py); where
    torch copies, so does this.
    """
    y = Reshape.apply(x, shape)
    if _is_copy(y, x):
        if _is_view_of_row_major(x, shape):
            views.mirror(x, y)
    elif y is not x and _torch_copies(x, shape):
        return Reshape.apply(Copy.apply(x, contiguous_format), shape)
    return y


def at_least_1d(x: Tensor) -> Tensor:
    """Return the tensor, one without axes with an axis of size 1."""
    return x if x.array.ndim else reshape(x, (1,))


def view(input: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the same memory in another shape; one size may be -1.

    Results of convolutions lie channels last in memory, where torch's are contiguous. A view that only this
    order prevents is a copy here, to which changes of the input are carried over, and the other way.

    Raises:  RuntimeError: the shape does not have as many elements, or torch would have to copy, too
    """
    sizes = _complete(shape, input.array.size)
    y = Reshape.apply(input, sizes)
    if _is_copy(y, input):
        if not _is_view_of_row_major(input, sizes):
            raise RuntimeError(
                f"view size is not compatible with input tensor's size and stride: {list(shape)} from shape "
                f"{list(input.shape)} and strides {list(stride(input))}. Use .reshape(...) instead."
            )
        views.mirror(input, y)
    return y


def _is_copy(y: Tensor, x: Tensor) -> bool:
    a, b = delayed.unfinished(x), delayed.unfinished(y)
    return bool(a.size and not a.flags.c_contiguous and not array_module(a).may_share_memory(a, b))


def _is_view_of_row_major(x: Tensor, shape: tuple[int, ...]) -> bool:
    """Return whether x could be viewed in a shape if the tensor that x is a view of lay in memory row by row."""
    made = views.how_made(x)
    if made is None:
        return True
    with no_grad():
        again = _in_row_major(made, x.array.dtype)
        return not _is_copy(Reshape.apply(again, shape), again)


def _in_row_major(made: views.View, dtype: Any) -> Tensor:
    """Return a view, of any values, made as another was, of a tensor that lies in memory row by row."""
    return views.replay(Tensor(np.empty(made.base.array.shape, dtype)), made.steps())


def _torch_copies(x: Tensor, shape: tuple[int, ...] | None) -> bool:
    """Return whether torch copies where memory is shared here: x is a view of a tensor that lies in another order.

    Args:    shape: of a reshape; None: to be contiguous
    """
    made = views.how_made(x)
    if made is None or made.base.array.flags.c_contiguous or made.base._channels_last:
        return False
    with no_grad():
        again = _in_row_major(made, x.array.dtype)
        return (
            not again.array.flags.c_contiguous
            if shape is None
            else _is_copy(Reshape.apply(again, shape), again)
        )


def _complete(shape: Sequence[int], count: int) -> tuple[int, ...]:
    """Check that a shape holds `count` elements, and put a size in place of its -1."""
    sizes = tuple(shape)
    known = math.prod(n for n in sizes if n != -1)
    holes = sizes.count(-1)
    if holes > 1 or min(sizes, default=0) < -1:
        raise RuntimeError(
            f"invalid shape {list(sizes)}: sizes are >= 0, and only one dimension can be inferred (-1)"
        )
    if (known != count) if holes == 0 else (known == 0 or count % known):
        raise RuntimeError(f"shape {list(sizes)} is invalid for input of size {count}")
    # int() also of sizes that are NumPy's scalars or tensors of one element.
    return tuple(int(n) if n != -1 else count // known for n in sizes)


def alias(x: Tensor) -> Tensor:
    """Return the same memory as a new tensor of the graph, by which x can be told from what x was made of."""
    return Reshape.apply(x, x.array.shape)


def ravel(input: Tensor) -> Tensor:
    """Return the elements in one axis, sharing memory where possible."""
    return _reshaped(input, (input.array.size,))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return the input with the axes from start_dim to end_dim joined into one.

    Raises:  RuntimeError: start_dim comes after end_dim
    """
    shape = delayed.outline(input).shape
    start, end = normalize_dim(start_dim, len(shape)), normalize_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim {start_dim} cannot come after end_dim {end_dim}"
        )
    if start == end and shape:
        return input
    return _reshaped(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return the input with one axis split into axes of the given sizes, one of which may be -1.

    Raises:  RuntimeError: the sizes do not multiply up to that of the axis
    """
    axis = normalize_dim(dim, input.ndim)
    count, sizes = input.shape[axis], tuple(sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = math.prod(n for n in sizes if n != -1)
    if (known != count) if -1 not in sizes else (known == 0 or count % known):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({count}) "
            f"in the input tensor of shape {list(input.shape)}"
        )
    return Reshape.apply(input, (*input.shape[:axis], *_complete(sizes, count), *input.shape[axis + 1 :]))


def permute(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return the input with its axes in the order `dims`.

    Raises:  RuntimeError: dims does not name each axis once
    """
    axes = tuple([normalize_dim(int(d), input.array.ndim) for d in dims])
    if sorted(axes) != list(range(input.ndim)):
        raise RuntimeError(f"permute(dims {list(dims)}) must name each of the {input.ndim} dimensions once")
    return Permute.apply(input, axes)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return the input with two axes exchanged."""
    axes = list(range(input.ndim))
    i, j = normalize_dim(dim0, input.ndim), normalize_dim(dim1, input.ndim)
    if axes:
        axes[i], axes[j] = axes[j], axes[i]
    return Permute.apply(input, tuple(axes))


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return the input with two axes exchanged, as `transpose`."""
    return transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return the input with two axes exchanged, as `transpose`."""
    return transpose(input, dim0, dim1)


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return the input with the axes `source` at the places `destination`, the others in their order.

    Raises:  RuntimeError: as many sources as destinations are needed, each of them once
    """
    sources, targets = ([d] if isinstance(d, int | np.integer) else list(d) for d in (source, destination))
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source {sources} should contain the same number "
            f"of dims as destination {targets}"
        )
    start = [normalize_dim(d, input.ndim) for d in sources]
    end = [normalize_dim(d, input.ndim) for d in targets]
    for name, axes, given in (("source", start, sources), ("destination", end, targets)):
        if len(set(axes)) < len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({given})")
    order = [axis for axis in range(input.ndim) if axis not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return Permute.apply(input, tuple(order)[: input.ndim])


def moveaxis(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Return the input with the axes `source` at the places `destination`, as `movedim`."""
    return movedim(input, source, destination)


def squeeze(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return the input without its axes of size 1: all of them, or those of the named ones that have size 1.

    Raises:  RuntimeError: an axis is named twice
    """
    shape = input.array.shape
    if dim is None:
        return Reshape.apply(input, tuple(n for n in shape if n != 1))
    dims = [dim] if isinstance(dim, int | np.integer) else list(dim)
    drop = normalize_dims(dims, len(shape))
    return Reshape.apply(input, tuple(n for i, n in enumerate(shape) if n != 1 or i not in drop))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return the input with an axis of size 1 before axis `dim`."""
    shape = input.array.shape
    axis = normalize_dim(dim, len(shape) + 1)
    return Reshape.apply(input, (*shape[:axis], 1, *shape[axis:]))


def stride(input: Tensor, dim: int | None = None) -> Any:
    """Return how many elements apart neighbours along each axis lie in memory, or along one axis."""
    array = input.array
    if array.size:
        strides = tuple(step // array.itemsize for step in array.strides)
    else:  # NumPy gives an empty array strides 0
        sizes = [max(n, 1) for n in array.shape]
        strides = tuple(math.prod(sizes[i + 1 :]) for i in range(len(sizes)))
    return strides if dim is None else strides[normalize_dim(dim, len(strides))]


def is_contiguous(input: Tensor, memory_format: Any = contiguous_format) -> bool:
    """Return whether the elements lie in memory in the order of a memory format."""
    if memory_format is channels_last:
        return input.ndim == 4 and bool(input.array.transpose(_LAST).flags.c_contiguous)
    return bool(input.array.flags.c_contiguous)


def contiguous(input: Tensor, memory_format: Any = contiguous_format) -> Tensor:
    """Return the input itself if it lies in memory in the order of a format, else a copy that does.

    Raises:  RuntimeError: channels_last of a tensor that has not four axes, or preserve_format
    """
    _check_format(input, memory_format)
    if is_contiguous(input, memory_format):
        copies = memory_format is contiguous_format and _torch_copies(input, None)
        return Copy.apply(input, memory_format) if copies else input
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    y = Copy.apply(input, memory_format)
    if memory_format is contiguous_format and not _torch_copies(input, None):
        views.mirror(input, y)  # in torch it is the input itself
    return y


def clone(input: Tensor, *, memory_format: Any = preserve_format) -> Tensor:
    """Return a copy through which gradients flow, in memory of its own.

    Raises:  RuntimeError: channels_last of a tensor that has not four axes
    """
    _check_format(input, memory_format)
    return Copy.apply(input, memory_format)


def _check_format(input: Tensor, memory_format: Any) -> None:
    if memory_format is channels_last:
        if input.ndim != 4:
            raise RuntimeError(
                f"required rank 4 tensor to use channels_last format, got shape {list(input.shape)}"
            )
    elif memory_format not in (contiguous_format, preserve_format):
        raise NotImplementedError(f"memory format {memory_format!r} is not implemented")
