"""Activations whose forward or backward is more than one array expression."""

from __future__ import annotations

from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.registry import kernel


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
