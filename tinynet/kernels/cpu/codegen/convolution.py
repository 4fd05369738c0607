"""Which generated kernels compute a convolution: Winograd's or direct ones.

Arrays here are float32, channels last: x (N, H, W, C), y (N, OH, OW, O), contiguous; weight (O, C, KH, KW), contiguous.
"""

from __future__ import annotations

import math
import os

import numpy as np

from tinynet.backend import BackendUnavailable
from tinynet.kernels.cpu.codegen import direct_plan, few_plan, planar_plan, winograd_plan
from tinynet.kernels.cpu.codegen.program import lanes
from tinynet.kernels.cpu.codegen.shape import Shape
from tinynet.memory import empty


def _read_switch() -> bool:
    choice = os.environ.get("TINYNET_CONV", "auto")
    if choice not in ("auto", "direct"):
        raise BackendUnavailable(f"TINYNET_CONV is {choice!r}; it must be 'auto' or 'direct'")
    return choice == "auto"


use_winograd = _read_switch()
"""Whether 3x3 convolutions of stride 1 run as Winograd's; off with TINYNET_CONV=direct."""


FEWEST = 12
"""Tiles from which Winograd's form is worth transforming the weights."""


def takes_winograd(shape: Shape) -> bool:
    """Return whether Winograd's form fits: 3x3 windows of stride 1, channels that fill most of a vector, many tiles."""
    return (
        use_winograd
        and (shape.window, shape.stride, shape.dilation) == ((3, 3), (1, 1), (1, 1))
        and max(shape.padding) <= 2
        and min(shape.channels, shape.outputs) >= lanes() // 2
        and min(shape.results) >= 2
        and min(shape.image) >= 2
        and shape.images * winograd_plan.tiles(shape.results) >= FEWEST
    )


def takes_planes(shape: Shape) -> bool:
    """Return whether the lanes lie along pixels; x may then be (N, C, H, W) as well."""
    places = math.prod(shape.window)
    return not takes_winograd(shape) and planar_plan.fits(
        shape.outputs, shape.results[1], shape.stride, places
    )


def _within(shape: Shape) -> bool:
    """Return whether the padding lies within the window: that of the gradient is then not negative."""
    return all(p <= d * (k - 1) for p, d, k in zip(shape.padding, shape.dilation, shape.window, strict=True))


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, shape: Shape) -> np.ndarray:
    """Return y."""
    y = empty(shape.images, *shape.results, shape.outputs)
    if takes_winograd(shape):
        winograd_plan.convolve(x, weight, bias, y, shape.padding, turned=False)
    elif takes_planes(shape):
        planar_plan.convolve(x, weight, bias, y, shape)
    elif few_plan.fits(shape):
        few_plan.convolve(x, weight, bias, y, shape)
    else:
        direct_plan.convolve(x, weight, bias, y, shape)
    return y


def grad_input(dy: np.ndarray, weight: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of x from that of y."""
    dx = empty(shape.images, *shape.image, shape.channels)
    if takes_winograd(shape):
        PH, PW = shape.padding
        winograd_plan.convolve(dy, weight, None, dx, (2 - PH, 2 - PW), turned=True)
    elif planar_plan.fits(shape.channels, shape.image[1], shape.stride, math.prod(shape.window)) and _within(
        shape
    ):
        planar_plan.grad_input(dy, weight, dx, shape)
    else:
        direct_plan.grad_input(dy, weight, dx, shape)
    return dx


def grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of weight from x and the gradient of y."""
    if takes_winograd(shape):
        return winograd_plan.grad_weight(x, dy, shape.padding)
    if planar_plan.fits_weight(shape):
        return planar_plan.grad_weight(x, dy, shape)
    return direct_plan.grad_weight(x, dy, shape)
