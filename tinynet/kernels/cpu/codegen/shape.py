"""What a convolution is made of, besides the numbers, and whether Winograd's form computes it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tinynet.kernels.cpu.codegen.program import lanes

Pair = tuple[int, int]

def _read_switch() -> bool:
    choice = os.environ.get("TINYNET_CONV", "auto")
    if choice not in ("auto", "direct"):
        raise ValueError(f"TINYNET_CONV is {choice!r}; it must be 'auto' or 'direct'")
    return choice == "auto"


use_winograd = _read_switch()
"""Whether 3x3 convolutions of stride 1 run as Winograd's; off with TINYNET_CONV=direct."""


@dataclass(frozen=True)
class Shape:
    """What a convolution is made of, besides the numbers."""

    images: int
    image: Pair
    channels: int
    results: Pair
    outputs: int
    window: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def is_winograd(self) -> bool:
        """Return whether Winograd's form fits: a 3x3 window of stride 1, and channels that fill most of a vector."""
        return (
            use_winograd
            and (self.window, self.stride, self.dilation) == ((3, 3), (1, 1), (1, 1))
            and max(self.padding) <= 2
            and min(self.channels, self.outputs) >= lanes() // 2
            and min(self.results) >= 2
            and min(self.image) >= 2
        )
