"""Pooling over sliding windows of signals (one axis) and images (two)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import ops
from tinynet.backend import array_module, check_on_host, to_device
from tinynet.kernels.generic.im2col import output_size as windows_that_fit
from tinynet.nn.functional.arguments import (
    Pair,
    Size2,
    as_given,
    check_floating,
    check_output,
    images,
    plane,
    sizes,
)
from tinynet.ops.pool import AvgWindow, MaxWindow
from tinynet.tensor import Tensor

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
]

Size1 = int | tuple[int]


def max_pool1d(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    dilation: Size1 = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window; of equals the first gets the gradient.

    Shapes:  input (N, C, W) or (C, W); returns (N, C, OW), and if return_indices w of each
    Args, Raises:  as max_pool2d
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Size2,
    stride: Size2 | None = None,
    padding: Size2 = 0,
    dilation: Size2 = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window; of equals the first gets the gradient.

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW), and if return_indices h*W + w of each
    Args:    stride: default kernel_size; padding: at most half the window, never a maximum
             ceil_mode: round OH and OW up; the last window may then reach over the end
    Raises:  RuntimeError: OH or OW < 1, or the padding is too large
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    input: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window.

    Shapes:  input (N, C, W) or (C, W); returns (N, C, OW)
    Args, Raises:  as avg_pool2d
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size2,
    stride: Size2 | None = None,
    padding: Size2 = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window.

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW)
    Args:    count_include_pad: padding counts as zeros; divisor_override: divide by this instead of the window's size
    Raises:  RuntimeError: OH or OW < 1, the padding is too large, divisor_override is 0, or input is not floating point
             TypeError: divisor_override is not a whole number
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size1,
    stride: Size1 | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (sum of x ** norm_type) ** (1 / norm_type) of each window; where that is 0, so is the gradient.

    Shapes:  input (N, C, W) or (C, W); returns (N, C, OW)
    Raises:  ZeroDivisionError: norm_type is 0; else as avg_pool2d
    """
    (k,) = sizes(kernel_size, "kernel_size", 1, 1)
    return _root(avg_pool1d(input**norm_type, k, stride, 0, ceil_mode) * k, norm_type)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Size2,
    stride: Size2 | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (sum of x ** norm_type) ** (1 / norm_type) of each window; where that is 0, so is the gradient.

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW)
    Raises:  ZeroDivisionError: norm_type is 0; else as avg_pool2d
    """
    kh, kw = sizes(kernel_size, "kernel_size", 2, 1)
    return _root(avg_pool2d(input**norm_type, (kh, kw), stride, 0, ceil_mode) * (kh * kw), norm_type)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size1,
    stride: Size1 | None = None,
    padding: Size1 = 0,
    output_size: Any = None,
) -> Tensor:
    """Return signals of zeros with the maxima back in their places.

    Shapes:  input, indices (N, C, W) or (C, W); returns (N, C, OW)
    Args, Raises:  as max_unpool2d
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Size2,
    stride: Size2 | None = None,
    padding: Size2 = 0,
    output_size: Any = None,
) -> Tensor:
    """Return images of zeros with the maxima back in their places; of two at one place one is lost.

    Shapes:  input, indices (N, C, H, W) or (C, H, W); returns (N, C, OH, OW), OH = (H-1)*SH - 2*PH + KH
    Args:    output_size: (OH, OW), less than a stride away from that, or all axes of the output
    Raises:  ValueError: output_size is out of reach; RuntimeError: indices are not int64, not shaped as input, or
             outside the image (checked on the CPU only, the GPU would have to wait)
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def _max_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    function = f"max_pool{axes}d"
    x, single = images(input, function, axes)
    kernel, stride, padding = _pool_window(function, axes, kernel_size, stride, padding)
    dilation = plane(dilation, "dilation", axes, 1)
    image = x.shape[2], x.shape[3]
    size = _pooled_size(image, kernel, stride, padding, dilation, ceil_mode)
    check_output(function, image, size, kernel)
    y, index = ops.max_pool2d(x, MaxWindow(kernel, stride, padding, dilation), size)
    y = as_given(y, single, axes)
    return (y, as_given(index.to(np.int64), single, axes)) if return_indices else y


def _avg_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    function = f"avg_pool{axes}d"
    x, single = images(input, function, axes)
    check_floating(x, function)
    kernel, stride, padding = _pool_window(function, axes, kernel_size, stride, padding)
    image = x.shape[2], x.shape[3]
    size = _pooled_size(image, kernel, stride, padding, (1, 1), ceil_mode)
    check_output(function, image, size, kernel)
    if divisor_override is not None and not isinstance(divisor_override, int | np.integer):
        raise TypeError(f"divisor_override must be an int, got {divisor_override!r}")
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if divisor_override is None:
        rows, cols = (
            _window_lengths(*axis, count_include_pad)
            for axis in zip(image, kernel, stride, padding, size, strict=True)
        )
        divisor = np.outer(rows, cols)
    else:
        divisor = np.full(size, divisor_override)
    y = ops.avg_pool2d(x, AvgWindow(kernel, stride, padding), to_device(divisor, x.device))
    return as_given(y, single, axes)


def _root(total: Tensor, norm_type: float) -> Tensor:
    """Return total ** (1 / norm_type); relu makes the infinite slope at 0 a slope of 0."""
    sign = Tensor(array_module(total.array).sign(total.array))
    return (ops.relu(ops.abs(total)) * sign) ** (1.0 / norm_type)


def _max_unpool(
    axes: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Tensor:
    function = f"max_unpool{axes}d"
    x, single = images(input, function, axes)
    kernel = sizes(kernel_size, "kernel_size", axes, 1)
    stride = kernel if stride is None or stride == [] else sizes(stride, "stride", axes, 1)
    padding = sizes(padding, "padding", axes)
    image = tuple(
        (n - 1) * s - 2 * p + k
        for n, k, s, p in zip(input.shape[-axes:], kernel, stride, padding, strict=True)
    )
    if output_size is not None:
        image = _requested(output_size, image, stride, input.ndim, axes)
    if indices.dtype != np.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if indices.shape != input.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}"
        )
    H, W = plane(image, "output size", axes, 1)
    values = check_on_host(indices.array)
    if values is not None and values.size and not 0 <= values.min() <= values.max() < H * W:
        wrong = values[(values < 0) | (values >= H * W)].flat[0]
        raise RuntimeError(f"Found an invalid max index: {wrong} (output volumes are of size {list(image)})")
    index = indices.reshape(x.shape)
    return as_given(ops.max_unpool2d(x, index, (H, W)), single, axes)


def _requested(
    output_size: Any, default: tuple[int, ...], stride: tuple[int, ...], ndim: int, axes: int
) -> tuple[int, ...]:
    """Return the last axes of output_size, having checked that pooling makes the input's size of them."""
    wanted = tuple(int(n) for n in output_size)
    if len(wanted) == axes + 2:
        wanted = wanted[2:]
    if len(wanted) != axes:
        raise ValueError(
            f"output_size should be a sequence containing {axes} or {axes + 2} elements, but it has a length of "
            f"{len(wanted)}, for input with {ndim} dimensions"
        )
    if any(not n - s < w < n + s for w, n, s in zip(wanted, default, stride, strict=True)):
        raise ValueError(
            f"invalid output_size {list(wanted)}: each size must be less than the stride {list(stride)} away from "
            f"{list(default)}"
        )
    return wanted


