"""Copies of pixels, a vector of channels at a time: into more or fewer channels, and apart among pixels of zeros.

They are what a shortcut without parameters does, x[:, :, ::2, ::2] with channels of zeros around (He et al. 2015,
option A), and its gradient. The pixels of x may lie anywhere, the channels of each side by side: how many numbers lie
from image to image, from row to row and from pixel to pixel is an argument.
"""

from __future__ import annotations

import numpy as np

from tinynet.kernels.cpu.codegen import chains
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.layout import channel_blocks
from tinynet.kernels.cpu.codegen.program import Plan, lanes, planned, template
from tinynet.kernels.cpu.codegen.shape import Pair
from tinynet.memory import empty


@template
def pad_channels(code: Code) -> None:
    """Copy x (N, H, W, C) to y (N, H, W, O), x's first channel as the channel `before` of y, which may be negative."""
    x, y = code.pointers(2)
    N, H, W, C, O, before, image, row, pixel = code.integers(9)
    L, builder = code.lanes, code.builder
    begin, end = code.share(N * H)
    for item in code.range(begin, end):
        for block in code.range((O + (L - 1)) // L):  # inside, so that y is written line after line
            first = block * L
            inside = builder.and_(
                builder.not_(code.first_lanes(before - first)), code.first_lanes(before + C - first)
            )
            mask = code.first_lanes(O - first)
            source = x + (item // H * image + item % H * row + (first - before))
            target = y + (item * W * O + first)
            for i in code.range(W):
                (target + i * O).store((source + i * pixel).load(inside), mask)


@template
def spread_pixels(code: Code, tail: bool) -> None:
    """Copy x (N, OH, OW, C) to every step-th pixel of y (N, H, W, C) from the first on, zeros elsewhere."""
    x, y = code.pointers(2)
    N, H, W, C, OH, OW, first_h, first_w, step_h, step_w, image, row, pixel = code.integers(13)
    L = code.lanes
    begin, end = code.share(N)
    for n in code.range(begin, end):
        target = y + n * H * W * C
        for i, mask in channel_blocks(code, H * W * C, tail):
            (target + i * L).store(code.zero, mask)
        for block, mask in channel_blocks(code, C, tail):
            for h in code.range(OH):
                source = x + (n * image + h * row + block * L)
                start = target + (((first_h + h * step_h) * W + first_w) * C + block * L)
                for w in code.range(OW):
                    (start + w * step_w * C).store((source + w * pixel).load(mask), mask)


@template
def add_to_pixels(code: Code, tail: bool) -> None:
    """Add x (N, OH, OW, C) to every step-th pixel of y (N, H, W, C) from the first on."""
    y, x = code.pointers(2)
    N, H, W, C, OH, OW, first_h, first_w, step_h, step_w, image, row, pixel = code.integers(13)
    L = code.lanes
    begin, end = code.share(N)
    for n in code.range(begin, end):
        for h in code.range(OH):
            for block, mask in channel_blocks(code, C, tail):
                source = x + (n * image + h * row + block * L)
                start = y + (((n * H + first_h + h * step_h) * W + first_w) * C + block * L)
                for w in code.range(OW):
                    place = start + w * step_w * C
                    place.store(place.load(mask) + (source + w * pixel).load(mask), mask)


def pad(x: np.ndarray, before: int, channels: int) -> np.ndarray:
    """Return x (N, C, H, W) as an array of so many channels, its own from `before` on, laid out by pixels."""
    N, C, H, W = x.shape
    y = empty(N, H, W, channels)
    _pad(N, H, W, C, channels, before, *_strides(x))(x, y)
    return y.transpose(0, 3, 1, 2)


@planned
def _pad(plan: Plan, *numbers: int) -> None:
    (N, H, W, _, O), (x, y) = numbers[:5], plan.arrays(2)
    parts = chains.parts_of_images(N, H * W * O, plan.threads)
    plan.link(pad_channels(), x, y, *numbers, parts=parts, reads=(x,), writes=y)


def spread(x: np.ndarray, image: Pair, first: Pair, step: Pair) -> np.ndarray:
    """Return images of zeros with x (N, C, OH, OW) at every step-th pixel from the first on, laid out by pixels."""
    N, C, OH, OW = x.shape
    y = empty(N, *image, C)
    _spread(C % lanes() != 0, N, *image, C, OH, OW, *first, *step, *_strides(x))(x, y)
    return y.transpose(0, 3, 1, 2)


@planned
def _spread(plan: Plan, tail: bool, *numbers: int) -> None:
    plan.step(spread_pixels(tail), *plan.arrays(2), *numbers)


def add(y: np.ndarray, x: np.ndarray, first: Pair, step: Pair) -> None:
    """Add x (N, C, OH, OW) to every step-th pixel of y (N, C, H, W), laid out by pixels, from the first on."""
    N, C, OH, OW = x.shape
    numbers = N, *y.shape[2:], C, OH, OW, *first, *step, *_strides(x)
    _add(C % lanes() != 0, *numbers)(y.transpose(0, 2, 3, 1), x)


@planned
def _add(plan: Plan, tail: bool, *numbers: int) -> None:
    (N, H, W, C), (y, x) = numbers[:4], plan.arrays(2)
    parts = chains.parts_of_images(N, H * W * C, plan.threads)
    plan.link(add_to_pixels(tail), y, x, *numbers, parts=parts, reads=(y,), writes=y)


def _strides(x: np.ndarray) -> tuple[int, int, int]:
    image, _, row, pixel = (stride // x.itemsize for stride in x.strides)
    return image, row, pixel
