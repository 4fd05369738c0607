"""Copies into larger arrays, and out of them: padding, the adjoint of a slice, and its sum with another array."""

from __future__ import annotations

from typing import Any

from tinynet.backend import Array, array_module, empty_like
from tinynet.kernels.registry import kernel

Widths = tuple[tuple[int, int], ...]
"""(before, after) of each axis; negative widths cut away."""


@kernel
def pad_constant(x: Array, *, widths: Widths, value: float) -> Array:
    """Return x with a constant around it, laid out as x."""
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    padded = empty_like(x, shape)
    padded[...] = value
    target = tuple(slice(max(b, 0), n - max(a, 0)) for n, (b, a) in zip(shape, widths, strict=True))
    source = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths, strict=True))
    padded[target] = x[source]
    return padded


@kernel
def put_in_zeros(values: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """Return zeros of a shape, with values at a basic index: whole numbers, slices and None."""
    if len(shape) == values.ndim:
        target = empty_like(values, shape)
    else:
        target = array_module(values).empty(shape, values.dtype)
    target[...] = 0
    target[index] = values
    return target


@kernel
def add_at_(target: Array, values: Array, *, index: Any) -> None:
    """Add values to target at a basic index, in place: what `put_in_zeros` adds, without the zeros."""
    target[index] += values
