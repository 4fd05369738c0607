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
