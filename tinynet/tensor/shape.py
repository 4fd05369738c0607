"""Operations that move elements, as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import ops
from tinynet.memory_format import contiguous_format

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ShapeMethods:
    """Operations that change the shape and not the elements, that take apart or repeat, as methods."""

    __slots__ = ()

    @property
    def T(self: Any) -> Tensor:
        """The tensor with its axes reversed."""
        return ops.shape.Permute.apply(self, tuple(range(self.array.ndim - 1, -1, -1)))

    @property
    def mT(self: Any) -> Tensor:
        """The tensor with its last two axes exchanged.

        Raises:  RuntimeError: it has one axis only
        """
        if self.ndim == 1:
            raise RuntimeError(f"tensor.mT is only supported on matrices, got shape {list(self.shape)}")
        return ops.transpose(self, -2, -1) if self.ndim else self

    def reshape(self: Any, *shape: Any) -> Tensor:
        """Return the elements in another shape, sharing memory where possible; one size may be -1."""
        return ops.reshape(self, flat(shape))

    def reshape_as(self: Any, other: Tensor) -> Tensor:
        """Return the elements in the shape of another tensor."""
        return ops.reshape(self, other.shape)

    def view(self: Any, *shape: Any) -> Tensor:
        """Return the same memory in another shape; one size may be -1.

        Raises:  RuntimeError: the elements would have to be copied; NotImplementedError: a dtype is given
        """
        sizes = flat(shape)
        if any(isinstance(n, np.dtype | type) for n in sizes):
            raise NotImplementedError(
                f"view({shape[0]}): another dtype of the same memory is not implemented"
            )
        return ops.view(self, sizes)

    def view_as(self: Any, other: Tensor) -> Tensor:
        """Return the same memory in the shape of another tensor."""
        return ops.view(self, other.shape)

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Join the axes from start_dim to end_dim into one."""
        return ops.flatten(self, start_dim, end_dim)

    def ravel(self: Any) -> Tensor:
        """Return the elements in one axis, sharing memory where possible."""
        return ops.ravel(self)

    def unflatten(self: Any, dim: int, sizes: Any) -> Tensor:
        """Split one axis into axes of the given sizes."""
        return ops.unflatten(self, dim, sizes)

    def permute(self: Any, *dims: Any) -> Tensor:
        """Return the tensor with its axes in the order `dims`."""
        return ops.permute(self, flat(dims))

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        """Return the tensor with two axes exchanged."""
        return ops.transpose(self, dim0, dim1)

    swapaxes = swapdims = transpose

    def movedim(self: Any, source: Any, destination: Any) -> Tensor:
        """Return the tensor with the axes `source` at the places `destination`."""
        return ops.movedim(self, source, destination)

    moveaxis = movedim

    def squeeze(self: Any, dim: Any = None) -> Tensor:
        """Drop axes of size 1: all of them, or those of the named ones that have size 1."""
        return ops.squeeze(self, dim)

    def unsqueeze(self: Any, dim: int) -> Tensor:
        """Insert an axis of size 1 before axis `dim`."""
        return ops.unsqueeze(self, dim)

    def expand(self: Any, *size: Any) -> Tensor:
        """Broadcast axes of size 1 to larger sizes; -1 keeps a size."""
        return ops.expand(self, flat(size))

    def expand_as(self: Any, other: Tensor) -> Tensor:
        """Broadcast the tensor to the shape of another."""
        return ops.expand(self, other.shape)

    def broadcast_to(self: Any, size: Any) -> Tensor:
        """Broadcast the tensor to a size."""
        return ops.broadcast_to(self, size)

    def repeat(self: Any, *repeats: Any) -> Tensor:
        """Return copies of the tensor side by side, `repeats` of them along each axis."""
        return ops.repeat(self, flat(repeats))

    def tile(self: Any, *dims: Any) -> Tensor:
        """Return copies of the tensor side by side; fewer numbers than axes stand for the last axes."""
        return ops.tile(self, flat(dims))

    def repeat_interleave(
        self: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None
    ) -> Tensor:
        """Return every slice along an axis `repeats` times in a row."""
        return ops.repeat_interleave(self, repeats, dim, output_size=output_size)

    def split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of `split_size` elements along an axis, or of given sizes."""
        return ops.split(self, split_size, dim)

    def split_with_sizes(self: Any, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of the given sizes along an axis."""
        return ops.split_with_sizes(self, split_sizes, dim)

    def chunk(self: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """Return at most `chunks` views of equal size along an axis."""
        return ops.chunk(self, chunks, dim)

    def tensor_split(self: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Return that many views along an axis, or those between given indices."""
        return ops.tensor_split(self, indices_or_sections, dim)

    def unbind(self: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """Return the slices along an axis as views."""
        return ops.unbind(self, dim)

    def unfold(self: Any, dimension: int, size: int, step: int) -> Tensor:
        """Return all windows of `size` elements, `step` apart, along an axis, as a view."""
        return ops.windows(self, dimension, size, step)

    def flip(self: Any, *dims: Any) -> Tensor:
        """Return a copy with the elements in reverse order along the axes `dims`."""
        return ops.flip(self, flat(dims))

    def fliplr(self: Any) -> Tensor:
        """Return a copy with axis 1 in reverse order."""
        return ops.fliplr(self)

    def flipud(self: Any) -> Tensor:
        """Return a copy with axis 0 in reverse order."""
        return ops.flipud(self)

    def roll(self: Any, shifts: Any, dims: Any = None) -> Tensor:
        """Return the elements shifted along axes; what leaves at one end comes in at the other."""
        return ops.roll(self, shifts, dims)

    def rot90(self: Any, k: int = 1, dims: Any = (0, 1)) -> Tensor:
        """Return the tensor turned k times by 90 degrees in the plane of two axes."""
        return ops.rot90(self, k, dims)

    def tril(self: Any, diagonal: int = 0) -> Tensor:
        """Return the lower triangle of matrices."""
        return ops.tril(self, diagonal)

    def triu(self: Any, diagonal: int = 0) -> Tensor:
        """Return the upper triangle of matrices."""
        return ops.triu(self, diagonal)

    def diagonal(self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """Return a diagonal of the matrices in two axes, as a view."""
        return ops.diagonal(self, offset, dim1, dim2)

    def diag(self: Any, diagonal: int = 0) -> Tensor:
        """Return the diagonal of a matrix, or the matrix with this vector on its diagonal."""
        return ops.diag(self, diagonal)

    def diag_embed(self: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
        """Return square matrices with the last axis on a diagonal."""
        return ops.diag_embed(self, offset, dim1, dim2)

    def contiguous(self: Any, memory_format: Any = contiguous_format) -> Tensor:
        """Return the tensor itself if it lies in memory in the order of a format, else a copy that does."""
        return ops.contiguous(self, memory_format)

    def is_contiguous(self: Any, memory_format: Any = contiguous_format) -> bool:
        """Return whether the elements lie in memory in the order of a memory format."""
        return ops.is_contiguous(self, memory_format)

    def stride(self: Any, dim: int | None = None) -> Any:
        """Return how many elements apart neighbours along each axis lie in memory."""
        return ops.stride(self, dim)

    def squeeze_(self: Any, dim: Any = None) -> Tensor:
        """Remove axes of size 1 from the tensor itself."""
        return ops.view_in_place(self, ops.squeeze, dim)

    def unsqueeze_(self: Any, dim: int) -> Tensor:
        """Insert an axis of size 1 into the tensor itself."""
        return ops.view_in_place(self, ops.unsqueeze, dim)

    def transpose_(self: Any, dim0: int, dim1: int) -> Tensor:
        """Swap two axes of the tensor itself."""
        return ops.view_in_place(self, ops.transpose, dim0, dim1)

    def t_(self: Any) -> Tensor:
        """Transpose the matrix itself."""
        return ops.view_in_place(self, ops.t)

    def tril_(self: Any, diagonal: int = 0) -> Tensor:
        """Set what is above a diagonal of the matrices to 0."""
        return ops.in_place(self, ops.tril(self, diagonal))

    def triu_(self: Any, diagonal: int = 0) -> Tensor:
        """Set what is below a diagonal of the matrices to 0."""
        return ops.in_place(self, ops.triu(self, diagonal))

    def resize_(self: Any, *args: Any, **options: Any) -> Tensor:
        """Refuse: the number of elements of a tensor does not change."""
        raise NotImplementedError(
            "resize_: the memory of a tensor does not grow; make a new one with reshape or empty"
        )

    swapaxes_ = swapdims_ = transpose_


def flat(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Accept f(2, 3) and f((2, 3)) alike."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        return tuple(sizes[0])
    return sizes
