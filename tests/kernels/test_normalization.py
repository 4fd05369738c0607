"""The kernel that moves running statistics equals NumPy, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.generic.normalization import move_statistics_

NAMES = ["move_statistics_"]


@pytest.mark.parametrize("C", [1, 8, 16, 37, 130])
@pytest.mark.parametrize("momentum, unbiased", [(0.1, 1.25), (1.0, 1.0), (0.0, 3.0)])
def test_moved_statistics_equal_numpys(
    C: int, momentum: float, unbiased: float, rng: np.random.Generator
) -> None:
    given = [rng.standard_normal(C).astype(np.float32) for _ in range(4)]
    found, expected = ([array.copy() for array in given] for _ in range(2))
    (version,) = move_statistics_.kernel.accelerated  # type: ignore[attr-defined]

    def call(function: Callable[..., Any], arrays: list[np.ndarray]) -> Any:
        named = dict(zip(("running_var", "mean", "var"), arrays[1:], strict=True))
        return function(arrays[0], **named, momentum=momentum, unbiased=unbiased)

    assert call(version.when, given)
    assert not call(version.when, [array.astype(np.float64) for array in given])
    assert not call(version.when, [np.repeat(array, 2)[::2] for array in given]) or C == 1
    call(version.function, found)
    with kernels.generic_only():
        call(move_statistics_, expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    moved = momentum != 0
    assert all((a != b).any() == moved for a, b in zip(found[:2], given[:2], strict=True))
    for a, b in zip(found[2:], given[2:], strict=True):
        np.testing.assert_array_equal(a, b, err_msg="the batch's statistics have changed")
