"""Images and signals of another size."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.nn.functional.adaptive_pool import adaptive_avg_pool1d, adaptive_avg_pool2d
from tinynet.nn.functional.arguments import as_given, check_floating, check_tensor
from tinynet.ops.resample import Taps
from tinynet.tensor import Tensor

__all__ = [
    "interpolate",
    "upsample",
]

MODES = {
    "nearest": (1, 2),
    "nearest-exact": (1, 2),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "area": (1, 2),
}
"""Of each mode, how many axes an image may have besides batch and channels."""
WITH_CORNERS = ("linear", "bilinear", "bicubic")
CUBIC = -0.75  # Keys's a: the slope of the kernel one pixel away, as in torch


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resample signals (N, C, W) or images (N, C, H, W) to another size.

    A pixel is an area: the centre of output pixel i lies at (i + 0.5) * scale - 0.5 of the input, scale = input size /
    output size. With align_corners a pixel is a point, and the first and the last of both coincide.

    Args:    size: of the output, int or one for each axis; or scale_factor: float or one for each axis, the size
             is rounded down; the scale is then 1 / scale_factor unless recompute_scale_factor
             mode: "nearest" (floor(i * scale), not the centre), "nearest-exact", "linear" (3D), "bilinear",
             "bicubic" (4D) or "area" (means over adaptive regions)
             align_corners: for linear, bilinear and bicubic only; antialias: only False
    Raises:  ValueError: not one of size and scale_factor, or of the wrong length; align_corners with another mode
             NotImplementedError: another mode, 5D input, antialias; RuntimeError: an empty output, or whole numbers
    Source:  Keys 1981, Cubic convolution interpolation for digital image processing (bicubic, a = -0.75)
    """
    check_tensor(input, "interpolate")
    axes = input.ndim - 2
    _check_mode(input, mode, align_corners, antialias)
    out, scales = _sizes_and_scales(input, size, scale_factor, recompute_scale_factor)
    if min(out) < 1 or 0 in input.shape[1:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape)} and output {out}"
        )
    check_floating(input, "interpolate")
    if mode == "area":
        return (adaptive_avg_pool1d if axes == 1 else adaptive_avg_pool2d)(input, tuple(out))
    kind = "linear" if mode == "bilinear" else mode
    # As torch: of such sizes the scale factor does not matter, except for the nearest elements of signals.
    whole = {"linear": (1,), "nearest": (1, 2) if axes == 2 else ()}.get(kind, ())
    taps = [
        _taps(kind, n, o, None if o in [n * factor for factor in whole] else s, bool(align_corners))
        for n, o, s in zip(input.shape[2:], out, scales, strict=True)
    ]
    if axes == 2:
        return ops.resample(input, *taps)
    return as_given(ops.resample(input.unsqueeze(2), _identity(), *taps), False, 1)


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Do as interpolate, its name since torch 0.4; warn that this one is out of date."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def _check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    axes = input.ndim - 2
    if mode in MODES and axes in (1, 2) and axes not in MODES[mode]:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {MODES[mode][0] + 2}D input"
        )
    if align_corners is not None and mode not in WITH_CORNERS:
        raise ValueError(
            f"align_corners option can only be set with the interpolating modes: {' | '.join(WITH_CORNERS)}, not {mode}"
        )
    if axes not in (1, 2) or mode not in MODES:
        raise NotImplementedError(
            f"interpolate: only 3D and 4D input and the modes {' | '.join(MODES)} are supported, got input of size "
            f"{list(input.shape)} and mode {mode!r}"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"Anti-alias option is restricted to bilinear and bicubic modes, not {mode}")
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not supported")


def _sizes_and_scales(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    """Return the size of each axis of the output, and its scale factor where that is to be used."""
    axes = input.ndim - 2
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if recompute and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    given, name = (scale_factor, "scale_factor") if size is None else (size, "output size")
    values = list(given) if isinstance(given, tuple | list) else [given] * axes
    if len(values) != axes:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
            f"of {list(input.shape[2:])} and {name} of {given}"
        )
    if size is None:
        out = [math.floor(n * float(s)) for n, s in zip(input.shape[2:], values, strict=True)]
        return out, [None if recompute else float(s) for s in values]
    if not all(isinstance(n, int | np.integer) for n in values):
        raise TypeError(f"interpolate: size must be an int or a tuple of ints, got {size!r}")
    return [int(n) for n in values], [None] * axes


def _identity() -> Taps:
    """Return the map of one row to itself."""
    return _taps("nearest", 1, 1, None, False)


@lru_cache(maxsize=256)
def _taps(kind: str, n: int, o: int, scale_factor: float | None, align_corners: bool) -> Taps:
    """Return the map from n pixels to o by which a mode interpolates along one axis."""
    i = np.arange(o)
    scale = 1 / scale_factor if scale_factor else n / o
    if kind.startswith("nearest"):
        # torch computes the place in float32 whatever the dtype; so the same pixel is taken
        offset = np.float32(0.5 if kind == "nearest-exact" else 0)
        place = np.floor((i.astype(np.float32) + offset) * np.float32(scale))
        return _weighted(n, o, np.minimum(place.astype(np.int64), n - 1))
    if align_corners:
        place = i * ((n - 1) / (o - 1) if o > 1 else 0.0)
    else:
        place = (i + 0.5) * scale - 0.5
    if kind == "linear":
        place = np.maximum(place, 0)
        first = np.minimum(np.floor(place).astype(np.int64), n - 1)
        share = np.clip(place - first, 0, 1)
        return _weighted(n, o, first, np.minimum(first + 1, n - 1), weights=(1 - share, share))
    first = np.floor(place).astype(np.int64)
    neighbours = [np.clip(first + k, 0, n - 1) for k in (-1, 0, 1, 2)]
    return _weighted(n, o, *neighbours, weights=tuple(_cubic(place - first - k) for k in (-1, 0, 1, 2)))


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return Keys's kernel at distances of at most 2 pixels."""
    d = np.abs(distance)
    near = ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * CUBIC - 4 * CUBIC
    return np.where(d <= 1, near, far)


def _weighted(n: int, o: int, *sources: np.ndarray, weights: tuple[np.ndarray, ...] | None = None) -> Taps:
    """Return the map that gives each of o pixels the weighted sum of one pixel from each of the sources."""
    shares = (np.ones(o),) if weights is None else weights
    return Taps(n, o, np.concatenate(sources), np.tile(np.arange(o), len(sources)), np.concatenate(shares))
