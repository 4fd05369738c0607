"""Compiled copies equal the generic ones bit for bit: channels of zeros around, channels cut away, pixels apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import kernels
from tinynet.kernels.generic.copying import add_at_, pad_constant, put_in_zeros
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("accelerated")

NAMES = ["pad_constant", "put_in_zeros", "add_at_"]
ALL = slice(None)
PADS = [
    ((2, 16, 14, 12), (8, 8)),
    ((3, 37, 9, 11), (5, 0)),
    ((1, 64, 16, 17), (0, 70)),
    ((2, 48, 9, 8), (-16, -16)),
    ((2, 40, 9, 8), (-3, 9)),
    ((2, 33, 10, 9), (20, -31)),
    ((1000, 5, 1, 1), (1, 2)),
    ((1, 32, 8, 8), (16, 16)),  # of one image: only the result is large enough
]
SLICES = [
    ((2, 16, 14, 12), (slice(None, None, 2), slice(None, None, 2))),
    ((3, 37, 9, 11), (slice(1, None, 3), slice(2, 9, 4))),
    ((1, 64, 16, 17), (slice(3, 9), ALL)),
    ((700, 5, 3, 4), (slice(None, None, 2), slice(1, 3))),
    ((700, 5, 2, 2), (slice(1, 2), slice(0, 1))),
]


def images(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    N, C, H, W = shape
    return rng.standard_normal((N, H, W, C)).astype(np.float32).transpose(0, 3, 1, 2)


def check(
    kernel: Any, given: np.ndarray, num_threads: Callable[[int], None], chosen: bool = True, **options: Any
) -> None:
    """Compare all bits and the layout with the generic kernel's."""
    entry = kernel.kernel
    assert (entry.select(given, **options) is not entry.generic) is chosen
    expected = entry.generic(given, **options)
    for threads in (1, 2, 3):
        num_threads(threads)
        found = kernel(given, **options)
        if not given.flags.c_contiguous:  # else, as of 1x1 images, it lies in either order
            orders = [a.transpose(0, 2, 3, 1).flags.c_contiguous for a in (found, expected) if a.ndim == 4]
            assert len(set(orders)) == 1
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape, before_after", PADS)
def test_padded_channels(
    shape: tuple[int, ...],
    before_after: tuple[int, int],
    rng: np.random.Generator,
    num_threads: Callable[[int], None],
) -> None:
    widths = ((0, 0), before_after, (0, 0), (0, 0))
    x = images(rng, shape)
    check(pad_constant, x, num_threads, widths=widths, value=0)
    apart = images(rng, (shape[0], shape[1], 2 * shape[2], 3 * shape[3]))[:, :, ::2, 1::3]
    check(pad_constant, apart, num_threads, widths=widths, value=0)


def test_other_paddings_are_left_to_the_generic_kernel(
    rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    x = images(rng, (4, 16, 12, 12))
    none = (0, 0)
    check(pad_constant, x, num_threads, False, widths=(none, (1, 1), none, none), value=1.0)
    check(pad_constant, x, num_threads, False, widths=(none, (1, 1), (1, 0), none), value=0)
    check(pad_constant, x, num_threads, False, widths=(none, (-16, 0), none, none), value=0)
    check(pad_constant, x[:, ::2], num_threads, False, widths=(none, (1, 1), none, none), value=0)
    check(pad_constant, x[:, :, ::-1], num_threads, False, widths=(none, (1, 1), none, none), value=0)


@pytest.mark.parametrize("shape, index", SLICES)
def test_pixels_in_zeros(
    shape: tuple[int, ...],
    index: tuple[slice, slice],
    rng: np.random.Generator,
    num_threads: Callable[[int], None],
) -> None:
    whole = (ALL, ALL, *index)
    values = images(rng, np.empty(shape)[whole].shape)
    check(put_in_zeros, values, num_threads, index=whole, shape=shape)
    wide = images(rng, (values.shape[0], values.shape[1] + 9, *values.shape[2:]))[:, 4:-5]
    check(put_in_zeros, wide, num_threads, index=whole, shape=shape)


def test_other_slices_are_left_to_the_generic_kernel(
    rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    for index in ((slice(1, 3), ALL, ALL, ALL), (ALL, slice(0, 8), ALL, ALL), (ALL, ALL, 3, ALL)):
        shape = (4, 16, 12, 12)
        part = np.empty(shape)[index].shape
        values = rng.standard_normal(part).astype(np.float32)
        if len(part) == 4:
            values = images(rng, part)
        check(put_in_zeros, values, num_threads, False, index=index, shape=shape)


@pytest.mark.parametrize("shape, index", SLICES)
def test_added_to_pixels(
    shape: tuple[int, ...],
    index: tuple[slice, slice],
    rng: np.random.Generator,
    num_threads: Callable[[int], None],
) -> None:
    whole = (ALL, ALL, *index)
    before = images(rng, shape)
    values = images(rng, before[whole].shape)
    wide = images(rng, (values.shape[0], values.shape[1] + 9, *values.shape[2:]))[:, 4:-5]
    entry = add_at_.kernel  # type: ignore[attr-defined]
    for given in (values, wide):
        expected = before.copy(order="K")
        entry.generic(expected, given, index=whole)
        assert (expected != before).any()
        for threads in (1, 2, 3):
            num_threads(threads)
            found = before.copy(order="K")
            chosen = entry.select(found, given, index=whole)
            assert chosen is not entry.generic
            chosen(found, given, index=whole)
            np.testing.assert_array_equal(found, expected)
    planes = np.ascontiguousarray(before)
    for other in (planes, before.astype(np.float64)):
        if not other.transpose(0, 2, 3, 1).flags.c_contiguous or other.dtype == np.float64:
            assert entry.select(other, values, index=whole) is entry.generic


def test_a_shortcut_without_parameters_and_its_gradient(rng: np.random.Generator) -> None:
    """In whole: the slice is a view of what may still be computed, and sees what changes it later."""
    pixels, upstream = images(rng, (4, 16, 12, 12)), images(rng, (4, 32, 6, 6))

    def compute() -> list[np.ndarray]:
        x = tn.tensor(pixels, requires_grad=True)
        y = F.pad(F.relu(x)[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8))
        y.backward(tn.from_numpy(upstream))
        assert x.grad is not None
        return [y.detach().numpy(), x.grad.numpy()]

    fast = compute()
    with kernels.generic_only():
        slow = compute()
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(a, b)
