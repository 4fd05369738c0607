"""The creation functions and the names of the dtypes, as the layers above the operations use them."""

from __future__ import annotations

import numpy as np

from tinynet.default_dtype import get_default_dtype, set_default_dtype
from tinynet.ops.creation import arange, empty, eye, full, full_like, ones, ones_like, zeros, zeros_like
from tinynet.ops.sampling import rand, randn
from tinynet.ops.values import from_numpy, tensor

__all__ = [
    "arange",
    "bool_",
    "empty",
    "eye",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "get_default_dtype",
    "int32",
    "int64",
    "ones",
    "ones_like",
    "rand",
    "randn",
    "set_default_dtype",
    "tensor",
    "uint8",
    "zeros",
    "zeros_like",
]

float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
int32, int64, uint8, bool_ = np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.uint8), np.dtype(np.bool_)
