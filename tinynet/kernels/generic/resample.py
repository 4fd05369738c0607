"""Linear maps along the rows and the columns of images: interpolation, means over regions, and their adjoints.

A map is a list of passes (target, source, weight): y[target] += weight * x[source]. Within one pass no target
occurs twice, so that the sums are the same in every run. An infinite pixel reaches only those that name it.
"""

from __future__ import annotations

from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.generic.im2col import Pair
from tinynet.kernels.registry import kernel

Passes = list[tuple[Array | slice, Array, Array]]


@kernel
def resample(x: Array, *, rows: Passes, cols: Passes, size: Pair) -> Array:
    """Apply one map to the rows of x (N, C, H, W) and another to the columns; sums of half precision in float32.

    Shapes:  returns (N, C, *size); target, source and weight of a pass: one axis, equally long; target also a slice
    """
    (N, C, H, W), (OH, OW) = x.shape, size
    y = _along(x.transpose(0, 2, 3, 1).reshape(N, H, W * C), rows, OH)
    y = _along(y.reshape(N * OH, W, C), cols, OW)
    return y.reshape(N, OH, OW, C).transpose(0, 3, 1, 2).astype(x.dtype, copy=False)


def _along(x: Array, passes: Passes, n: int) -> Array:
    """Apply a map to the middle axis of x (A, B, C), which gets the size n."""
    y = array_module(x).zeros((x.shape[0], n, x.shape[2]), sum_dtype(x.dtype))
    for target, source, weight in passes:
        y[:, target] += x[:, source] * weight.astype(y.dtype, copy=False)[:, None]
    return y
