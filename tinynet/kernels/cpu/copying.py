"""Padding and slices of channels-last images in float32 by compiled kernels (codegen/copying.py).

Measured: `python -m benchmarks.kernels`
"""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend import Array
from tinynet.kernels.cpu.available import LEAST, in_rows, is_float32
from tinynet.kernels.generic import copying as generic
from tinynet.kernels.generic.copying import Widths
from tinynet.kernels.generic.im2col import Pair
from tinynet.kernels.registry import accelerates


def _by_pixels(x: Array) -> bool:
    """Return whether x (N, C, H, W) is float32, and the channels of a pixel lie side by side."""
    return (
        x.ndim == 4
        and is_float32(x)
        and x.shape[1] > 1
        and x.strides[1] == x.itemsize
        and min(x.strides) >= 0
        and not any(stride % x.itemsize for stride in x.strides)
    )


def _channels_alone(x: Array, *, widths: Widths, value: float) -> bool:
    """Return whether zeros are added to the channels of enough pixels, or channels cut away, and nothing else."""
    return (
        _by_pixels(x)
        and value == 0
        and (*widths[:1], *widths[2:]) == ((0, 0),) * 3
        and x.shape[1] + sum(widths[1]) > 0
        and x.size // x.shape[1] * (x.shape[1] + max(sum(widths[1]), 0)) >= LEAST
    )


@accelerates(generic.pad_constant, device="cpu", when=_channels_alone, ahead=True)
def pad_channels(x: Array, *, widths: Widths, value: float) -> Array:
    """Copy the channels of each pixel to their place among zeros."""
    from tinynet.kernels.cpu.codegen import copying

    before, after = widths[1]
    return copying.pad(x, before, x.shape[1] + before + after)


def _every_few_pixels(values: Array, *, index: Any, shape: tuple[int, ...]) -> bool:
    """Return whether the index takes all images and channels, and rows and columns by slices."""
    return (
        _by_pixels(values)
        and len(shape) == len(index) == 4
        and all(isinstance(part, slice) for part in index)
        and all(range(n)[part] == range(n) for n, part in zip(shape[:2], index[:2], strict=True))
        and math.prod(shape) >= LEAST
        and values.size > 0
    )


@accelerates(generic.put_in_zeros, device="cpu", when=_every_few_pixels, ahead=True)
def put_pixels_in_zeros(values: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """Write zeros, and the pixels to their places."""
    from tinynet.kernels.cpu.codegen import copying

    return copying.spread(values, (shape[2], shape[3]), *_places(index, shape))


def _places(index: Any, shape: tuple[int, ...]) -> tuple[Pair, Pair]:
    """Return the first row and column of an index, and the steps from one to the next."""
    (first_h, _, step_h), (first_w, _, step_w) = (
        part.indices(n) for part, n in zip(index[2:], shape[2:], strict=True)
    )
    return (first_h, first_w), (step_h, step_w)


def _to_some_pixels(target: Array, values: Array, *, index: Any) -> bool:
    """Return whether, besides, the target is float32 and lies channels last."""
    return (
        is_float32(target) and in_rows(target) and _every_few_pixels(values, index=index, shape=target.shape)
    )


@accelerates(generic.add_at_, device="cpu", when=_to_some_pixels, ahead=True)
def add_to_pixels_(target: Array, values: Array, *, index: Any) -> None:
    """Add to the pixels, and leave all others."""
    from tinynet.kernels.cpu.codegen import copying

    copying.add(target, values, *_places(index, target.shape))
