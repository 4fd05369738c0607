"""Whether generated machine code can compute a call: what `when=` of the CPU kernels asks, without loading LLVM."""

from __future__ import annotations

import functools
import importlib.util

import numpy as np

from tinynet.backend import Array

SMALLEST = 4096
"""Elements from which a generated kernel is quicker than NumPy, which needs no memory addresses."""


@functools.cache
def has_compiler() -> bool:
    """Return whether llvmlite is installed."""
    return importlib.util.find_spec("llvmlite") is not None


def generated(array: Array) -> bool:
    """Return whether the array is float32, and large enough to pay."""
    return array.dtype == np.float32 and array.size >= SMALLEST and has_compiler()


def in_rows(x: Array) -> bool:
    """Return whether x (N, C, ...) lies in rows of channels: channels last in memory, without gaps."""
    if x.ndim == 4:
        C, W = x.shape[1], x.shape[3]
        _, sc, sh, sw = x.strides
        size = x.itemsize
        return sc == size and sw == C * size and sh == W * C * size and x.strides[0] == x.shape[2] * sh
    return x.ndim == 2 and x.flags.c_contiguous
