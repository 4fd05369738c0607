"""Maximum and mean over sliding windows, and the maximum over a grid of regions.

Shapes:  x (N, C, H, W); y (N, C, OH, OW). OH and OW are given: they may be rounded up (ceil_mode),
         and the image is then extended below and to the right.
Max-pooling saves where its maximum lies as an index h*W + w into the image, in int32 where that is enough.
Half precision is summed in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend import Array, array_module, scatter_add_, sum_dtype
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
    index = xp.full(y.shape, -1, np.int32 if image[0] * image[1] < 2**31 else np.int64)
    for rows, cols in window_slices(kernel_size, stride, dilation, size):
        place = _pixel_numbers(xp, rows, cols, image, padding)
        y, index = _larger(y, index, candidate=padded[:, rows, cols], place=place)
    return y.transpose(0, 3, 1, 2), index.transpose(0, 3, 1, 2)


@kernel
def adaptive_max_pool2d(x: Array, *, size: Pair) -> tuple[Array, Array]:
    """Return the largest value of each region, and its index, over an OH x OW grid of regions that cover the image."""
    xp = array_module(x)
    (N, C, H, W), (OH, OW) = x.shape, size
    pixels = x.transpose(0, 2, 3, 1).reshape(N, H * W, C)
    y = xp.zeros((N, OH, OW, C), x.dtype)
    index = xp.full(y.shape, -1, np.int64)
    rows, cols = _regions(xp, H, OH), _regions(xp, W, OW)  # (OH, KH), (OW, KW)
    for kh in range(rows.shape[1]):
        for kw in range(cols.shape[1]):
            h, w = rows[:, kh, None], cols[:, kw]
            place = xp.where((h < 0) | (w < 0), -1, h * W + w)
            candidate = pixels[:, place.ravel()].reshape(y.shape)  # of place -1 any pixel: it cannot win
            y, index = _larger(y, index, candidate=candidate, place=place[None, :, :, None])
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
    padded = xp.zeros((N, H + 2 * PH + EH, W + 2 * PW + EW, C), sum_dtype(grad_y.dtype))
    grad_y, index = grad_y.transpose(0, 2, 3, 1), index.transpose(0, 2, 3, 1)
    for rows, cols in window_slices(kernel_size, stride, dilation, (OH, OW)):
        place = _pixel_numbers(xp, rows, cols, image, padding)
        padded[:, rows, cols] += xp.where(index == place, grad_y, grad_y.dtype.type(0))
    return padded[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2).astype(grad_y.dtype, copy=False)


@kernel
def gather_pixels(x: Array, index: Array) -> Array:
    """Return x (N, C, H, W) at the index (N, C, OH, OW) of each maximum, 0 where that is -1."""
    xp = array_module(x)
    N, C, OH, OW = index.shape
    H, W = x.shape[2:]
    values = xp.take_along_axis(x.reshape(N, C, H * W), index.reshape(N, C, OH * OW), axis=2)
    # Of a window that saw only padding the index is -1.
    return xp.where(index < 0, x.dtype.type(0), values.reshape(N, C, OH, OW))


@kernel
def scatter_pixels(values: Array, index: Array, *, image: Pair, add: bool) -> Array:
    """Return images (N, C, H, W) of zeros with `values` (N, C, OH, OW) put, or added, at their indices."""
    xp = array_module(values)
    (N, C, OH, OW), (H, W) = values.shape, image
    values, index = values.reshape(N * C, OH * OW), index.reshape(N * C, OH * OW)
    pixels = xp.zeros((N * C, H * W), sum_dtype(values.dtype) if add else values.dtype)
    place = xp.arange(N * C)[:, None], index
    if add:
        scatter_add_(pixels, place, values.astype(pixels.dtype, copy=False))
    else:
        pixels[place] = values
    return pixels.reshape(N, C, H, W).astype(values.dtype, copy=False)


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
    dtype = sum_dtype(grad_y.dtype)
    share = grad_y.transpose(0, 2, 3, 1) / divisor[:, :, None].astype(dtype)
    padded = array_module(grad_y).zeros((N, H + 2 * PH + EH, W + 2 * PW + EW, C), dtype)
    for rows, cols in window_slices(kernel_size, stride, (1, 1), (OH, OW)):
        padded[:, rows, cols] += share
    return padded[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2).astype(grad_y.dtype, copy=False)


@kernel
def mean_pixels(x: Array) -> Array:
    """Return the mean of each image (N, C, 1, 1): average pooling with one window; NaN where there are no pixels."""
    H, W = x.shape[2:]
    total = x.sum(axis=(2, 3), dtype=sum_dtype(x.dtype), keepdims=True)
    return (total / total.dtype.type(H * W)).astype(x.dtype, copy=False)


@kernel
def mean_pixels_backward(grad_y: Array, *, image: Pair) -> Array:
    """Return the gradient of x: each grad_y (N, C, 1, 1) over the number of pixels, at every pixel."""
    xp = array_module(grad_y)
    (N, C), (H, W) = grad_y.shape[:2], image
    share = (grad_y.reshape(N, 1, 1, C).astype(sum_dtype(grad_y.dtype), copy=False) / (H * W)).astype(
        grad_y.dtype
    )
    return xp.ascontiguousarray(xp.broadcast_to(share, (N, H, W, C))).transpose(0, 3, 1, 2)


def _larger(y: Array, index: Array, *, candidate: Array, place: Array) -> tuple[Array, Array]:
    """Return, of each window, the larger of y and its next pixel, and the number of that pixel; -1 is padding."""
    xp = array_module(y)
    # A window that has seen only padding so far (index < 0) takes its first pixel, whatever the value.
    better = ((candidate > y) | (candidate != candidate) | (index < 0)) & (place >= 0)
    return xp.where(better, candidate, y), xp.where(better, place.astype(index.dtype, copy=False), index)


def _regions(xp: Any, n: int, o: int) -> Array:
    """Number the pixels of regions i*n//o to ceil((i+1)*n/o) of an axis, one a row; -1 fills the shorter ones."""
    i = xp.arange(o)[:, None]
    longest = max((-(-(i + 1) * n // o) - i * n // o for i in range(o)), default=0)
    pixel = i * n // o + xp.arange(longest)
    return xp.where(pixel < -(-(i + 1) * n // o), pixel, -1)


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
