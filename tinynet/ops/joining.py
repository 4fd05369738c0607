"""Operations that put tensors together, take one apart, or repeat it."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function, views
from tinynet.backend import array_module, asnumpy, to_device
from tinynet.ops.broadcasting import broadcast_to
from tinynet.ops.indexing import ALL, GetItem, Index
from tinynet.ops.promotion import result_type
from tinynet.ops.reduce import normalize_dim
from tinynet.ops.shape import flatten, ravel, reshape, unsqueeze
from tinynet.tensor import Tensor

__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dstack",
    "hstack",
    "meshgrid",
    "repeat_interleave",
    "split",
    "split_with_sizes",
    "stack",
    "tensor_split",
    "tile",
    "unbind",
    "vstack",
]


class Cat(Function):
    """Tensors one after the other along an axis."""

    @staticmethod
    def forward(ctx: Any, axis: int, *tensors: Tensor) -> Tensor:
        ctx.axis, ctx.sizes = axis, [x.array.shape[axis] for x in tensors]
        return Tensor(array_module(tensors[0].array).concatenate([x.array for x in tensors], axis))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(
            GetItem.apply(grad, index) if needed else None
            for index, needed in zip(_ranges(ctx.axis, ctx.sizes), ctx.needs_input_grad[1:], strict=True)
        )


class Split(Function):
    """The pieces of some sizes that lie one after the other along an axis: views."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        ctx.axis = axis
        return tuple(Tensor(x.array[index]) for index in _ranges(axis, sizes))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return Cat.apply(ctx.axis, *grads), None, None


class Unbind(Function):
    """The slices along an axis, without it: views."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> tuple[Tensor, ...]:
        ctx.axis = axis
        # The ... makes an array of a single element, not a number.
        return tuple(Tensor(x.array[(*index, ...)]) for index in _places(axis, x.array.shape[axis]))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return stack(grads, ctx.axis), None


class Repeat(Function):
    """Copies of x side by side, `repeats` of them along each axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, repeats: tuple[int, ...]) -> Tensor:
        ctx.shape, ctx.repeats = x.array.shape, repeats
        return Tensor(array_module(x.array).tile(x.array, repeats))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        count = len(ctx.repeats)
        sizes = (1,) * (count - len(ctx.shape)) + tuple(ctx.shape)
        pairs = [n for pair in zip(ctx.repeats, sizes, strict=True) for n in pair]
        summed = reshape(grad, pairs).sum(tuple(range(0, 2 * count, 2))) if count else grad
        return reshape(summed, ctx.shape), None


