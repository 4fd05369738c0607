"""Activations whose forward or backward is more than one array expression.

A backward kernel returns grad_y * f'(x). Nothing overflows to NaN where |x| is large, and NaN stays NaN. Half
precision is computed in float32 and rounded once.

Source:  Clevert, Unterthiner, Hochreiter 2015, arXiv 1511.07289 (ELU); Hendrycks, Gimpel 2016, arXiv 1606.08415
         (GELU, SiLU); Misra 2019, arXiv 1908.08681 (Mish); Howard et al. 2019, arXiv 1905.02244 (Hardswish)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

from tinynet.backend import Array, array_module, is_array, sum_dtype
from tinynet.kernels.generic.error_function import erf
from tinynet.kernels.registry import kernel

F = TypeVar("F", bound=Callable[..., Any])


def _half_in_float32(function: F) -> F:
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Array:
        dtype = (args[0] if args else options["x"]).dtype
        if dtype.itemsize > 2:
            return function(*args, **options)
        wide = sum_dtype(dtype)
        args = tuple(value.astype(wide) if is_array(value) else value for value in args)
        options = {name: value.astype(wide) if is_array(value) else value for name, value in options.items()}
        return function(*args, **options).astype(dtype)

    return cast(F, run)


@kernel
def relu(x: Array) -> Array:
    """Return max(x, 0); NaN stays NaN."""
    return array_module(x).maximum(x, x.dtype.type(0))


@kernel
def relu_backward(grad_y: Array, y: Array) -> Array:
    """Return grad_y where y > 0 (or is NaN, as in torch), else 0; y is relu's output."""
    return array_module(y).where(y <= 0, grad_y.dtype.type(0), grad_y)


@kernel
def log_softmax(x: Array, *, axis: int) -> Array:
    """Return x - log(sum(exp(x))) along the axis, shifted by the maximum so that nothing overflows."""
    xp, wide = array_module(x), x.astype(sum_dtype(x.dtype), copy=False)
    shifted = wide - wide.max(axis=axis, keepdims=True)
    y = shifted - xp.log(xp.exp(shifted).sum(axis=axis, keepdims=True))
    return y.astype(x.dtype, copy=False)


@kernel
def softmax(x: Array, *, axis: int) -> Array:
    """Return exp(x) / sum(exp(x)) along the axis, shifted by the maximum so that nothing overflows."""
    xp, wide = array_module(x), x.astype(sum_dtype(x.dtype), copy=False)
    y = xp.exp(wide - wide.max(axis=axis, keepdims=True))
    y /= y.sum(axis=axis, keepdims=True)
    return y.astype(x.dtype, copy=False)


def clamp(x: Array, low: float, high: float) -> Array:
    """Return x, at least low and at most high."""
    xp, number = array_module(x), x.dtype.type
    return xp.minimum(xp.maximum(x, number(low)), number(high))


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)); where exp overflows the result is 0."""
    return 1 / (1 + array_module(x).exp(-x))


@kernel
@_half_in_float32
def elu(x: Array, *, alpha: float, scale: float, input_scale: float) -> Array:
    """Return scale * x where x > 0, else scale * alpha * (exp(input_scale * x) - 1)."""
    xp = array_module(x)
    return xp.where(x <= 0, (scale * alpha) * xp.expm1(input_scale * clamp(x, -math.inf, 0)), scale * x)


@kernel
@_half_in_float32
def elu_backward(grad_y: Array, x: Array, *, alpha: float, scale: float, input_scale: float) -> Array:
    """Return grad_y * scale where x > 0, else grad_y * scale * alpha * input_scale * exp(input_scale * x)."""
    xp = array_module(x)
    slope = (scale * alpha * input_scale) * xp.exp(input_scale * clamp(x, -math.inf, 0))
    return xp.where(x <= 0, grad_y * slope, grad_y * scale)


@kernel
@_half_in_float32
def silu(x: Array) -> Array:
    """Return x * sigmoid(x)."""
    return x * sigmoid(x)


@kernel
@_half_in_float32
def silu_backward(grad_y: Array, x: Array) -> Array:
    """Return grad_y * s * (1 + x * (1 - s)), s = sigmoid(x)."""
    s = sigmoid(x)
    return grad_y * (s * (1 + x * (1 - s)))


@kernel
@_half_in_float32
def softplus(x: Array, *, beta: float, threshold: float) -> Array:
    """Return log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    xp, scaled = array_module(x), x * beta
    return xp.where(scaled > threshold, x, _softplus(scaled) / beta)


