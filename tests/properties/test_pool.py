"""Pooling and resampling equal torch's in any geometry: values and gradients, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.nn.conftest import compare

MANY = settings(max_examples=100, derandomize=True, deadline=None)

# Of one axis: size, window, stride, padding, dilation.
Axis = tuple[int, int, int, int, int]
axis = st.tuples(
    st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2), st.integers(1, 3)
)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


def same(function: str, shape: tuple[int, ...], last: bool, *args: Any, **options: Any) -> None:
    """Compare a function of nn.functional with torch's on distinct numbers in random order."""
    size = int(np.prod(shape))
    x = (np.random.default_rng(0).permutation(size) - size / 3).reshape(shape) / 7
    if last:  # the images lie channels last in memory
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    compare(lambda lib, x: getattr(lib.nn.functional, function)(x, *args, **options), [x], may_vanish=True)


def fits(axis: Axis) -> bool:
    """Return whether torch pools so: the padding is at most half the window, which fits into the padded axis."""
    n, k, _, p, d = axis
    return 2 * p <= k and d * (k - 1) < n + 2 * p


def sees_pixels(axis: Axis) -> bool:
    """Return whether every window holds more than padding; else torch 2.13 crashes in backward."""
    n, k, s, p, d = axis
    return all(any(0 <= start + i * d < n for i in range(k)) for start in range(-p, n, s))


@MANY
@given(rows=axis, cols=axis, ceil=st.booleans(), n=st.integers(0, 2), c=st.integers(1, 3), last=st.booleans())
def test_max_pool2d(rows: Axis, cols: Axis, ceil: bool, n: int, c: int, last: bool) -> None:
    assume(fits(rows) and fits(cols) and sees_pixels(rows) and sees_pixels(cols))
    image, *window = zip(rows, cols, strict=True)
    same("max_pool2d", (n, c, *image), last, *window, ceil, return_indices=True)


@MANY
@given(cols=axis, ceil=st.booleans(), n=st.integers(0, 2), last=st.booleans())
def test_max_pool1d(cols: Axis, ceil: bool, n: int, last: bool) -> None:
    assume(fits(cols) and sees_pixels(cols))
    same("max_pool1d", (n, 2, cols[0]), last, *cols[1:], ceil, return_indices=True)


@MANY
@given(
    rows=axis, cols=axis, ceil=st.booleans(), padding=st.booleans(), n=st.integers(0, 2), last=st.booleans()
)
def test_avg_pool2d(rows: Axis, cols: Axis, ceil: bool, padding: bool, n: int, last: bool) -> None:
    rows, cols = (*rows[:4], 1), (*cols[:4], 1)
    assume(fits(rows) and fits(cols))
    image, *window, _ = zip(rows, cols, strict=True)
    same("avg_pool2d", (n, 2, *image), last, *window, ceil, padding)


@MANY
@given(cols=axis, ceil=st.booleans(), padding=st.booleans(), n=st.integers(0, 2))
def test_avg_pool1d(cols: Axis, ceil: bool, padding: bool, n: int) -> None:
    cols = (*cols[:4], 1)
    assume(fits(cols))
    same("avg_pool1d", (n, 2, cols[0]), False, *cols[1:4], ceil, padding)


@MANY
@given(rows=sizes, cols=sizes, n=st.integers(0, 2), last=st.booleans())
def test_adaptive_pools(rows: tuple[int, int], cols: tuple[int, int], n: int, last: bool) -> None:
    image, grid = zip(rows, cols, strict=True)
    same("adaptive_avg_pool2d", (n, 2, *image), last, grid)
    same("adaptive_max_pool2d", (n, 2, *image), last, grid, return_indices=True)
    same("adaptive_max_pool1d", (n, 2, cols[0]), last, cols[1], return_indices=True)


FACTOR = st.floats(0.3, 3.5)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
@MANY
@given(
    rows=sizes,
    cols=sizes,
    factor=st.none() | st.tuples(FACTOR, FACTOR),
    again=st.booleans(),
    aligned=st.booleans(),
)
def test_interpolate(
    mode: str,
    rows: tuple[int, int],
    cols: tuple[int, int],
    factor: tuple[float, float] | None,
    again: bool,
    aligned: bool,
) -> None:
    image, size = zip(rows, cols, strict=True)
    options: dict[str, Any] = {"align_corners": aligned} if mode in ("bilinear", "bicubic") else {}
    if factor is None:
        options["size"] = size
    else:
        result = tuple(int(n * f) for n, f in zip(image, factor, strict=True))
        assume(0 not in result)
        # Where the size stays, or doubles, torch 2.13 goes by the factor, but its gradient is that of a copy.
        assume(mode != "bicubic" or aligned or again or result != image)
        assume(mode != "nearest" or again or result[1] not in (image[1], 2 * image[1]))
        options |= {"scale_factor": factor, "recompute_scale_factor": again}
    same("interpolate", (1, 2, *image), False, mode=mode, **options)
    if mode in ("nearest", "nearest-exact", "area"):
        same("interpolate", (1, 2, image[1]), False, mode=mode, **_second_axis(options))


def _second_axis(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of signals, which have the second of two axes."""
    return {name: value[1:] if isinstance(value, tuple) else value for name, value in options.items()}
