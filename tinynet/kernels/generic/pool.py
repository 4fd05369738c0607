"""Maximum and mean over sliding windows.

Shapes:  x (N, C, H, W); y (N, C, OH, OW). OH and OW are given: they may be rounded up (ceil_mode),
         and the image is then extended below and to the right.
Max-pooling saves where its maximum lies as an index h*W + w into the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.generic.im2col import Pair, pad_channels_last, window_slices
from tinynet.kernels.registry import kernel


@kernel
def max_pool2d(
    x: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[Array, Array]:
    """Return the largest value of each window and its index; the first of equals wins, NaN wins over all."""
    xp = array_module(x)
    image = x.shape[2:]
    extra = _extension(image, kernel_size, stride, padding, dilation, size)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = pad_channels_last(x, padding, lowest, extra)
    y = xp.full((x.shape[0], *size, x.shape[1]), lowest, x.dtype)
    index = xp.full(y.shape, -1, np.int64)
    for rows, cols in window_slices(kernel_size, stride, dilation, size):
        place = _pixel_numbers(xp, rows, cols, image, padding)
        candidate = padded[:, rows, cols]
        # A window that has seen only padding so far (index < 0) takes its first pixel, whatever the value.
        better = ((candidate > y) | (candidate != candidate) | (index < 0)) & (place >= 0)
        y = xp.where(better, candidate, y)
        index = xp.where(better, place, index)
    return y.transpose(0, 3, 1, 2), index.transpose(0, 3, 1, 2)


@kernel
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
    """Return the gradient of x: each grad_y added at the index its maximum came from."""
    xp = array_module(grad_y)
    N, C, OH, OW = grad_y.shape
    (H, W), (PH, PW) = image, padding
    EH, EW = _extension(image, kernel_size, stride, padding, dilation, (OH, OW))
    padded = xp.zeros((N, H + 2 * PH + EH, W + 2 * PW + EW, C), grad_y.dtype)
    grad_y, index = grad_y.transpose(0, 2, 3, 1), index.transpose(0, 2, 3, 1)
    for rows, cols in window_slices(kernel_size, stride, dilation, (OH, OW)):
        place = _pixel_numbers(xp, rows, cols, image, padding)
        padded[:, rows, cols] += xp.where(index == place, grad_y, grad_y.dtype.type(0))
    return padded[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2)


@kernel
def max_pool2d_gather(x: Array, index: Array) -> Array:
    """Return x (N, C, H, W) at the index (N, C, OH, OW) of each maximum: the adjoint of max_pool2d_backward."""
    xp = array_module(x)
    N, C, OH, OW = index.shape
    values = xp.take_along_axis(x.reshape(N, C, -1), index.reshape(N, C, -1), axis=2)
    # Of a window that saw only padding the index is -1.
    return xp.where(index < 0, x.dtype.type(0), values.reshape(N, C, OH, OW))


@kernel
def avg_pool2d(x: Array, divisor: Array, *, kernel_size: Pair, stride: Pair, padding: Pair) -> Array:
    """Return the sum of each window over `divisor` (OH, OW)."""
    size = divisor.shape
    extra = _extension(x.shape[2:], kernel_size, stride, padding, (1, 1), size)
    padded = pad_channels_last(x, padding, 0, extra)
    y = array_module(x).zeros((x.shape[0], *size, x.shape[1]), sum_dtype(x.dtype))
    for rows, cols in window_slices(kernel_size, stride, (1, 1), size):
        y += padded[:, rows, cols]
    y /= divisor[:, :, None].astype(y.dtype)
    return y.astype(x.dtype, copy=False).transpose(0, 3, 1, 2)


@kernel
def avg_pool2d_backward(
    grad_y: Array, divisor: Array, *, image: Pair, kernel_size: Pair, stride: Pair, padding: Pair
) -> Array:
    """Return the gradient of x: each grad_y over its divisor, spread over its window."""
    N, C, OH, OW = grad_y.shape
    (H, W), (PH, PW) = image, padding
    EH, EW = _extension(image, kernel_size, stride, padding, (1, 1), (OH, OW))
    share = grad_y.transpose(0, 2, 3, 1) / divisor[:, :, None].astype(grad_y.dtype)
    padded = array_module(grad_y).zeros((N, H + 2 * PH + EH, W + 2 * PW + EW, C), grad_y.dtype)
    for rows, cols in window_slices(kernel_size, stride, (1, 1), (OH, OW)):
        padded[:, rows, cols] += share
    return padded[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2)


def _pixel_numbers(xp: Any, rows: slice, cols: slice, image: Pair, padding: Pair) -> Array:
    """Number the pixels of these padded rows and columns h*W + w, padding -1; shape (1, OH, OW, 1)."""
    (H, W), (PH, PW) = image, padding
    h = xp.arange(rows.start, rows.stop, rows.step)[:, None] - PH
    w = xp.arange(cols.start, cols.stop, cols.step) - PW
    inside = (h >= 0) & (h < H) & (w >= 0) & (w < W)
    return xp.where(inside, h * W + w, -1)[None, :, :, None]


def _extension(
    image: Pair, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> Pair:
    """Return how far the last windows reach below and to the right of the padded image."""
    eh, ew = (
        max(0, (o - 1) * s + d * (k - 1) + 1 - (n + 2 * p))
        for n, k, s, p, d, o in zip(image, kernel_size, stride, padding, dilation, size, strict=True)
    )
    return eh, ew