@kernel
@_half_in_float32
def softplus_backward(grad_y: Array, x: Array, *, beta: float, threshold: float) -> Array:
    """Return grad_y * sigmoid(beta * x); grad_y itself where beta * x > threshold."""
    scaled = x * beta
    return array_module(x).where(scaled > threshold, grad_y, grad_y * sigmoid(scaled))


@kernel
@_half_in_float32
def log_sigmoid(x: Array) -> Array:
    """Return log(sigmoid(x))."""
    return -_softplus(-x)


@kernel
@_half_in_float32
def log_sigmoid_backward(grad_y: Array, x: Array) -> Array:
    """Return grad_y * sigmoid(-x)."""
    return grad_y * sigmoid(-x)


@kernel
@_half_in_float32
def mish(x: Array) -> Array:
    """Return x * tanh(log(1 + exp(x)))."""
    return x * array_module(x).tanh(_softplus(x))


@kernel
@_half_in_float32
def mish_backward(grad_y: Array, x: Array) -> Array:
    """Return grad_y * (t + x * (1 - t**2) * sigmoid(x)), t = tanh(log(1 + exp(x)))."""
    t = array_module(x).tanh(_softplus(x))
    return grad_y * (t + x * (1 - t * t) * sigmoid(x))


def _softplus(x: Array) -> Array:
    xp = array_module(x)
    return xp.maximum(x, x.dtype.type(0)) + xp.log1p(xp.exp(-xp.abs(x)))


@kernel
@_half_in_float32
def gelu(x: Array) -> Array:
    """Return x * P(X <= x) of a standard normal X."""
    return x * (0.5 * (1 + erf(x * math.sqrt(0.5))))


@kernel
@_half_in_float32
def gelu_backward(grad_y: Array, x: Array) -> Array:
    """Return grad_y * (P(X <= x) + x * density(x)) of a standard normal X."""
    density = array_module(x).exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return grad_y * (0.5 * (1 + erf(x * math.sqrt(0.5))) + x * density)


GELU_SCALE, GELU_CUBE = math.sqrt(2 / math.pi), 0.044715
"""Of gelu's approximation: P(X <= x) is about (1 + tanh(GELU_SCALE * (x + GELU_CUBE * x**3))) / 2."""


@kernel
@_half_in_float32
def gelu_tanh(x: Array) -> Array:
    """Return gelu(x) with the cumulative distribution approximated by tanh."""
    t = array_module(x).tanh(GELU_SCALE * (x + GELU_CUBE * (x * x * x)))
    return 0.5 * x * (1 + t)


@kernel
@_half_in_float32
def gelu_tanh_backward(grad_y: Array, x: Array) -> Array:
    """Return grad_y * ((1 + t) + x * (1 - t**2) * u') / 2, t = tanh(u), u = GELU_SCALE * (x + GELU_CUBE * x**3)."""
    square = x * x
    t = array_module(x).tanh(GELU_SCALE * (x + GELU_CUBE * (x * square)))
    slope = GELU_SCALE * (1 + 3 * GELU_CUBE * square)
    return grad_y * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)


@kernel
@_half_in_float32
def hardswish(x: Array) -> Array:
    """Return x * min(max(x + 3, 0), 6) / 6."""
    return x * clamp(x + 3, 0, 6) / 6


@kernel
@_half_in_float32
def hardswish_backward(grad_y: Array, x: Array) -> Array:
    """Return 0 where x <= -3, grad_y * (x / 3 + 1 / 2) where -3 < x < 3, else grad_y."""
    xp = array_module(x)
    bent = xp.where(x < 3, grad_y * (x / 3 + 0.5), grad_y)
    return xp.where(x <= -3, grad_y.dtype.type(0), bent)
