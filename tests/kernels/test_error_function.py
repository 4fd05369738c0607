"""The error function against Python's and torch's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tinynet.kernels.generic.error_function import FAR, NEAR, erf


def test_equals_pythons_everywhere() -> None:
    x = np.concatenate([np.linspace(-7, 7, 40_001), np.geomspace(1e-300, 7, 10_000), [NEAR, FAR, 0.0, -0.0]])
    expected = np.vectorize(math.erf)(x)
    np.testing.assert_allclose(erf(x), expected, rtol=5e-16, atol=0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equals_torchs_at_the_ends(dtype: str) -> None:
    x = np.array([-np.inf, -1e30, -40, 0, 40, 1e30, np.inf, np.nan], dtype)
    found = erf(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, torch.erf(torch.tensor(x)).numpy())


def test_single_precision_is_exact_to_rounding() -> None:
    x = np.linspace(-5, 5, 10_001).astype(np.float32)
    assert erf(x).dtype == np.float32
    np.testing.assert_allclose(erf(x), np.vectorize(math.erf)(x.astype(np.float64)), rtol=4e-7, atol=0)
