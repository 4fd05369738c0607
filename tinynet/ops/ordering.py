"""Operations that reorder elements within axes, and those on diagonals and windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function, views
from tinynet.backend import array_module
from tinynet.grad_mode import is_grad_enabled
from tinynet.ops.indexing import ALL
from tinynet.ops.reduce import normalize_dim, normalize_dims
from tinynet.ops.shape import clone, movedim, transpose
from tinynet.tensor import Tensor

__all__ = [
    "diag",
    "diag_embed",
    "diagonal",
    "flip",
    "fliplr",
    "flipud",
    "roll",
    "rot90",
    "tril",
    "triu",
]


class Flip(Function):
    """The elements in reverse order along some axes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dims: tuple[int, ...]) -> Tensor:
        ctx.dims = dims
        index = tuple(slice(None, None, -1) if i in dims else ALL for i in range(x.array.ndim))
        return Tensor(x.array[(*index, ...)].copy(order="K"))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return Flip.apply(grad, ctx.dims), None


class Roll(Function):
    """The elements shifted along some axes; what leaves at one end comes in at the other."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Tensor:
        ctx.shifts, ctx.dims = shifts, dims
        return Tensor(array_module(x.array).roll(x.array, shifts, dims))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Roll.apply(grad, tuple(-n for n in ctx.shifts), ctx.dims), None, None


class Triangle(Function):
    """The lower ("tril") or upper ("triu") triangle of matrices, zeros elsewhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str, diagonal: int) -> Tensor:
        ctx.name, ctx.diagonal = name, diagonal
        return Tensor(getattr(array_module(x.array), name)(x.array, diagonal))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Triangle.apply(grad, ctx.name, ctx.diagonal), None, None


class Diagonal(Function):
    """A diagonal of the matrices in the last two axes: a view."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, offset: int) -> Tensor:
        ctx.offset, ctx.shape = offset, x.array.shape
        return Tensor(_diagonal(x.array, offset))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return DiagonalMatrix.apply(grad, ctx.offset, ctx.shape), None


class DiagonalMatrix(Function):
    """Zeros of a shape, with values on a diagonal of the last two axes: the adjoint of Diagonal."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, offset: int, shape: tuple[int, ...]) -> Tensor:
        ctx.offset = offset
        target = array_module(values.array).zeros(shape, values.array.dtype)
        _diagonal(target, offset)[...] = values.array
        return Tensor(target)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Diagonal.apply(grad, ctx.offset), None, None


