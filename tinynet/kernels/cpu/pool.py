"""Pooling in float32 by compiled kernels (codegen/pooling.py): any window, every number read and written once.

Measured: `python -m benchmarks.kernels`
"""

from __future__ import annotations

import functools
import math

import numpy as np

from tinynet.backend import Array
from tinynet.kernels.cpu.available import LEAST, channels_last, is_float32, pays
from tinynet.kernels.generic import pool as generic
from tinynet.kernels.generic.im2col import Pair
from tinynet.kernels.registry import accelerates


def _max_pays(x: Array, **_: object) -> bool:
    """Return whether x is worth it, and its pixels can be numbered in 32 bits."""
    return pays(x) and x.shape[2] * x.shape[3] < 2**31


def _gradient_pays(grad_y: Array, *_: Array, image: Pair, **__: object) -> bool:
    """Return whether there is a gradient, and x is worth it."""
    pixels = math.prod(grad_y.shape[:2]) * image[0] * image[1]
    return pixels >= LEAST and grad_y.size > 0 and is_float32(grad_y)


def _max_gradient_pays(grad_y: Array, index: Array, *, image: Pair, **_: object) -> bool:
    """Return the same, where the index is that of 32 bits."""
    return index.dtype == np.int32 and _gradient_pays(grad_y, image=image)


@accelerates(generic.max_pool2d, device="cpu", when=_max_pays, ahead=True)
def max_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[Array, Array]:
    """Return the largest value of each window of x (N, C, H, W) and its index."""
    from tinynet.kernels.cpu.codegen import pooling

    y, index = pooling.max_pool(channels_last(x), kernel_size, stride, padding, dilation, size)
    return y.transpose(0, 3, 1, 2), index.transpose(0, 3, 1, 2)


@accelerates(generic.max_pool2d_backward, device="cpu", when=_max_gradient_pays, ahead=True)
def max_pool2d_backward(
    grad_y: Array,
    index: Array,
    *,
    image: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
) -> Array:
    """Return the gradient of x from grad_y (N, C, OH, OW) and the index of each maximum."""
    from tinynet.kernels.cpu.codegen import pooling

    arrays = channels_last(grad_y), channels_last(index)
    grad_x = pooling.max_pool_backward(*arrays, image, kernel_size, stride, padding, dilation)
    return grad_x.transpose(0, 3, 1, 2)


@accelerates(generic.avg_pool2d, device="cpu", when=lambda x, divisor, **_: pays(x), ahead=True)
def avg_pool2d(x: Array, divisor: Array, *, kernel_size: Pair, stride: Pair, padding: Pair) -> Array:
    """Return the sum of each window of x (N, C, H, W) over `divisor` (OH, OW)."""
    from tinynet.kernels.cpu.codegen import pooling

    y = pooling.mean_pool(channels_last(x), _as_float32(divisor), kernel_size, stride, padding)
    return y.transpose(0, 3, 1, 2)


@accelerates(generic.avg_pool2d_backward, device="cpu", when=_gradient_pays, ahead=True)
def avg_pool2d_backward(
    grad_y: Array, divisor: Array, *, image: Pair, kernel_size: Pair, stride: Pair, padding: Pair
) -> Array:
    """Return the gradient of x from grad_y (N, C, OH, OW)."""
    from tinynet.kernels.cpu.codegen import pooling

    arrays = channels_last(grad_y), _as_float32(divisor)
    return pooling.mean_pool_backward(*arrays, image, kernel_size, stride, padding).transpose(0, 3, 1, 2)


@accelerates(generic.mean_pixels, device="cpu", when=pays, ahead=True)
def mean_pixels(x: Array) -> Array:
    """Return the mean of each image of x (N, C, H, W): one window."""
    from tinynet.kernels.cpu.codegen import pooling

    image = x.shape[2], x.shape[3]
    return pooling.mean_pool(channels_last(x), _pixels(*image), image, image, (0, 0)).transpose(0, 3, 1, 2)


@functools.lru_cache(1024)
def _pixels(H: int, W: int) -> Array:
    return np.full((1, 1), H * W, np.float32)


@accelerates(generic.mean_pixels_backward, device="cpu", when=_gradient_pays, ahead=True)
def mean_pixels_backward(grad_y: Array, *, image: Pair) -> Array:
    """Return the gradient of x from grad_y (N, C, 1, 1)."""
    divisor = np.full((1, 1), image[0] * image[1])
    return avg_pool2d_backward(grad_y, divisor, image=image, kernel_size=image, stride=image, padding=(0, 0))


def _as_float32(divisor: Array) -> Array:
    return np.ascontiguousarray(divisor, np.float32)
