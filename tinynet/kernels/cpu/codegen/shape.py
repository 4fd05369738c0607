"""The sizes of a convolution."""

from __future__ import annotations

from typing import NamedTuple

Pair = tuple[int, int]


class Shape(NamedTuple):
    """What a convolution is made of, besides the numbers; pairs are heights and widths."""

    images: int
    image: Pair
    channels: int
    results: Pair
    outputs: int
    window: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
