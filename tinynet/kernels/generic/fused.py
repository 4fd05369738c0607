"""Chains of operations that an accelerated kernel does in one pass over memory, as plain NumPy and CuPy.

x (N, C, ...); what has one number a channel is (C,).
"""

from __future__ import annotations

import numpy as np

from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.generic.conv import conv2d, conv2d_grad_input
from tinynet.kernels.generic.im2col import Pair
from tinynet.kernels.generic.normalization import channel_mean, coefficients, move_statistics_
from tinynet.kernels.registry import kernel


@kernel
def batch_norm_coefficients(
    x: Array,
    weight: Array,
    bias: Array,
    eps: float,
    running_mean: Array | None,
    running_var: Array | None,
    momentum: float,
    unbiased: float,
) -> tuple[Array, ...]:
    """Return mean, biased variance, invstd = 1 / sqrt(variance + eps), and the scale and shift that normalise x.

    Batch normalisation is x * scale + shift, with scale = weight * invstd and shift = bias - mean * scale. Running
    statistics, both or neither, are moved (`move_statistics_`). Arguments by position, as those of `conv2d_finished_`.
    """
    mean = channel_mean(x)
    centered = x - over_channels(mean, x)
    var = channel_mean(centered * centered)
    invstd = 1 / array_module(x).sqrt(var + eps)
    scale = weight * invstd
    move_statistics_(running_mean, running_var, mean, var, momentum, unbiased)
    return mean, var, invstd, scale, bias - mean * scale


@kernel
def channel_sum(x: Array) -> Array:
    """Return the sum of each channel over all other axes, in the dtype of x; float32 is added up in float64."""
    wide = np.float64 if x.dtype == np.float32 else sum_dtype(x.dtype)
    return x.sum(axis=(0, *range(2, x.ndim)), dtype=wide).astype(x.dtype, copy=False)


@kernel
def channel_affine(
    x: Array,
    *,
    scale: Array,
    shift: Array,
    other: Array | None,
    other_scale: Array | None,
    other_shift: Array | None,
    relu: bool,
) -> Array:
    """Return x * scale + shift, plus `other` (or other * other_scale + other_shift), and of that the positive part."""
    y = x * over_channels(scale, x)
    y += over_channels(shift, x)
    if other is not None:
        y += (
            other
            if other_scale is None
            else other * over_channels(other_scale, x) + over_channels(other_shift, x)
        )
    return array_module(x).maximum(y, y.dtype.type(0)) if relu else y


@kernel
def conv2d_finished_(
    y: Array,
    x: Array,
    weight: Array,
    bias: Array | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    scale: Array | None,
    shift: Array | None,
    statistics: tuple[Array, Array, float] | None,
    other: Array | None,
    relu: bool,
) -> None:
    """Write conv2d(x) into y, times scale plus shift, plus `other`, and of that the positive part, as far as given.

    With statistics, which are mean, variance and eps, scale and shift are the weight and bias of batch normalisation.
    Arguments by position: of a single image's layer, to name them all would take Python as long as three operations.
    """
    y[...] = conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if statistics is not None:
        scale, shift = coefficients(scale, shift, *statistics)
    if scale is not None:
        y *= over_channels(scale, y)
        y += over_channels(shift, y)
    if other is not None:
        y += other
    if relu:
        array_module(y).maximum(y, y.dtype.type(0), out=y)


@kernel
def conv2d_grad_input_add_(
    grad_x: Array, *, grad_y: Array, weight: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> None:
    """Add the gradient of the input of conv2d to grad_x (N, C, H, W), from that of y."""
    image = grad_x.shape[2], grad_x.shape[3]
    grad_x += conv2d_grad_input(
        grad_y, weight, image=image, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@kernel
def masked_sum(grad: Array, *, other: Array | None, y: Array) -> Array:
    """Return grad (+ other) where y > 0 or is NaN, else 0: the gradient behind a ReLU, of one or two in front of it."""
    total = grad if other is None else grad + other
    return array_module(y).where(y <= 0, total.dtype.type(0), total)


@kernel
def sum_of_two(x: Array, *, other: Array) -> Array:
    """Return x + other, both of one shape."""
    return x + other


@kernel
def batch_norm_backward_behind_relu(
    grad: Array,
    x: Array,
    weight: Array,
    *,
    mean: Array,
    invstd: Array,
    other: Array | None,
    y: Array | None,
    scale: Array | None,
    shift: Array | None,
    keep: bool,
) -> tuple[Array, Array, Array, Array | None]:
    """Return grad_x, grad_weight, grad_bias of batch normalisation, and with `keep` the gradient g that it starts from.

    g = grad (+ other) where the ReLU behind passed: where y > 0, or x * scale + shift > 0 if they are given; with
    neither there was none.
    """
    if scale is not None and shift is not None:
        y = x * over_channels(scale, x) + over_channels(shift, x)
    if y is not None:
        g = masked_sum(grad, other=other, y=y)
    else:
        g = grad if other is None else grad + other
    x_hat = (x - over_channels(mean, x)) * over_channels(invstd, x)
    mean_g, mean_g_x_hat = channel_mean(g), channel_mean(g * x_hat)
    grad_x = (g - over_channels(mean_g, x) - x_hat * over_channels(mean_g_x_hat, x)) * over_channels(
        weight * invstd, x
    )
    count = x.size // x.shape[1]
    return grad_x.astype(x.dtype, copy=False), mean_g_x_hat * count, mean_g * count, g if keep else None


def over_channels(values: Array, x: Array) -> Array:
    """Return values (C,) shaped to broadcast over x (N, C, ...)."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))