class Windows(Function):
    """Windows of `size` elements along an axis, `step` apart; the elements of a window lie along a new last axis."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int, size: int, step: int) -> Tensor:
        ctx.shape, ctx.axis, ctx.size, ctx.step = x.array.shape, axis, size, step
        count = (x.array.shape[axis] - size) // step + 1
        shape = (*x.array.shape[:axis], count, *x.array.shape[axis + 1 :], size)
        steps = list(x.array.strides)
        strides = (*steps[:axis], steps[axis] * step, *steps[axis + 1 :], steps[axis])
        return Tensor(array_module(x.array).lib.stride_tricks.as_strided(x.array, shape, strides))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return AddWindows.apply(grad, ctx.shape, ctx.axis, ctx.size, ctx.step), None, None, None


class AddWindows(Function):
    """Windows added up where they overlap: the adjoint of Windows."""

    @staticmethod
    def forward(ctx: Any, windows: Tensor, shape: tuple[int, ...], axis: int, size: int, step: int) -> Tensor:
        ctx.axis, ctx.size, ctx.step = axis, size, step
        target = array_module(windows.array).zeros(shape, windows.array.dtype)
        end = step * windows.array.shape[axis]
        for i in range(size):
            target[(*(ALL,) * axis, slice(i, min(i + end, shape[axis]), step))] += windows.array[..., i]
        return Tensor(target)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        return Windows.apply(grad, ctx.axis, ctx.size, ctx.step), None, None, None, None


def _diagonal(array: Any, offset: int) -> Any:
    """Return a diagonal of the last two axes as a view that can be written to (numpy.diagonal's cannot)."""
    rows, columns = array.shape[-2:]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    row, column = (min(max(-offset, 0), rows), min(max(offset, 0), columns))
    square = array[..., row : row + length, column : column + length]
    return array_module(array).einsum("...ii->...i", square)


def flip(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return a copy with the elements in reverse order along the axes `dims`.

    Raises:  RuntimeError: an axis is named twice; TypeError: dims is a number
    """
    if isinstance(dims, int | np.integer):
        raise TypeError(f"flip(): argument 'dims' must be tuple of ints, not {dims}")
    return Flip.apply(input, tuple(normalize_dims(dims, input.ndim)))


def fliplr(input: Tensor) -> Tensor:
    """Return a copy with axis 1 in reverse order.

    Raises:  RuntimeError: there is no axis 1
    """
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got shape {list(input.shape)}")
    return Flip.apply(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """Return a copy with axis 0 in reverse order.

    Raises:  RuntimeError: there is no axis
    """
    if input.ndim < 1:
        raise RuntimeError(f"flipud: Input must be >= 1-d, got shape {list(input.shape)}")
    return Flip.apply(input, (0,))


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Return the elements shifted along axes, or of the flattened input without dims; what leaves comes in again.

    Raises:  RuntimeError: not as many shifts as dims; IndexError: there is no such axis
    """
    offsets, axes = (
        () if value is None else (value,) if isinstance(value, int | np.integer) else tuple(value)
        for value in (shifts, dims)
    )
    if not axes and len(offsets) == 1:
        flat = input.reshape(-1)
        return Roll.apply(flat, offsets, (0,)).reshape(input.shape)
    if len(offsets) != len(axes) or not offsets:
        raise RuntimeError(f"shifts and dimensions must align. shifts: {list(offsets)}, dims: {list(axes)}")
    if not input.ndim:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    return Roll.apply(input, offsets, tuple(normalize_dim(d, input.ndim) for d in axes))


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Return the input turned k times by 90 degrees in the plane of two axes, from the first towards the second.

    Raises:  RuntimeError: not two different axes, or the input has fewer
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {list(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got shape {list(input.shape)}")
    first, second = (normalize_dim(d, input.ndim) for d in dims)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got {list(dims)}")
    turns = k % 4
    if turns == 0:
        return clone(input)
    if turns == 2:
        return Flip.apply(input, (first, second))
    return transpose(Flip.apply(input, (second if turns == 1 else first,)), first, second)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle of matrices, up to the diagonal with that offset, and zeros above it.

    Raises:  RuntimeError: the input has fewer than two axes
    """
    return _triangle("tril", input, diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle of matrices, from the diagonal with that offset on, and zeros below it.

    Raises:  RuntimeError: the input has fewer than two axes
    """
    return _triangle("triu", input, diagonal)


def _triangle(name: str, input: Tensor, diagonal: int) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, got shape {list(input.shape)}"
        )
    return Triangle.apply(input, name, diagonal)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a diagonal of the matrices in two axes along a new last axis, as a view.

    Args:    offset: how many columns to the right of the main diagonal
    Raises:  RuntimeError: the axes are the same
    """
    i, j = normalize_dim(dim1, input.ndim), normalize_dim(dim2, input.ndim)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return Diagonal.apply(movedim(input, (i, j), (-2, -1)), offset)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return square matrices of zeros, in two new axes, with the last axis of the input on a diagonal.

    Raises:  RuntimeError: the axes are the same
    """
    count = input.ndim + 1
    i, j = normalize_dim(dim1, count), normalize_dim(dim2, count)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = input.shape[-1] + abs(offset)
    matrices = DiagonalMatrix.apply(input, offset, (*input.shape[:-1], size, size))
    return movedim(matrices, (-2, -1), (i, j))


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or the matrix of zeros with the input on its diagonal.

    Raises:  RuntimeError: the input has neither one nor two axes
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got shape {list(input.shape)}")
    return clone(Diagonal.apply(input, diagonal)) if input.ndim == 2 else diag_embed(input, diagonal)


def windows(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return all windows of `size` elements, `step` apart, along an axis, as a view: `Tensor.unfold`.

    Shapes:  returns (.., (N - size) // step + 1, .., size)
    Raises:  RuntimeError: size is negative or larger than the axis, or step < 1
    """
    axis = normalize_dim(dimension, input.ndim)
    x = input if input.ndim else input.reshape(1)
    if not 0 <= size <= x.shape[axis]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {axis} is {x.shape[axis]} but size is {size}"
        )
    if step < 1:
        raise RuntimeError(f"step is {step} but must be > 0")
    y = Windows.apply(x, axis, size, step)
    # As views.track does, which cannot see whose memory a result of as_strided shares.
    y._counter = x.version_counter()
    if is_grad_enabled():
        y._view = views.View(x if x._view is None else x._view.base, x._view, Windows, (axis, size, step))
    if step < size:  # they overlap: not to be written to
        y.array = array_module(y.array).broadcast_to(y.array, y.array.shape)
    return y if input.ndim else y.reshape(size)
