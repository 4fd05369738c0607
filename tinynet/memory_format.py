"""Orders in which a tensor's elements may lie in memory, under torch's names."""

from __future__ import annotations

from enum import Enum


class memory_format(Enum):
    """How the axes of a tensor are ordered in memory."""

    contiguous_format = "contiguous_format"
    """The last axis runs fastest."""
    channels_last = "channels_last"
    """Of four axes (N, C, H, W) the second one, C, runs fastest, then W, then H."""
    preserve_format = "preserve_format"
    """As the tensor is."""

    def __repr__(self) -> str:
        return f"tinynet.{self.value}"

    __str__ = __repr__


contiguous_format = memory_format.contiguous_format
channels_last = memory_format.channels_last
preserve_format = memory_format.preserve_format
