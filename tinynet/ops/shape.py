"""Operations that move elements without changing them; the backward of each is another of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module, scatter_add_
from tinynet.ops.arithmetic import result_type
from tinynet.ops.reduce import normalize_dim, sum_to
from tinynet.tensor import Tensor


class Reshape(Function):
    """The same elements in row-major order, in another shape."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.shape = x.shape
        return Tensor(x.array.reshape(shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return reshape(grad, ctx.shape), None


class Permute(Function):
    """The axes in another order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dims: tuple[int, ...]) -> Tensor:
        ctx.inverse = tuple(int(i) for i in np.argsort(dims))
        return Tensor(x.array.transpose(dims))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return permute(grad, ctx.inverse), None


class Expand(Function):
    """Axes of size 1 repeated without copying."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.shape = x.shape
        return Tensor(array_module(x.array).broadcast_to(x.array, shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return sum_to(grad, ctx.shape), None


class GetItem(Function):
    """x[index], NumPy's basic and advanced indexing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Any) -> Tensor:
        ctx.index, ctx.shape = index, x.shape
        return Tensor(x.array[index])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ScatterAdd.apply(grad, ctx.index, ctx.shape), None


class ScatterAdd(Function):
    """Zeros of a shape with values added at an index, duplicates counted: the adjoint of GetItem."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor:
        ctx.index = index
        target = array_module(values.array).zeros(shape, values.dtype)
        if _is_basic(index):
            target[index] = values.array
        else:
            scatter_add_(target, index, values.array)
        return Tensor(target)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad[ctx.index], None, None


class Pad(Function):
    """x with a constant around it, (before, after) for each axis; negative widths cut away."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, widths: tuple[tuple[int, int], ...], value: float) -> Tensor:
        ctx.widths = widths
        shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
        padded = array_module(x.array).full(shape, value, x.dtype)
        target = tuple(slice(max(b, 0), n - max(a, 0)) for n, (b, a) in zip(shape, widths, strict=True))
        source = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths, strict=True))
        padded[target] = x.array[source]
        return Tensor(padded)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Pad.apply(grad, tuple((-before, -after) for before, after in ctx.widths), 0), None, None


class Cat(Function):
    """Tensors one after the other along an axis."""

    @staticmethod
    def forward(ctx: Any, axis: int, *tensors: Tensor) -> Tensor:
        ctx.axis = axis
        ctx.ends = np.cumsum([0] + [x.shape[axis] for x in tensors]).tolist()
        return Tensor(array_module(tensors[0].array).concatenate([x.array for x in tensors], axis))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        before = (slice(None),) * ctx.axis
        return (
            None,
            *(
                grad[(*before, slice(start, end))] if needed else None
                for start, end, needed in zip(
                    ctx.ends[:-1], ctx.ends[1:], ctx.needs_input_grad[1:], strict=True
                )
            ),
        )


def _is_basic(index: Any) -> bool:
    """Return whether an index has only whole numbers, slices, None and ..., so that it names no element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None
        or part is Ellipsis
        or (isinstance(part, slice | int | np.integer) and not isinstance(part, bool))
        for part in parts
    )


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the elements of x in another shape; one size may be -1.

    Raises:  RuntimeError: the shape does not have as many elements
    """
    shape = tuple(int(n) for n in shape)
    known = math.prod(n for n in shape if n != -1)
    holes = shape.count(-1)
    if holes > 1 or any(n < -1 for n in shape):
        raise RuntimeError(
            f"invalid shape {list(shape)}: sizes are >= 0, and only one dimension can be inferred (-1)"
        )
    if (known != x.numel()) if holes == 0 else (known == 0 or x.numel() % known):
        raise RuntimeError(f"shape {list(shape)} is invalid for input of size {x.numel()}")
    return Reshape.apply(x, shape)


def alias(x: Tensor) -> Tensor:
    """Return the same memory as a new tensor of the graph, by which x can be told from what x was made of."""
    return Reshape.apply(x, x.shape)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return x with the axes from start_dim to end_dim joined into one.

    Raises:  RuntimeError: start_dim comes after end_dim
    """
    start, end = normalize_dim(start_dim, x.ndim), normalize_dim(end_dim, x.ndim)
    if start > end:
        raise RuntimeError(
            f"flatten() has invalid args: start_dim {start_dim} cannot come after end_dim {end_dim}"
        )
    joined = math.prod(x.shape[start : end + 1])
    return Reshape.apply(x, (*x.shape[:start], joined, *x.shape[end + 1 :]))


def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    """Return x with its axes in the order `dims`.

    Raises:  RuntimeError: dims does not name each axis once
    """
    axes = tuple(normalize_dim(d, x.ndim) for d in dims)
    if sorted(axes) != list(range(x.ndim)):
        raise RuntimeError(f"permute(dims {list(dims)}) must name each of the {x.ndim} dimensions once")
    return Permute.apply(x, axes)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return x with two axes exchanged."""
    axes = list(range(x.ndim))
    i, j = normalize_dim(dim0, x.ndim), normalize_dim(dim1, x.ndim)
    if x.ndim:
        axes[i], axes[j] = axes[j], axes[i]
    return Permute.apply(x, tuple(axes))


def squeeze(x: Tensor, dim: int | None = None) -> Tensor:
    """Return x without its axes of size 1: all of them, or the one named if it has size 1."""
    drop = range(x.ndim) if dim is None else [normalize_dim(dim, x.ndim)]
    return Reshape.apply(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in drop))


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """Return x with an axis of size 1 before axis `dim`."""
    axis = normalize_dim(dim, x.ndim + 1)
    return Reshape.apply(x, (*x.shape[:axis], 1, *x.shape[axis:]))


def expand(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return x broadcast to `sizes` without copying; -1 keeps a size.

    Raises:  RuntimeError: an axis other than size 1 would change
    """
    missing = len(sizes) - x.ndim
    old = (1,) * missing + x.shape
    shape = tuple(o if n == -1 else n for n, o in zip(sizes, old, strict=False))
    fits = missing >= 0 and all(o in (1, n) for n, o in zip(shape, old, strict=True))
    if not fits or -1 in tuple(sizes)[:missing]:
        raise RuntimeError(f"expand: the sizes {list(sizes)} do not fit a tensor of shape {list(x.shape)}")
    return Expand.apply(x, shape)


def getitem(x: Tensor, index: Any) -> Tensor:
    """Return x[index]; Tensors in the index stand for their arrays."""
    parts = tuple(_as_index(part) for part in index) if isinstance(index, tuple) else _as_index(index)
    return GetItem.apply(x, parts)


def _as_index(part: Any) -> Any:
    if isinstance(part, Tensor):
        return part.array
    return np.asarray(part, None if part else np.int64) if isinstance(part, list) else part


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return x with `value` (default 0) around its last axes.

    Args:    pad: (before, after) of the last axis, then of the one before it, and so on; negative cuts away
    Raises:  NotImplementedError: mode is not "constant"; RuntimeError: pad has odd length or is too long
    """
    if mode != "constant":
        raise NotImplementedError(f"pad: mode {mode!r} is not implemented, only 'constant'")
    if len(pad) % 2 or len(pad) // 2 > x.ndim:
        raise RuntimeError(f"Padding length must be even and at most {2 * x.ndim}, got {list(pad)}")
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    widths = ((0, 0),) * (x.ndim - len(pairs)) + tuple(reversed(pairs))
    for n, (before, after) in zip(x.shape, widths, strict=True):
        if n + before + after < 0 or max(-before, 0) + max(-after, 0) > n:
            raise RuntimeError(f"pad {list(pad)} cuts away more than shape {list(x.shape)} has")
    return Pad.apply(x, widths, 0 if value is None else value)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors one after the other along an axis.

    Raises:  RuntimeError: there is none, or their other sizes differ
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("cat: expected a non-empty list of Tensors")
    axis = normalize_dim(dim, tensors[0].ndim)
    others = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in tensors}
    if len(others) > 1 or any(x.ndim != tensors[0].ndim for x in tensors) or tensors[0].ndim == 0:
        raise RuntimeError(
            f"Sizes of tensors must match except in dimension {dim}: got {[list(x.shape) for x in tensors]}"
        )
    dtype = functools.reduce(result_type, (x.dtype for x in tensors))
    return Cat.apply(axis, *(x.to(dtype) for x in tensors))


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, side by side along a new axis."""
    return cat([unsqueeze(x, dim) for x in tensors], dim)
