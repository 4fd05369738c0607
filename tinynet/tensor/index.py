"""Indexing as operators and methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class IndexMethods:
    """Choosing elements, and writing to them."""

    __slots__ = ()

    def __getitem__(self: Any, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        ops.setitem(self, index, value)

    def narrow(self: Any, dim: int, start: Any, length: int) -> Tensor:
        """Return the `length` elements from `start` on along an axis, as a view."""
        return ops.narrow(self, dim, start, length)

    def select(self: Any, dim: int, index: Any) -> Tensor:
        """Return the slice at one index along an axis, as a view."""
        return ops.select(self, dim, index)

    def take(self: Any, index: Tensor) -> Tensor:
        """Return the elements at places of the flattened tensor."""
        return ops.take(self, index)

    def take_along_dim(self: Any, indices: Tensor, dim: int | None = None) -> Tensor:
        """Return the elements along an axis at indices that broadcast with the tensor."""
        return ops.take_along_dim(self, indices, dim)

    def gather(self: Any, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
        """Return the elements along an axis at indices, in the shape of index."""
        return ops.gather(self, dim, index, sparse_grad=sparse_grad)

    def scatter(self: Any, dim: int, index: Tensor, src: Any = None, **options: Any) -> Tensor:
        """Return a copy with src written along an axis at indices."""
        return ops.scatter(self, dim, index, src, **options)

    def scatter_(self: Any, dim: int, index: Tensor, src: Any = None, **options: Any) -> Tensor:
        """Write src along an axis at indices."""
        return ops.in_place(self, ops.scatter(self, dim, index, src, **options))

    def scatter_add(self: Any, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """Return a copy with src added along an axis at indices."""
        return ops.scatter_add(self, dim, index, src)

    def scatter_add_(self: Any, dim: int, index: Tensor, src: Tensor) -> Tensor:
        """Add src along an axis at indices."""
        return ops.in_place(self, ops.scatter_add(self, dim, index, src))

    def index_select(self: Any, dim: int, index: Tensor) -> Tensor:
        """Return the slices at indices along an axis."""
        return ops.index_select(self, dim, index)

    def index_add(self: Any, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
        """Return a copy with alpha * source added to the slices at indices along an axis."""
        return ops.index_add(self, dim, index, source, alpha=alpha)

    def index_add_(self: Any, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
        """Add alpha * source to the slices at indices along an axis."""
        return ops.in_place(self, ops.index_add(self, dim, index, source, alpha=alpha))

    def index_copy(self: Any, dim: int, index: Tensor, source: Tensor) -> Tensor:
        """Return a copy with the slices at indices along an axis replaced by those of source."""
        return ops.index_copy(self, dim, index, source)

    def index_copy_(self: Any, dim: int, index: Tensor, source: Tensor) -> Tensor:
        """Replace the slices at indices along an axis by those of source."""
        return ops.in_place(self, ops.index_copy(self, dim, index, source))

    def index_fill(self: Any, dim: int, index: Tensor, value: Any) -> Tensor:
        """Return a copy with a value at indices along an axis."""
        return ops.index_fill(self, dim, index, value)

    def index_fill_(self: Any, dim: int, index: Tensor, value: Any) -> Tensor:
        """Write a value at indices along an axis."""
        return ops.in_place(self, ops.index_fill(self, dim, index, value))

    def index_put(self: Any, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
        """Return a copy with values written, or added, at self[indices]."""
        return ops.index_put(self, indices, values, accumulate)

    def index_put_(self: Any, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
        """Write, or add, values at self[indices]."""
        return ops.in_place(self, ops.index_put(self, indices, values, accumulate))

    def masked_fill(self: Any, mask: Tensor, value: Any) -> Tensor:
        """Return the tensor with a value where the mask holds."""
        return ops.masked_fill(self, mask, value)

    def masked_fill_(self: Any, mask: Tensor, value: Any) -> Tensor:
        """Write a value where the mask holds."""
        return ops.in_place(self, ops.masked_fill(self, mask, value))

    def masked_select(self: Any, mask: Tensor) -> Tensor:
        """Return the elements where the mask holds."""
        return ops.masked_select(self, mask)

    def nonzero(self: Any, *, as_tuple: bool = False) -> Any:
        """Return where the elements are not zero."""
        return ops.nonzero(self, as_tuple=as_tuple)

    def argwhere(self: Any) -> Tensor:
        """Return where the elements are not zero: one row of indices an element."""
        return ops.argwhere(self)
