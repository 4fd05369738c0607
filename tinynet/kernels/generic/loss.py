"""Losses of each element that are more than one array expression."""

from __future__ import annotations

from tinynet.backend import Array, array_module
from tinynet.kernels.registry import kernel


@kernel
def huber(x: Array, *, delta: float) -> Array:
    """Return x**2 / 2 where |x| <= delta, else delta * (|x| - delta / 2)."""
    xp, size = array_module(x), abs(x)
    return xp.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta))


@kernel
def binary_cross_entropy(x: Array, target: Array) -> Array:
    """Return -(target * log(x) + (1 - target) * log(1 - x)), each logarithm at least -100."""
    xp, least = array_module(x), x.dtype.type(-100)
    with_target = xp.maximum(xp.log(x), least)
    without = xp.maximum(xp.log1p(-x), least)
    return (target - 1) * without - target * with_target
