"""Windows and blocks of pixels as channels, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.kernels.generic.im2col import output_size as windows_that_fit
from tinynet.nn.functional.arguments import Pair, check_floating, check_output, check_tensor, images, pair
from tinynet.ops.conv import Geometry
from tinynet.tensor import Tensor


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Return every window as a column.

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C*KH*KW, OH*OW), OH as in conv2d
    Raises:  RuntimeError: OH or OW < 1, or input is not floating point
    """
    x, single = images(input, "unfold")
    check_floating(x, "unfold")
    kernel, geometry = _geometry(kernel_size, dilation, padding, stride)
    image = x.shape[2], x.shape[3]
    check_output("unfold", image, _count(image, kernel, geometry), kernel)
    y = ops.unfold(x, kernel, geometry)
    return y.squeeze(0) if single else y


def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Return images in which every column is added as a window: the adjoint of unfold.

    Shapes:  input (N, C*KH*KW, L) or (C*KH*KW, L), L = OH*OW windows in an image (H, W) = output_size
             returns (N, C, H, W)
    Raises:  RuntimeError: the channels or L do not fit, or input is not floating point
    """
    check_tensor(input, "fold")
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D (unbatched) or 3D (batched) input to fold, but got input of size: {list(input.shape)}"
        )
    check_floating(input, "fold")
    columns = input if input.ndim == 3 else input.unsqueeze(0)
    kernel, geometry = _geometry(kernel_size, dilation, padding, stride)
    image = pair(output_size, "output_size")
    _, width, L = columns.shape
    if width == 0 or width % math.prod(kernel):
        raise RuntimeError(
            "fold: expected the rows of input to be divisible by the product of kernel_size, but got input of size "
            f"{list(input.shape)} and kernel_size={kernel}"
        )
    count = _count(image, kernel, geometry)
    if min(count) < 1 or math.prod(count) != L:
        raise RuntimeError(
            f"fold: an image of {list(image)} has {count[0]} x {count[1]} windows of {list(kernel)}, but input has "
            f"{L} columns, in size {list(input.shape)}"
        )
    y = ops.fold(columns, image, kernel, geometry)
    return y if input.ndim == 3 else y.squeeze(0)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return blocks of r x r channels as blocks of r x r pixels, r = upscale_factor.

    Shapes:  input (..., C*r*r, H, W); returns (..., C, H*r, W*r)
    Raises:  TypeError: r is no int; RuntimeError: less than 3 axes, or the channels are not divisible by r*r
    Source:  Shi et al. 2016, arXiv 1609.05158
    """
    r = _factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    *batch, C, H, W = input.shape
    if C % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor "
            f"{r}, but got input of size {list(input.shape)}"
        )
    n = len(batch)
    blocks = input.reshape(*batch, C // (r * r), r, r, H, W)
    pixels = blocks.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return pixels.reshape(*batch, C // (r * r), H * r, W * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return blocks of r x r pixels as blocks of r x r channels, r = downscale_factor: the inverse of pixel_shuffle.

    Shapes:  input (..., C, H*r, W*r); returns (..., C*r*r, H, W)
    Raises:  TypeError: r is no int; RuntimeError: less than 3 axes, or the image is not divisible by r
    """
    r = _factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    *batch, C, H, W = input.shape
    if H % r or W % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor {r}, but got input of size "
            f"{list(input.shape)}"
        )
    n = len(batch)
    blocks = input.reshape(*batch, C, H // r, r, W // r, r)
    channels = blocks.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return channels.reshape(*batch, C * r * r, H // r, W // r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return the channels in turn from each of `groups` groups of neighbours.

    Shapes:  input and output (N, C, ...)
    Raises:  TypeError: groups is no int; RuntimeError: less than 3 axes, or C is not divisible by groups
    Source:  Zhang, Zhou, Lin, Sun 2018, arXiv 1707.01083
    """
    groups = _factor("channel_shuffle", "groups", input, groups)
    N, C, *image = input.shape
    if C % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got input {list(input.shape)} and {groups} groups."
        )
    return input.reshape(N, groups, C // groups, *image).transpose(1, 2).reshape(input.shape)


def _geometry(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Pair, Geometry]:
    kernel = pair(kernel_size, "kernel_size", 1)
    stride, dilation = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
    return kernel, Geometry(stride, pair(padding, "padding"), dilation, 1)


def _count(image: Pair, kernel: Pair, geometry: Geometry) -> Pair:
    return windows_that_fit(image, kernel, geometry.stride, geometry.padding, geometry.dilation)


def _factor(function: str, name: str, input: Tensor, value: Any) -> int:
    """Check the input's axes and a factor."""
    check_tensor(input, function)
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{function}(): argument '{name}' must be int, not {type(value).__name__}")
    if input.ndim < 3:
        raise RuntimeError(
            f"{function} expects input to have at least 3 dimensions, but got input of size {list(input.shape)}"
        )
    if value < 1:
        raise RuntimeError(f"{function} expects a positive {name}, but got {value}")
    return int(value)
