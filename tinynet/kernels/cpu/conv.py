"""Convolution by im2col in pieces that stay in the cache, shared among threads.

The generic kernel writes all windows of the batch to memory and reads them back for one product: 75 MB for 16
channels at 32x32 and batch 128. Here each thread takes a share of the images and goes through it a few at a time:
it copies their windows into a buffer of CHUNK bytes, which is still in the cache when the matrix product reads it.

With stride 1 the gradient of the input is itself a convolution, of grad_y padded by D*(K-1) - P with the weight
turned by half a turn and its channels exchanged (Dumoulin, Visin 2016, arXiv 1603.07285, section 4). That replaces
the generic kernel's KH*KW passes of addition over the image.

With one channel a group (depthwise) there is nothing for a matrix product to do: each place of the window is one
multiplication of the shifted image by a row of the weight, added up a few images at a time, again in the cache.

Measured: `python -m benchmarks.kernels`
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.backend import Array, sum_dtype
from tinynet.kernels.cpu.available import (
    LEAST,
    all_float32,
    channels_last,
    has_compiler,
    in_rows,
    is_float32,
    pays,
)
from tinynet.kernels.generic import conv as generic
from tinynet.kernels.generic import fused
from tinynet.kernels.generic.im2col import Pair, im2col, output_size, pad_channels_last, window_slices
from tinynet.kernels.registry import accelerates
from tinynet.threads import in_parallel, pieces

Sizes = tuple[int, ...]

CHUNK = 2 << 20
"""Bytes of windows at a time, for each thread: from 1 to 4 MiB the time hardly changes (L2 1 MiB, L3 32 MiB)."""


def _one_group(*arrays: Array | None, groups: int, **_: Any) -> bool:
    """Return whether all channels are in one group, and there is at least one image."""
    return groups == 1 and all(array is None or array.size for array in arrays)


def _stride_one(
    grad_y: Array, weight: Array, *, stride: Pair, padding: Pair, dilation: Pair, groups: int, **_: Any
) -> bool:
    """Return whether, besides, the stride is 1, the padding lies within the window and the window is not a pixel."""
    kernel = weight.shape[2:]
    inside = all(p <= d * (k - 1) for p, d, k in zip(padding, dilation, kernel, strict=True))
    return stride == (1, 1) and inside and kernel != (1, 1) and _one_group(grad_y, weight, groups=groups)


@accelerates(generic.conv2d, device="cpu", when=_one_group)
def conv2d(
    x: Array, weight: Array, bias: Array | None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Cross-correlate x (N, C, H, W) with weight (O, C, KH, KW)."""
    O, C, KH, KW = weight.shape
    matrix = weight.transpose(2, 3, 1, 0).reshape(KH * KW * C, O)
    OH, OW = output_size(x.shape[2:], (KH, KW), stride, padding, dilation)
    y = np.empty((len(x), OH, OW, O), np.result_type(x, weight))

    def work(images: slice) -> None:
        for piece, columns in _chunks(x, images, (KH, KW), stride, padding, dilation):
            product = np.matmul(columns, matrix, out=y[piece].reshape(-1, O))
            if bias is not None:
                product += bias

    in_parallel(work, len(x))
    return y.transpose(0, 3, 1, 2)


