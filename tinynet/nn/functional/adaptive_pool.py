"""Pooling over a grid of regions that cover the input: of each axis, region i is from i*n//o to ceil((i+1)*n/o)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.nn.functional.arguments import Pair, as_given, check_floating, images, plane
from tinynet.nn.functional.pool import avg_pool2d, max_pool2d
from tinynet.ops.resample import Taps
from tinynet.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
]


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over OW regions that cover the signal.

    Shapes:  input (N, C, W) or (C, W); returns (N, C, OW)
    Raises:  RuntimeError: as adaptive_avg_pool2d
    """
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return means over an OH x OW grid of regions that cover the image: rows i*H//OH to ceil((i+1)*H/OH).

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW)
    Args:    output_size: int or (int or None, int or None); None keeps the size of the input
    Raises:  RuntimeError: output_size is no pair of sizes, or input is not floating point
    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over OW regions that cover the signal.

    Shapes:  input (N, C, W) or (C, W); returns (N, C, OW), and if return_indices w of each
    Raises:  RuntimeError: as adaptive_max_pool2d
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over an OH x OW grid of regions that cover the image: rows i*H//OH to ceil((i+1)*H/OH).

    Shapes:  input (N, C, H, W) or (C, H, W); returns (N, C, OH, OW), and if return_indices h*W + w of each
    Args:    output_size: int or (int or None, int or None); None keeps the size of the input
    Raises:  RuntimeError: output_size is no pair of sizes, or input is not floating point
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def _adaptive_avg_pool(axes: int, input: Tensor, output_size: Any) -> Tensor:
    function = f"adaptive_avg_pool{axes}d"
    x, single = images(input, function, axes)
    check_floating(x, function)
    OH, OW = _grid(function, axes, output_size, x)
    H, W = x.shape[2:]
    if (OH, OW) == (1, 1):
        y = ops.mean_pixels(x)
    elif OH and OW and H % OH == W % OW == 0:
        y = avg_pool2d(x, (H // OH, W // OW))
    else:
        y = ops.resample(x, _averages(H, OH), _averages(W, OW))
    return as_given(y, single, axes)


def _adaptive_max_pool(axes: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    function = f"adaptive_max_pool{axes}d"
    x, single = images(input, function, axes)
    check_floating(x, function)
    OH, OW = _grid(function, axes, output_size, x)
    H, W = x.shape[2:]
    if OH and OW and H % OH == W % OW == 0:
        y, index = max_pool2d(x, (H // OH, W // OW), return_indices=True)
    else:
        y, index = ops.adaptive_max_pool2d(x, (OH, OW))
    y = as_given(y, single, axes)
    return (y, as_given(index, single, axes)) if return_indices else y


def _grid(function: str, axes: int, output_size: Any, x: Tensor) -> Pair:
    """Return OH and OW; None keeps the size of the input."""
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * axes
    if len(given) != axes:
        raise RuntimeError(f"{function}: output_size must be {axes} numbers, got {output_size!r}")
    kept = tuple(n if o is None else o for o, n in zip(given, x.shape[-axes:], strict=True))
    return plane(kept, "output_size", axes)


@lru_cache(maxsize=256)
def _averages(n: int, o: int) -> Taps:
    """Return the map from n pixels to the means of o regions."""
    regions = [(i * n // o, -(-(i + 1) * n // o)) for i in range(o)]
    lengths = np.array([end - start for start, end in regions], np.int64)
    source = np.concatenate([np.arange(start, end) for start, end in regions] or [np.arange(0)])
    return Taps(n, o, source, np.repeat(np.arange(o), lengths), np.repeat(1 / lengths, lengths))
