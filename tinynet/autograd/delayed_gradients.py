"""Gradients that are computed later (delayed.py): where two meet, behind a ReLU, of pixels that are seldom read."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinynet import run_ahead
from tinynet.autograd import delayed
from tinynet.autograd.delayed import (
    DelayedTensor,
    expression_of,
    may_wait,
    possible,
    running,
    unfinished,
)
from tinynet.autograd.expressions import Affine, GradientSum, Masked, SparseGradient
from tinynet.backend import Array
from tinynet.kernels.generic.im2col import Pair
from tinynet.memory import is_private, laid_out_like
from tinynet.tensor.core import Tensor


def sum_of_gradients(x: Tensor, y: Tensor) -> Tensor | None:
    """Return x + y, later, of two gradients that meet; None if they are to be added now."""
    for some, others in ((x, y), (y, x)):
        if _add_to(others, some):
            return running(unfinished(others))
    a, b = unfinished(x), unfinished(y)
    if not possible(a) and possible(b):
        a, b = b, a
    if a.shape != b.shape or a.dtype != b.dtype or not possible(a):
        return None
    b = laid_out_like(b, a)
    return DelayedTensor(GradientSum(a, b)) if is_private(b) else None


def _add_to(grad: Tensor, some: Tensor) -> bool:
    """Add to a gradient, where it lies, that of some pixels, if nobody else has it; return whether that was done."""
    with delayed._lock:
        expression = expression_of(some)
        if type(expression) is not SparseGradient or not grad._own_memory:
            return False
        array = unfinished(grad)
        return is_private(array) and expression.add_to(array)


def masked(grad: Tensor, y: Array, affine: Affine | None) -> Tensor | None:
    """Return the gradient where y > 0, later; None if it is to be computed now."""
    if not possible(y):
        return None
    expression = expression_of(grad)
    if type(expression) is GradientSum:
        a, b = laid_out_like(expression.x, y), laid_out_like(expression.other, y)
    else:
        a, b = laid_out_like(unfinished(grad), y), None
    return DelayedTensor(Masked(a, b, y, affine)) if is_private(a) and (b is None or is_private(b)) else None


def of_some_pixels(grad_y: Array, weight: Array, image: Pair, **geometry: Any) -> Tensor | None:
    """Return the gradient of a convolution's input, later, if pixels lie between the windows; None if it is to be now.

    If another gradient meets it, only the pixels that are read are added to that one: three of four zeros of a
    shortcut's 1x1 convolution of stride 2 are neither written nor read. Else it is computed as ever, at the end of the
    backward pass at the latest: whoever has it then may change the weights.
    """
    read = geometry["dilation"] == (1, 1) and max(weight.shape[2:]) < min(geometry["stride"])
    if not read or not run_ahead.allowed() or not may_wait(grad_y):
        return None
    x = _outline((len(grad_y), weight.shape[1] * geometry["groups"], *image), grad_y.dtype)
    return DelayedTensor(SparseGradient(x, grad_y, weight, geometry))


@functools.lru_cache
def _outline(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.broadcast_to(np.zeros((), dtype), shape)