@accelerates(generic.conv2d_grad_input, device="cpu", when=_stride_one)
def conv2d_grad_input(
    grad_y: Array, weight: Array, *, image: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of x by convolving grad_y (N, O, OH, OW) with the turned weight (O, C, KH, KW)."""
    turned = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    KH, KW = weight.shape[2:]
    full = (dilation[0] * (KH - 1) - padding[0], dilation[1] * (KW - 1) - padding[1])
    return conv2d(grad_y, turned, None, stride=stride, padding=full, dilation=dilation, groups=groups)


@accelerates(generic.conv2d_grad_weight, device="cpu", when=_one_group)
def conv2d_grad_weight(
    x: Array, grad_y: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of weight: a sum over threads of sums over pieces of products."""
    (KH, KW), C, O = kernel_size, x.shape[1], grad_y.shape[1]
    rows = grad_y.transpose(0, 2, 3, 1)
    dtype = np.result_type(x, grad_y)

    def work(images: slice) -> Array:
        total = np.zeros((O, KH * KW * C), sum_dtype(dtype))
        for piece, columns in _chunks(x, images, kernel_size, stride, padding, dilation):
            total += rows[piece].reshape(-1, O).T @ columns
        return total

    first, *others = in_parallel(work, len(x))
    for total in others:
        first += total
    return np.ascontiguousarray(first.reshape(O, KH, KW, C).transpose(0, 3, 1, 2), dtype)


def _one_channel(array: Array, weight: Array, bias: Array | None = None, *, groups: int, **_: Any) -> bool:
    """Return whether each of several channels is a group with one output, and there is at least one image."""
    return groups > 1 and weight.shape[:2] == (groups, 1) and bool(array.size and weight.size)


def _one_channel_each(x: Array, grad_y: Array, *, groups: int, **_: Any) -> bool:
    """Return the same, of the channels of x and y."""
    return groups > 1 and x.shape[1] == grad_y.shape[1] == groups and bool(x.size and grad_y.size)


@accelerates(generic.conv2d, device="cpu", when=_one_channel)
def conv2d_depthwise(
    x: Array, weight: Array, bias: Array | None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Cross-correlate each channel of x (N, C, H, W) with its own window of weight (C, 1, KH, KW)."""
    C, _, KH, KW = weight.shape
    size = output_size(x.shape[2:], (KH, KW), stride, padding, dilation)
    y = np.zeros((len(x), *size, C), sum_dtype(np.result_type(x, weight)))
    places = _places(weight, stride, dilation, size)

    def work(images: slice) -> None:
        for piece, product in _products(images, y):
            padded = pad_channels_last(x[piece], padding)
            for rows, cols, row in places:
                y[piece] += np.multiply(padded[:, rows, cols], row, out=product)
            if bias is not None:
                y[piece] += bias

    in_parallel(work, len(x))
    return y.transpose(0, 3, 1, 2).astype(np.result_type(x, weight), copy=False)


@accelerates(generic.conv2d_grad_input, device="cpu", when=_one_channel)
def conv2d_grad_input_depthwise(
    grad_y: Array, weight: Array, *, image: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of x: each gradient of y times the window, added at the place of the window."""
    N, C, *size = grad_y.shape
    (H, W), (PH, PW) = image, padding
    dtype = np.result_type(grad_y, weight)
    grad_x = np.zeros((N, H + 2 * PH, W + 2 * PW, C), sum_dtype(dtype))
    rows_of_y = grad_y.transpose(0, 2, 3, 1)
    places = _places(weight, stride, dilation, (size[0], size[1]))

    def work(images: slice) -> None:
        for piece, product in _products(images, rows_of_y):
            for rows, cols, row in places:
                grad_x[piece, rows, cols] += np.multiply(rows_of_y[piece], row, out=product)

    in_parallel(work, N)
    return grad_x[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2).astype(dtype, copy=False)


@accelerates(generic.conv2d_grad_weight, device="cpu", when=_one_channel_each)
def conv2d_grad_weight_depthwise(
    x: Array, grad_y: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of weight: of each place of the window the sum of the shifted image times that of y."""
    C, dtype = x.shape[1], np.result_type(x, grad_y)
    rows_of_y = grad_y.transpose(0, 2, 3, 1)
    slices = window_slices(kernel_size, stride, dilation, grad_y.shape[2:])

    def work(images: slice) -> Array:
        total = np.zeros((len(slices), C), sum_dtype(dtype))
        for piece, product in _products(images, rows_of_y):
            padded = pad_channels_last(x[piece], padding)
            for k, (rows, cols) in enumerate(slices):
                np.multiply(padded[:, rows, cols], rows_of_y[piece], out=product)
                total[k] += product.reshape(-1, C).sum(0, total.dtype)
        return total

    first, *others = in_parallel(work, len(x))
    for total in others:
        first += total
    return np.ascontiguousarray(first.T.reshape(C, 1, *kernel_size), dtype)


def _places(weight: Array, stride: Pair, dilation: Pair, size: Pair) -> list[tuple[slice, slice, Array]]:
    """List of each place of the window the rows and columns it visits and its weight of every channel."""
    C, _, KH, KW = weight.shape
    values = np.ascontiguousarray(weight.reshape(C, KH * KW).T)
    slices = window_slices((KH, KW), stride, dilation, size)
    return [(rows, cols, values[k]) for k, (rows, cols) in enumerate(slices)]


def _products(images: slice, y: Array) -> Iterator[tuple[slice, Array]]:
    """Yield slices of the images and memory for their y (N, OH, OW, C): an eighth of CHUNK, the same each time."""
    count = max(1, CHUNK // 8 * len(y) // y.nbytes)
    buffer = np.empty((min(count, images.stop - images.start), *y.shape[1:]), y.dtype)
    for piece in pieces(images, count):
        yield piece, buffer[: piece.stop - piece.start]


def _chunks(
    x: Array, images: slice, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[tuple[slice, Array]]:
    """Yield slices of the images and their windows as a matrix (rows, KH*KW*C), in one buffer used again each time.

    At least 4*KH*KW*C rows at a time: else reading the weight again for each piece costs more than the cache saves.
    """
    OH, OW = output_size(x.shape[2:], kernel, stride, padding, dilation)
    shape = (OH, OW, *kernel, x.shape[1])
    width = kernel[0] * kernel[1] * x.shape[1]
    rows = max(CHUNK // (width * x.itemsize), 4 * width)
    count = max(1, rows // (OH * OW))
    buffer = np.empty((min(count, images.stop - images.start), *shape), x.dtype)
    for piece in pieces(images, count):
        columns = buffer[: piece.stop - piece.start]
        columns[...] = im2col(x[piece], kernel, stride, padding, dilation)
        yield piece, columns.reshape(-1, width)


@functools.cache
def _generated() -> Any:
    """Return codegen/convolution.py, which is imported with the compiler when it is first needed."""
    from tinynet.kernels.cpu.codegen import convolution

    return convolution


def _machine_code(
    first: Array, second: Array, bias: Array | None = None, *, stride: Pair, groups: int, **_: Any
) -> bool:
    """Return whether generated kernels cover the call: float32, one group, the same stride both ways."""
    return (
        groups == 1
        and stride[0] == stride[1]
        and pays(first if first.size > second.size else second)
        and first.dtype == second.dtype
        and first.size > 0
        and second.size > 0
    )


def _forward_by_machine_code(
    x: Array, weight: Array, bias: Array | None = None, *, stride: Pair, groups: int, **_: Any
) -> bool:
    """Return the same of a convolution, which pays too where only the results are many: of an image of 3 channels."""
    return is_float32(x) and x.dtype == weight.dtype and _covers(x.shape, weight.shape, stride, groups)


@functools.lru_cache(4096)
def _covers(x: Sizes, weight: Sizes, stride: Pair, groups: int) -> bool:
    sizes = math.prod(x), math.prod(weight)
    if not all(sizes):
        return False
    results = sizes[0] // x[1] * weight[0] // (stride[0] * stride[1])  # but for the border
    return groups == 1 and stride[0] == stride[1] and max(*sizes, results) >= LEAST


@accelerates(generic.conv2d, device="cpu", when=_forward_by_machine_code, ahead=True)
def conv2d_generated(
    x: Array, weight: Array, bias: Array | None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Convolve by codegen/winograd.py or codegen/direct.py."""
    convolution = _generated()
    shape = _shape(x.shape, weight.shape, stride, padding, dilation)
    bias = None if bias is None else np.ascontiguousarray(bias)
    planes = x.flags.c_contiguous and x.shape[1] != x.shape[3] and convolution.takes_planes(shape)
    x = x if planes else channels_last(x)
    return convolution.convolve(x, np.ascontiguousarray(weight), bias, shape).transpose(0, 3, 1, 2)


def _can_be_finished(
    y: Array, x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int,
    scale: Array | None, shift: Array | None, statistics: tuple[Array, Array, float] | None, other: Array | None,
    relu: bool,
) -> bool:  # fmt: skip
    """Return whether generated kernels cover the call, y is channels last, and the lanes lie along its channels."""
    if not all_float32((y, x, weight)) or not all_float32((bias, scale, shift, other, *(statistics or ()))):
        return False
    if not (has_compiler() and in_rows(y)):
        return False
    return _finishes(x.shape, weight.shape, stride, padding, dilation, groups, _generated().use_winograd)


@functools.lru_cache(4096)
def _finishes(
    x: Sizes, weight: Sizes, stride: Pair, padding: Pair, dilation: Pair, groups: int, _: bool
) -> bool:
    """Return the same of shapes alone; the last argument is the switch `use_winograd`, which decides too."""
    if not _covers(x, weight, stride, groups):
        return False
    return not _generated().takes_planes(_shape(x, weight, stride, padding, dilation))


@accelerates(fused.conv2d_finished_, device="cpu", when=_can_be_finished, ahead=True)
def conv2d_finished_generated_(
    y: Array, x: Array, weight: Array, bias: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int,
    scale: Array | None, shift: Array | None, statistics: tuple[Array, Array, float] | None, other: Array | None,
    relu: bool,
) -> None:  # fmt: skip
    """Finish the results in registers (codegen/ending.py)."""
    contiguous = np.ascontiguousarray
    _generated().convolve_into(
        y.transpose(0, 2, 3, 1),
        channels_last(x),
        contiguous(weight),
        stride,
        padding,
        dilation,
        None if bias is None else contiguous(bias),
        None if scale is None else contiguous(scale),
        None if shift is None else contiguous(shift),
        statistics and (contiguous(statistics[0]), contiguous(statistics[1]), statistics[2]),
        None if other is None else channels_last(other),
        relu,
    )


@accelerates(generic.conv2d_grad_input, device="cpu", when=_machine_code, ahead=True)
def conv2d_grad_input_generated(
    grad_y: Array, weight: Array, *, image: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Convolve grad_y by codegen/winograd.py or codegen/direct.py."""
    x_shape = (len(grad_y), weight.shape[1], *image)
    shape = _shape(x_shape, weight.shape, stride, padding, dilation)
    grad_x = _generated().grad_input(channels_last(grad_y), np.ascontiguousarray(weight), shape)
    return grad_x.transpose(0, 3, 1, 2)


def _can_be_added(
    grad_x: Array, *, grad_y: Array, weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> bool:
    """Return whether generated kernels cover the call, and grad_x lies channels last."""
    covered = _machine_code(grad_y, weight, stride=stride, groups=groups) and is_float32(grad_x)
    if not covered or not in_rows(grad_x):
        return False
    return _generated().takes_sum(_shape(grad_x.shape, weight.shape, stride, padding, dilation))


@accelerates(fused.conv2d_grad_input_add_, device="cpu", when=_can_be_added, ahead=True)
def conv2d_grad_input_add_generated_(
    grad_x: Array, *, grad_y: Array, weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> None:
    """Add the pixels that are read, and leave all others."""
    shape = _shape(grad_x.shape, weight.shape, stride, padding, dilation)
    grad_x = grad_x.transpose(0, 2, 3, 1)
    _generated().add_grad_input(grad_x, channels_last(grad_y), np.ascontiguousarray(weight), shape)


@accelerates(generic.conv2d_grad_weight, device="cpu", when=_machine_code, ahead=True)
def conv2d_grad_weight_generated(
    x: Array, grad_y: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Sum by codegen/winograd.py or codegen/direct.py."""
    weight_shape = (grad_y.shape[1], x.shape[1], *kernel_size)
    shape = _shape(x.shape, weight_shape, stride, padding, dilation)
    return _generated().grad_weight(channels_last(x), channels_last(grad_y), shape)


def _shares_a_transform(
    x: Array, grad_y: Array, weight: Array, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> bool:
    """Return whether generated kernels transform grad_y once for both gradients."""
    if not _machine_code(grad_y, weight, stride=stride, groups=groups) or not is_float32(x):
        return False
    return _generated().takes_gradients(_shape(x.shape, weight.shape, stride, padding, dilation))


@accelerates(generic.conv2d_gradients, device="cpu", when=_shares_a_transform, ahead=True)
def conv2d_gradients_generated(
    x: Array, grad_y: Array, weight: Array, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Array, Array]:
    """Compute both by codegen/winograd.py."""
    shape = _shape(x.shape, weight.shape, stride, padding, dilation)
    factors = channels_last(x), channels_last(grad_y), np.ascontiguousarray(weight)
    grad_x, grad_weight = _generated().gradients(*factors, shape)
    return grad_x.transpose(0, 3, 1, 2), grad_weight


@functools.lru_cache(4096)
def _shape(x: Sizes, weight: Sizes, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return what codegen/convolution.py needs to know, from the shapes (N, C, H, W) and (O, C, KH, KW)."""
    from tinynet.kernels.cpu.codegen.shape import shape_of

    return shape_of(x[0], (x[2], x[3]), weight, stride, padding, dilation)