def _ranges(axis: int, sizes: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return the index of each piece."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [(*(ALL,) * axis, slice(a, b)) for a, b in itertools.pairwise(ends)]


def _places(axis: int, size: int) -> list[tuple[Any, ...]]:
    """Return the index of each slice."""
    return [(*(ALL,) * axis, i) for i in range(size)]


def _tracked(x: Tensor, pieces: Any, indices: Sequence[tuple[Any, ...]]) -> tuple[Tensor, ...]:
    """Note of each piece that it is a view of x."""
    for y, index in zip(pieces, indices, strict=True):
        views.track((x, index), y, GetItem)
    return pieces


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    """Return a sequence of tensors as a list.

    Raises:  TypeError: it is something else
    """
    if not isinstance(tensors, list | tuple):
        raise TypeError(
            f"{name}(): argument 'tensors' must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}(): expected Tensor as element {i}, but got {type(x).__name__}")
    return list(tensors)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors one after the other along an axis; those of shape (0,) are skipped.

    Raises:  ValueError: there is none; RuntimeError: one has no axes, or other sizes differ; TypeError: no tensors
    """
    given = _tensors("cat", tensors)
    if not given:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    shapes = [x.array.shape for x in given]
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    joined = [x for x in given if x.array.shape != (0,)] or given[:1]
    axis = normalize_dim(dim, joined[0].ndim)
    if (
        len({(*s[:axis], *s[axis + 1 :]) for s in (x.array.shape for x in joined)}) > 1
        or len({x.array.ndim for x in joined}) > 1
    ):
        raise RuntimeError(
            f"Sizes of tensors must match except in dimension {dim}: got {[list(shape) for shape in shapes]}"
        )
    dtypes = {x.array.dtype for x in given}
    if len(dtypes) == 1:
        return Cat.apply(axis, *joined)
    dtype = functools.reduce(result_type, (x.array.dtype for x in given))
    return Cat.apply(axis, *(x.to(dtype) for x in joined))


def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors one after the other along an axis, as `cat`."""
    return cat(tensors, dim)


def concatenate(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors one after the other along an axis, as `cat`."""
    return cat(tensors, dim)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, side by side along a new axis.

    Raises:  RuntimeError: there is none, or their shapes differ
    """
    given = _tensors("stack", tensors)
    if len({x.array.shape for x in given}) != 1:
        raise RuntimeError(
            "stack expects a non-empty list of tensors of equal size, but got "
            f"{[list(x.shape) for x in given]}"
        )
    return cat([unsqueeze(x, dim) for x in given], normalize_dim(dim, given[0].ndim + 1))


def _nonempty(name: str, tensors: Any) -> list[Tensor]:
    given = _tensors(name, tensors)
    if not given:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return given


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors one after the other along axis 1, or the only axis they have."""
    given = [x if x.ndim else reshape(x, (1,)) for x in _nonempty("hstack", tensors)]
    return cat(given, 0 if given[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors one after the other along axis 0, those with one axis as rows."""
    return cat([x if x.ndim > 1 else reshape(x, (1, -1)) for x in _nonempty("vstack", tensors)])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors one after the other along axis 2, those with fewer axes as (1, N, 1) or (M, N, 1)."""
    given = _nonempty("dstack", tensors)
    planes = [x if x.ndim > 1 else reshape(x, (1, x.numel())) for x in given]
    return cat([x if x.ndim > 2 else unsqueeze(x, 2) for x in planes], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the tensors one after the other along axis 1, those with fewer axes as columns."""
    return cat([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in _nonempty("column_stack", tensors)], 1)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of `split_size_or_sections` elements along an axis, the last one maybe shorter; or of given sizes.

    Raises:  RuntimeError: the tensor has no axes, or the sizes do not fit
    """
    if not isinstance(split_size_or_sections, int | np.integer):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    size = int(split_size_or_sections)
    axis = _axis("split", tensor, dim)
    total = tensor.array.shape[axis]
    if size < 0 or (size == 0 and total):
        raise RuntimeError(
            f"split expects split_size be positive, but got split_size={size} for dimension size {total}"
        )
    sizes = [min(size, total - start) for start in range(0, total, size or 1)] or [0]
    return _split(tensor, axis, sizes)


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of the given sizes along an axis.

    Raises:  RuntimeError: a size is negative, or they do not add up to that of the axis
    """
    axis, sizes = _axis("split_with_sizes", input, dim), [int(n) for n in split_sizes]
    if min(sizes, default=0) < 0 or sum(sizes) != input.array.shape[axis]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes >= 0 that sum exactly to {input.array.shape[axis]} (the size of "
            f"dimension {dim}), but got split_sizes={sizes}"
        )
    return _split(input, axis, sizes)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of equal size along an axis, the last one maybe shorter.

    Raises:  RuntimeError: chunks < 1, or the tensor has no axes
    """
    axis = _axis("chunk", input, dim)
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    total = input.array.shape[axis]
    if total == 0:
        return _split(input, axis, [0] * chunks)
    return split(input, -(-total // chunks), axis)


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return that many views along an axis, their sizes differing by at most 1; or those between given indices.

    Raises:  RuntimeError: fewer than 1 section, or the tensor has no axes
    """
    axis = _axis("tensor_split", input, dim)
    total = input.array.shape[axis]
    given = indices_or_sections.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(given, int | np.integer):
        if given < 1:
            raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {given}")
        count, more = divmod(total, int(given))
        return _split(input, axis, [count + 1] * more + [count] * (int(given) - more))
    ends = [0, *given, total]
    before = (ALL,) * axis
    return tuple(GetItem.apply(input, (*before, slice(a, b))) for a, b in itertools.pairwise(ends))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along an axis, without that axis, as views.

    Raises:  IndexError: there is no such axis
    """
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = normalize_dim(dim, input.ndim)
    if input.array.shape[axis] == 0:
        return ()
    return _tracked(input, Unbind.apply(input, axis), _places(axis, input.array.shape[axis]))


def _axis(name: str, x: Tensor, dim: int) -> int:
    if not x.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    return normalize_dim(dim, x.ndim)


def _split(x: Tensor, axis: int, sizes: list[int]) -> tuple[Tensor, ...]:
    return _tracked(x, Split.apply(x, axis, tuple(sizes)), _ranges(axis, sizes))


def repeat(input: Tensor, repeats: Sequence[int]) -> Tensor:
    """Return copies of the input side by side, `repeats` of them along each axis; more repeats make axes in front.

    Raises:  RuntimeError: fewer repeats than axes, or one is negative
    """
    counts = tuple(int(n) for n in repeats)
    if len(counts) < input.ndim or min(counts, default=0) < 0:
        raise RuntimeError(
            f"repeat: needs a number >= 0 for each dimension, got {list(counts)} for shape {list(input.shape)}"
        )
    return Repeat.apply(input, counts)


def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """Return copies of the input side by side, as `repeat`; fewer numbers than axes stand for the last axes."""
    counts = tuple(dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return every slice along an axis `repeats` times in a row, of the flattened input without dim.

    Args:    repeats: number, or tensor of numbers, one a slice; if alone, input is that tensor and its indices repeat
             output_size: size of the result along the axis, if it is known
    Raises:  RuntimeError: repeats has another size or is negative, output_size is wrong
    """
    if repeats is None:
        return _repeated_indices(input, input.shape[0], output_size)
    if isinstance(repeats, Tensor):
        numbers = repeats
    else:
        if np.any(np.less(repeats, 0)):
            raise RuntimeError(f"repeat_interleave: repeats must be non-negative, got {repeats}")
        numbers = Tensor(np.asarray(repeats))
    x = ravel(input) if dim is None else input
    axis = normalize_dim(0 if dim is None else dim, x.ndim)
    if numbers.ndim == 0 and not isinstance(repeats, Tensor):
        wide = unsqueeze(x, axis + 1)
        shape = (*wide.shape[: axis + 1], int(repeats), *wide.shape[axis + 2 :])
        return flatten(broadcast_to(wide, shape), axis, axis + 1).clone()
    index = _repeated_indices(numbers, x.shape[axis], output_size)
    place = Tensor(to_device(index.array, x.device))
    return Index.apply(x, (*(False,) * axis, True), place)


def _repeated_indices(repeats: Tensor, size: int, output_size: int | None) -> Tensor:
    """Return 0, 1, ..., each as often as repeats says; made on the host, which must know the size anyway."""
    numbers = asnumpy(repeats.array)
    if numbers.dtype not in (np.int64, np.int32):
        raise NotImplementedError(f"repeat_interleave: repeats must be int64 or int32, not {numbers.dtype}")
    if numbers.ndim > 1 or (numbers.size not in (1, size)) or (numbers.size and numbers.min() < 0):
        raise RuntimeError(
            f"repeat_interleave: repeats must be 0-d or 1-d, non-negative, with one number for each of {size} slices, "
            f"got shape {list(repeats.shape)}"
        )
    index = np.repeat(np.arange(size), numbers)
    if output_size is not None and output_size != index.size:
        raise RuntimeError(
            f"repeat_interleave: output_size {output_size} does not match the size {index.size}"
        )
    return Tensor(to_device(index, repeats.device))


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return the coordinates of a grid, each tensor with at most one axis expanded over all others' axes.

    Args:    indexing: "ij": axis i of the results belongs to tensor i; "xy": axes 0 and 1 are exchanged; None: "ij"
    Raises:  RuntimeError: there is none, a tensor has more axes, dtypes differ, or another indexing
    """
    if indexing is None:
        warnings.warn(
            "meshgrid: pass indexing='ij' or indexing='xy'; 'ij' is taken", UserWarning, stacklevel=2
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    given = list(tensors[0]) if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else list(tensors)
    shapes = [list(x.shape) for x in given]
    if not given or any(len(s) > 1 for s in shapes) or len({x.dtype for x in given}) > 1:
        raise RuntimeError(
            f"meshgrid expects tensors of at most one dimension and one dtype, got shapes {shapes} and dtypes "
            f"{[str(x.dtype) for x in given]}"
        )
    exchanged = indexing == "xy" and len(given) > 1
    if exchanged:
        given[:2] = given[1::-1]
    size = [x.numel() for x in given]
    grids = [
        broadcast_to(reshape(x, tuple(n if j == i else 1 for j, n in enumerate(size))), size)
        for i, x in enumerate(given)
    ]
    if exchanged:
        grids[:2] = grids[1::-1]
    return tuple(grids)
