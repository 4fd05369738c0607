"""The sizes of a convolution."""

from __future__ import annotations

from typing import NamedTuple

from tinynet.kernels.generic.im2col import output_size

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


def shape_of(
    images: int,
    image: Pair,
    weight: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Shape:
    """Return the shape of a convolution of so many images by a weight (O, C, KH, KW)."""
    O, C, KH, KW = weight
    results = output_size(image, (KH, KW), stride, padding, dilation)
    return Shape(images, image, C, results, O, (KH, KW), stride, padding, dilation)
