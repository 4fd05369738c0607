"""What every test may use: random numbers, and each set of kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tinynet import kernels


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(params=["auto", "generic"])
def kernel_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test twice: with accelerated kernels where there are any, and with the generic ones alone."""
    if request.param == "generic":
        with kernels.generic_only():
            yield request.param
    else:
        yield request.param
