"""Batch normalisation over all axes but the channels (axis 1), and standardisation over any axes.

y = weight * x_hat + bias, x_hat = (x - mean) * invstd, invstd = 1 / sqrt(var + eps), where mean and the
biased var are those of the batch. Statistics of half precision are taken in float32.

Source:  Ioffe, Szegedy 2015, Batch Normalization, arXiv 1502.03167
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.registry import kernel


@kernel
def batch_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, Array, Array, Array]:
    """Return y, and of each channel mean, biased variance and invstd.

    Shapes:  x, y (N, C, ...); weight, bias, mean, var, invstd (C,)
    """
    mean = channel_mean(x)
    y = x - _over_channels(mean, x)
    var = channel_mean(y * y)
    invstd = 1 / array_module(x).sqrt(var + eps)
    y *= _over_channels(weight * invstd, x)
    y += _over_channels(bias, x)
    return y.astype(x.dtype, copy=False), mean, var, invstd


def coefficients(weight: Array, bias: Array, mean: Array, var: Array, eps: float) -> tuple[Array, Array]:
    """Return the scale and shift (C,) that normalise with these statistics: y = x * scale + shift."""
    if isinstance(var, np.ndarray):
        eps = _constant(eps, var.dtype)
    scale = weight / array_module(var).sqrt(var + eps)
    return scale, bias - mean * scale


@functools.lru_cache
def _constant(value: float, dtype: Any) -> Any:
    """Return a number as an array, which NumPy adds in a third of the time."""
    return np.asarray(value, dtype)


def move_statistics_(
    running_mean: Array | None,
    running_var: Array | None,
    mean: Array,
    var: Array,
    momentum: Any,
    unbiased: float,
) -> None:
    """Replace running statistics that are given by (1 - momentum) * running + momentum * batch.

    var counts times `unbiased`; momentum is a number, or an array on their device.
    """
    for running, batch in ((running_mean, mean), (running_var, var * unbiased)):
        if running is not None:
            running *= 1 - momentum
            running += momentum * batch


@kernel
def batch_norm_backward(
    grad_y: Array, x: Array, weight: Array, *, mean: Array, invstd: Array
) -> tuple[Array, Array, Array]:
    """Return grad_x, grad_weight and grad_bias.

    grad_x = weight * invstd * (grad_y - mean(grad_y) - x_hat * mean(grad_y * x_hat)), means over the batch.
    """
    # Written in place: memory never touched before costs more than the arithmetic.
    x_hat = x - _over_channels(mean, x)
    x_hat *= _over_channels(invstd, x)
    mean_grad, mean_grad_x_hat = channel_mean(grad_y), channel_mean(grad_y * x_hat)
    x_hat *= _over_channels(mean_grad_x_hat, x)
    x_hat += _over_channels(mean_grad, x)
    grad_x = grad_y - x_hat
    grad_x *= _over_channels(weight * invstd, x)
    count = x.size // x.shape[1]
    return grad_x.astype(x.dtype, copy=False), mean_grad_x_hat * count, mean_grad * count


@kernel
def standardize(x: Array, *, axes: tuple[int, ...], eps: float) -> tuple[Array, Array, Array, Array]:
    """Return x_hat = (x - mean) * invstd, and invstd, mean and biased variance over the axes, kept with size 1."""
    mean = x.mean(axis=axes, keepdims=True)
    x_hat = x - mean
    var = (x_hat * x_hat).mean(axis=axes, keepdims=True)
    invstd = 1 / array_module(x).sqrt(var + eps)
    x_hat *= invstd
    return x_hat, invstd, mean, var


def channel_mean(x: Array) -> Array:
    """Return the mean of x (N, C, ...) over all axes but the channels, half precision in float32."""
    # Summed in float64, as torch does on the CPU: what is rounded here moves activations across the kink of the ReLU
    # that usually follows, and in deep networks the gradients with them.
    wide = np.float64 if x.dtype == np.float32 else sum_dtype(x.dtype)
    mean = x.mean(axis=tuple(range(2, x.ndim)), dtype=wide).mean(axis=0)
    return mean.astype(sum_dtype(x.dtype), copy=False)


def _over_channels(values: Array, x: Array) -> Array:
    """Return values (C,) shaped to broadcast over x (N, C, ...)."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))