def _pooled_size(
    image: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    """Return OH and OW; with ceil_mode the last window may reach over the end, but must start inside."""
    if not ceil_mode:
        return windows_that_fit(image, kernel, stride, padding, dilation)
    size = []
    for n, k, s, p, d in zip(image, kernel, stride, padding, dilation, strict=True):
        o = -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1
        size.append(o - 1 if (o - 1) * s >= n + p else o)
    return size[0], size[1]


def _pool_window(
    function: str, axes: int, kernel_size: Any, stride: Any, padding: Any
) -> tuple[Pair, Pair, Pair]:
    kernel = plane(kernel_size, "kernel_size", axes, 1)
    stride = kernel if stride is None or stride == [] else plane(stride, "stride", axes, 1)
    padding = plane(padding, "padding", axes, missing=0)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(
            f"{function}: pad should be at most half of effective kernel size, "
            f"but got pad={padding[-axes:]}, kernel_size={kernel[-axes:]}"
        )
    return kernel, stride, padding


def _window_lengths(n: int, k: int, s: int, p: int, o: int, count_include_pad: bool) -> np.ndarray:
    """Return along one axis how many pixels of each window count; what ceil_mode adds never does."""
    start = np.arange(o) * s - p
    low, high = (-p, n + p) if count_include_pad else (0, n)
    return np.minimum(start + k, high) - np.maximum(start, low)
