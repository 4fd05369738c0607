"""Whether compiled kernels can run a call, and whether that pays; asked before every call, so it must cost little."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynet import memory, run_ahead
from tinynet.backend import Array

FLOAT32 = np.dtype(np.float32)
LEAST = 4096
"""Numbers in the largest array: below, starting a kernel takes as long as NumPy's whole work."""


@functools.cache
def has_compiler() -> bool:
    """Return whether llvmlite is installed; it is imported when the first kernel runs."""
    return importlib.util.find_spec("llvmlite") is not None


def is_float32(array: Array) -> bool:
    """Return whether compiled kernels can work on an array of this dtype."""
    # NumPy has one object of each dtype of the machine's byte order, and comparing two takes ten times as long.
    return (array.dtype is FLOAT32 or bool(array.dtype == FLOAT32)) and has_compiler()


def pays(array: Array) -> bool:
    """Return whether an array is float32 and large enough for a compiled kernel."""
    return array.size >= LEAST and is_float32(array)


def channels_last(x: Array) -> Array:
    """Return x (N, C, H, W) as a contiguous (N, H, W, C): itself if it lies like that, else a copy."""
    if x.shape[1] in (2, 3, 4) and x.flags.c_contiguous and pays(x):
        return _interleaved(x)
    y = x.transpose(0, 2, 3, 1)
    if y.flags.c_contiguous:
        return y
    run_ahead.wait()
    return np.ascontiguousarray(y)


def _interleaved(x: Array) -> Array:
    """Return images of few planes (N, C, H, W) as (N, H, W, C): NumPy copies them number by number, in one thread."""
    from tinynet.kernels.cpu.codegen import packing
    from tinynet.kernels.cpu.codegen.program import run, step

    N, C, H, W = x.shape
    pixels = memory.empty(N, H, W, C)
    run(step(packing.interleave(C), x, pixels, N, H * W))
    return pixels


def in_rows(x: Array) -> bool:
    """Return whether x (N, C, ...) lies in rows of channels: channels last in memory, without gaps."""
    if x.ndim == 4:
        C, W = x.shape[1], x.shape[3]
        sn, sc, sh, sw = x.strides
        size = x.itemsize
        return sc == size and sw == C * size and sh == W * sw and sn == x.shape[2] * sh
    return x.ndim == 2 and bool(x.flags.c_contiguous)


def all_float32(values: Iterable[Any]) -> bool:
    """Return whether those values that are arrays are float32."""
    for value in values:  # all() of a generator takes twice as long
        if isinstance(value, np.ndarray) and value.dtype is not FLOAT32 and value.dtype != FLOAT32:
            return False
    return True
