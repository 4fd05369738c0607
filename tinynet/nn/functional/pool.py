"""Pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import ops
from tinynet.backend import to_device
from tinynet.kernels.generic.im2col import output_size
from tinynet.nn.functional.arguments import Pair, Size2, check_output, images, pair
from tinynet.ops.pool import AvgWindow, MaxWindow
from tinynet.tensor import Tensor


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
    Raises:  RuntimeError: OH or OW < 1, or the padding is too large
    """
    x, single = images(input, "max_pool2d")
    kernel, stride, padding = _pool_window("max_pool2d", kernel_size, stride, padding)
    dilation = pair(dilation, "dilation", 1)
    image = x.shape[2], x.shape[3]
    size = _pooled_size(image, kernel, stride, padding, dilation, ceil_mode)
    check_output("max_pool2d", image, size, kernel)
    y, index = ops.max_pool2d(x, MaxWindow(kernel, stride, padding, dilation), size)
    if single:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


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
    x, single = images(input, "avg_pool2d")
    if not x.is_floating_point():
        raise RuntimeError(f"avg_pool2d: input must be floating point, got {x.dtype}")
    kernel, stride, padding = _pool_window("avg_pool2d", kernel_size, stride, padding)
    image = x.shape[2], x.shape[3]
    size = _pooled_size(image, kernel, stride, padding, (1, 1), ceil_mode)
    check_output("avg_pool2d", image, size, kernel)
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
    return y.squeeze(0) if single else y


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over an OH x OW grid of regions that cover the image: rows i*H//OH to ceil((i+1)*H/OH).

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW)
    Args:    output_size: int or (int or None, int or None); None keeps the size of the input
    Raises:  RuntimeError: output_size is no pair of sizes, or input is not floating point
    """
    x, single = images(input, "adaptive_avg_pool2d")
    if not x.is_floating_point():
        raise RuntimeError(f"adaptive_avg_pool2d: input must be floating point, got {x.dtype}")
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(sizes) != 2:
        raise RuntimeError(f"adaptive_avg_pool2d: output_size must be 2 numbers, got {output_size!r}")
    OH, OW = pair(
        tuple(n if o is None else o for o, n in zip(sizes, x.shape[2:], strict=True)), "output_size"
    )
    H, W = x.shape[2:]
    if (OH, OW) == (1, 1):
        y = ops.mean(x, (2, 3), keepdim=True)
    elif OH and OW and H % OH == W % OW == 0:
        y = avg_pool2d(x, (H // OH, W // OW))
    else:  # two matrix products: an infinite pixel makes NaN of regions it is not in
        rows, cols = (
            Tensor(to_device(_averaging_matrix(n, o).astype(x.dtype), x.device))
            for n, o in ((H, OH), (W, OW))
        )
        y = rows @ x @ cols.T
    return y.squeeze(0) if single else y


def _pooled_size(
    image: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    """Return OH and OW; with ceil_mode the last window may reach over the end, but must start inside."""
    if not ceil_mode:
        return output_size(image, kernel, stride, padding, dilation)
    size = []
    for n, k, s, p, d in zip(image, kernel, stride, padding, dilation, strict=True):
        o = -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1
        size.append(o - 1 if (o - 1) * s >= n + p else o)
    return size[0], size[1]


def _pool_window(function: str, kernel_size: Any, stride: Any, padding: Any) -> tuple[Pair, Pair, Pair]:
    kernel = pair(kernel_size, "kernel_size", 1)
    stride = kernel if stride is None or stride == [] else pair(stride, "stride", 1)
    padding = pair(padding, "padding")
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(
            f"{function}: pad should be at most half of effective kernel size, "
            f"but got pad={padding}, kernel_size={kernel}"
        )
    return kernel, stride, padding


def _window_lengths(n: int, k: int, s: int, p: int, o: int, count_include_pad: bool) -> np.ndarray:
    """Return along one axis how many pixels of each window count; what ceil_mode adds never does."""
    start = np.arange(o) * s - p
    low, high = (-p, n + p) if count_include_pad else (0, n)
    return np.minimum(start + k, high) - np.maximum(start, low)


def _averaging_matrix(n: int, o: int) -> np.ndarray:
    """Return the matrix (o, n) whose row i averages the pixels of region i."""
    i = np.arange(o)[:, None]
    start, end = i * n // o, -(-(i + 1) * n // o)
    pixel = np.arange(n)
    return ((pixel >= start) & (pixel < end)) / (end - start)
