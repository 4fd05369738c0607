"""The kernel of a batch's statistics moves running ones as NumPy does, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.generic.fused import batch_norm_coefficients
from tinynet.kernels.generic.normalization import move_statistics_

Arrays = list[np.ndarray]


def layer(C: int, rng: np.random.Generator) -> tuple[Arrays, Arrays]:
    """Images with weight and bias, and running statistics."""
    x = np.moveaxis(rng.standard_normal((3, 41, 40, C)).astype(np.float32), -1, 1)
    weight, bias, mean, var = (rng.standard_normal(C).astype(np.float32) for _ in range(4))
    return [x, weight, bias], [mean, var]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("C", [1, 8, 16, 37, 130])
@pytest.mark.parametrize("momentum, unbiased", [(0.1, 1.25), (1.0, 1.0), (0.0, 3.0)])
def test_moved_statistics_equal_numpys(
    C: int,
    momentum: float,
    unbiased: float,
    threads: int,
    rng: np.random.Generator,
    num_threads: Callable[[int], None],
) -> None:
    num_threads(threads)
    given, before = layer(C, rng)
    (version,) = batch_norm_coefficients.kernel.accelerated  # type: ignore[attr-defined]
    found, expected = ([array.copy() for array in before] for _ in range(2))
    how = momentum, unbiased
    assert version.when(*given, 1e-5, *found, *how)
    moved = version.function(*given, 1e-5, *found, *how)
    alone = version.function(*given, 1e-5, None, None, *how)
    for a, b in zip(moved, alone, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="the batch's statistics are others")
    move_statistics_(*expected, *moved[:2], *how)
    for a, b, old in zip(found, expected, before, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != old).any() == (momentum != 0)


def test_the_generic_kernel_moves_statistics_too(rng: np.random.Generator) -> None:
    given, before = layer(16, rng)
    found, expected = ([array.copy() for array in before] for _ in range(2))
    with kernels.generic_only():
        mean, var, *_ = batch_norm_coefficients(*given, 1e-5, *found, 0.1, 1.25)
    for array, batch in zip(expected, (mean, var * 1.25), strict=True):
        array[...] = array * 0.9 + batch * 0.1
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_statistics_with_gaps_or_of_another_dtype_are_left_to_the_generic_kernel(
    rng: np.random.Generator,
) -> None:
    given, (mean, var) = layer(16, rng)
    (version,) = batch_norm_coefficients.kernel.accelerated  # type: ignore[attr-defined]
    for other in (mean.astype(np.float64), np.repeat(mean, 2)[::2]):
        assert not version.when(*given, 1e-5, other, var, 0.1, 1.0)
        assert not version.when(*given, 1e-5, var, other, 0.1, 1.0)
