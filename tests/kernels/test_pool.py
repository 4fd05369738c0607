"""Compiled pooling equals the generic kernels: every window, channels that fill vectors or not, ties, NaN, padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.cpu.codegen import program
from tinynet.nn.functional.pool import _pooled_size

GEOMETRIES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 16, 14, 12), {}),
    ((3, 6, 28, 28), {}),
    ((2, 37, 9, 11), {}),
    ((5, 6, 13, 15), {"ceil_mode": True}),
    ((2, 32, 9, 12), {"kernel_size": (3, 2), "stride": (3, 2)}),
    ((2, 32, 9, 10), {"kernel_size": (1, 4), "stride": (1, 4)}),
    ((2, 20, 11, 12), {"kernel_size": (2, 2), "stride": (3, 4)}),
    ((2, 33, 10, 9), {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1)}),
    ((2, 33, 8, 11), {"kernel_size": (3, 3), "stride": (1, 1)}),
    ((1, 48, 9, 12), {"kernel_size": (5, 4), "stride": (2, 3), "padding": (2, 1), "ceil_mode": True}),
    ((2, 16, 12, 11), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1), "dilation": (2, 3)}),
    ((2, 24, 12, 13), {"kernel_size": (2, 2), "stride": (1, 1), "padding": (1, 1), "dilation": (13, 14)}),
    ((4, 130, 4, 5), {"kernel_size": (4, 5), "stride": (4, 5)}),
    ((1, 1, 70, 65), {}),
    ((4097, 1, 2, 2), {}),
    ((0, 64, 16, 16), {}),
    ((2, 3, 8, 8), {}),
]
"""The last two are left to the generic kernels: nothing there, and too little."""
NAMES = [
    "max_pool2d",
    "max_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "mean_pixels",
    "mean_pixels_backward",
]


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thread have work, as it does with real arrays."""
    monkeypatch.setattr(program, "SHARE", 256)


def images(rng: np.random.Generator, shape: tuple[int, ...], ties: bool) -> np.ndarray:
    """Images whose channels lie side by side; with ties few different numbers, and some NaN and infinities."""
    N, C, H, W = shape
    if not ties:
        return rng.standard_normal((N, H, W, C)).astype(np.float32).transpose(0, 3, 1, 2)
    x = rng.integers(-2, 3, (N, H, W, C)).astype(np.float32)
    for value in (np.nan, -np.inf, np.inf):
        x[rng.random(x.shape) < 0.05] = value
    return x.transpose(0, 3, 1, 2)


def calls(name: str, rng: np.random.Generator) -> list[tuple[tuple[np.ndarray, ...], dict[str, Any]]]:
    made: list[tuple[tuple[np.ndarray, ...], dict[str, Any]]] = []
    for i, (shape, options) in enumerate(GEOMETRIES):
        window = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), **options}
        ceil_mode = window.pop("ceil_mode", False)
        size = _pooled_size(shape[2:], *window.values(), ceil_mode)
        image = {"image": shape[2:]}
        x = images(rng, shape, ties=name == "max_pool2d")
        grad_y = images(rng, (*shape[:2], *size), ties=False)
        if i % 2:  # the channels first in memory
            x, grad_y = np.ascontiguousarray(x), np.ascontiguousarray(grad_y)
        mean = {key: value for key, value in window.items() if key != "dilation"}
        divisor = rng.integers(1, 9, size)
        if name == "max_pool2d":
            made.append(((x,), {**window, "size": size}))
        elif name == "max_pool2d_backward":
            _, index = kernels.kernels()["max_pool2d"].generic(x, **window, size=size)
            made.append(((grad_y, index), {**window, **image}))
        elif name == "avg_pool2d":
            made.append(((x, divisor), mean))
        elif name == "avg_pool2d_backward":
            made.append(((grad_y, divisor), {**mean, **image}))
        elif name == "mean_pixels":
            made.append(((x,), {}))
        else:
            made.append(((x[:, :, :1, :1],), image))
    return made


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_generic_kernel(
    name: str, threads: int, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    entry = kernels.kernels()[name]
    (version,) = entry.accelerated
    samples = calls(name, rng)
    covered = [version.when(*args, **options) for args, options in samples]
    assert covered == [True] * (len(samples) - 2) + [False] * 2
    for args, options in samples[:-2]:
        before = [array.copy() for array in args]
        expected, found = entry.generic(*args, **options), version.function(*args, **options)
        for a, b in zip(*((x if type(x) is tuple else (x,)) for x in (expected, found)), strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            if name == "max_pool2d":
                np.testing.assert_array_equal(b, a)
            else:
                np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)
        for array, copy in zip(args, before, strict=True):
            np.testing.assert_array_equal(array, copy, err_msg="a kernel changed its input")


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_threads_gives_equal_bits(
    name: str, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    (version,) = kernels.kernels()[name].accelerated
    for args, options in calls(name, rng)[:-2]:
        found = []
        for threads in (1, 2, 3, 2):
            num_threads(threads)
            y = version.function(*args, **options)
            found.append(y[0] if type(y) is tuple else y)
        assert all(np.array_equal(y, found[0], equal_nan=True) for y in found)


@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_are_left_to_the_generic_kernel(name: str, rng: np.random.Generator) -> None:
    (version,) = kernels.kernels()[name].accelerated
    args, options = calls(name, rng)[0]
    for dtype in (np.float64, np.float16, np.dtype(np.float32).newbyteorder()):
        assert not version.when(args[0].astype(dtype), *args[1:], **options)
