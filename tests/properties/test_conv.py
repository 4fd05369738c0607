"""Convolution and transposed convolution equal torch's in any geometry: values and gradients, in float64."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.nn.conftest import compare
from tinynet import kernels

MANY = settings(max_examples=70, derandomize=True, deadline=None)

# Of one axis: size, window, stride, padding, dilation, output padding.
Axis = tuple[int, int, int, int, int, int]
axis = st.tuples(
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 3),
)
channels = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))
"""Groups, and channels of a group before and after."""


def same(function: str, shapes: list[tuple[int, ...]], generic: bool, last: bool, **options: Any) -> None:
    """Compare a function of nn.functional with torch's on random arrays, with one set of kernels."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    if last:  # the images lie channels last in memory
        arrays[0] = np.moveaxis(np.ascontiguousarray(np.moveaxis(arrays[0], 1, -1)), -1, 1)
    with kernels.generic_only() if generic else contextlib.nullcontext():
        compare(
            lambda lib, *given: getattr(lib.nn.functional, function)(*given, **options),
            arrays,
            may_vanish=True,  # a stride may step over every pixel
        )


def window(*axes: Axis) -> dict[str, tuple[int, ...]]:
    """Return the options that the axes stand for."""
    _, _, stride, padding, dilation, _ = zip(*axes, strict=True)
    return {"stride": stride, "padding": padding, "dilation": dilation}


def fits(axis: Axis) -> bool:
    """Return whether a window fits into the padded axis."""
    n, k, _, p, d, _ = axis
    return d * (k - 1) < n + 2 * p


def grows(axis: Axis) -> bool:
    """Return whether torch transposes this: something is left, and the output padding is below stride or dilation."""
    n, k, s, p, d, e = axis
    return (n - 1) * s - 2 * p + d * (k - 1) + e + 1 >= 1 and (e == 0 or e < max(s, d))


@MANY
@given(rows=axis, cols=axis, n=st.integers(0, 2), c=channels, generic=st.booleans(), last=st.booleans())
def test_conv2d(rows: Axis, cols: Axis, n: int, c: tuple[int, int, int], generic: bool, last: bool) -> None:
    assume(fits(rows) and fits(cols))
    groups, before, after = c
    shapes = [(n, groups * before, rows[0], cols[0]), (groups * after, before, rows[1], cols[1])]
    same("conv2d", [*shapes, shapes[1][:1]], generic, last, groups=groups, **window(rows, cols))


@MANY
@given(cols=axis, n=st.integers(0, 2), c=channels, generic=st.booleans(), last=st.booleans())
def test_conv1d(cols: Axis, n: int, c: tuple[int, int, int], generic: bool, last: bool) -> None:
    assume(fits(cols))
    groups, before, after = c
    shapes = [(n, groups * before, cols[0]), (groups * after, before, cols[1])]
    same("conv1d", [*shapes, shapes[1][:1]], generic, last, groups=groups, **window(cols))


@MANY
@given(rows=axis, cols=axis, n=st.integers(0, 2), c=channels, generic=st.booleans(), last=st.booleans())
def test_conv_transpose2d(
    rows: Axis, cols: Axis, n: int, c: tuple[int, int, int], generic: bool, last: bool
) -> None:
    assume(grows(rows) and grows(cols))
    groups, before, after = c
    shapes = [(n, groups * before, rows[0], cols[0]), (groups * before, after, rows[1], cols[1])]
    options = window(rows, cols) | {"output_padding": (rows[-1], cols[-1])}
    same("conv_transpose2d", [*shapes, (groups * after,)], generic, last, groups=groups, **options)


@MANY
@given(cols=axis, n=st.integers(0, 2), c=channels, generic=st.booleans(), last=st.booleans())
def test_conv_transpose1d(cols: Axis, n: int, c: tuple[int, int, int], generic: bool, last: bool) -> None:
    assume(grows(cols))
    groups, before, after = c
    shapes = [(n, groups * before, cols[0]), (groups * before, after, cols[1])]
    options = window(cols) | {"output_padding": cols[-1]}
    same("conv_transpose1d", [*shapes, (groups * after,)], generic, last, groups=groups, **options)


@MANY
@given(rows=axis, cols=axis, n=st.integers(0, 2), c=st.integers(1, 3), last=st.booleans())
def test_unfold_and_fold(rows: Axis, cols: Axis, n: int, c: int, last: bool) -> None:
    assume(fits(rows) and fits(cols))
    image, kernel = (rows[0], cols[0]), (rows[1], cols[1])
    options = {"kernel_size": kernel, **window(rows, cols)}
    same("unfold", [(n, c, *image)], True, last, **options)
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d, _ in (rows, cols)]
    columns = (n, c * kernel[0] * kernel[1], counts[0] * counts[1])
    same("fold", [columns], True, last, output_size=image, **options)
