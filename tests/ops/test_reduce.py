"""Reductions where samples cannot go: ties, NaN, infinities, zeros and half precision, beside torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn

NAN, INF = float("nan"), float("inf")


def both(values: list[Any], call: Any, dtype: str = "float64") -> None:
    """Compare a call's outputs and the gradient of its first output with torch's."""
    x, z = tn.tensor(values, dtype=getattr(tn, dtype)), torch.tensor(values, dtype=getattr(torch, dtype))
    found, expected = call(tn, x.requires_grad_()), call(torch, z.requires_grad_())
    found, expected = (y if isinstance(y, tuple) else (y,) for y in (found, expected))
    for y, w in zip(found, expected, strict=True):
        np.testing.assert_allclose(y.detach().numpy(), w.detach().numpy(), rtol=1e-9, equal_nan=True)
    upstream = np.random.default_rng(3).standard_normal(tuple(expected[0].shape)).astype(dtype)
    found[0].backward(tn.tensor(upstream))
    expected[0].backward(torch.tensor(upstream))
    assert x.grad is not None
    gradient = np.zeros(tuple(z.shape)) if z.grad is None else z.grad.numpy()
    np.testing.assert_allclose(x.grad.numpy(), gradient, rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", ["amax", "amin", "max", "min"])
def test_elements_that_share_an_extreme_share_its_gradient(name: str) -> None:
    both([[3.0, 1, 3, 1], [2, 2, 2, 2]], lambda lib, x: getattr(lib, name)(x))
    if name.startswith("a"):
        both([[3.0, 1, 3, 1], [2, 2, 2, 2]], lambda lib, x: getattr(lib, name)(x, 1))


@pytest.mark.parametrize("name", ["max", "min"])
def test_along_an_axis_the_first_of_equal_elements_has_the_gradient(name: str) -> None:
    both([[3.0, 1, 3, 1], [2, 2, 2, 2]], lambda lib, x: getattr(lib, name)(x, 1))


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "amax", "amin"])
def test_nan_is_found_wherever_it_is(name: str) -> None:
    values = [[3.0, NAN, 5, NAN], [-INF, 2, INF, 0]]
    for dim in (0, 1):
        found = getattr(tn, name)(tn.tensor(values), dim=dim)
        expected = getattr(torch, name)(torch.tensor(values), dim=dim)
        for y, z in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
            np.testing.assert_array_equal(y.numpy(), z.numpy())


@pytest.mark.parametrize("p", [0, 1, 2, 3, 0.5, 1.5, -1, INF, -INF])
def test_a_norm_of_zeros_pulls_nowhere(p: float) -> None:
    both([0.0, 0, 0], lambda lib, x: lib.norm(x, p))
    both([[0.0, 1, -2], [0, 0, 0]], lambda lib, x: lib.norm(x, p, dim=1))


def test_deviation_of_equal_elements_pulls_nowhere() -> None:
    both([2.0, 2, 2], lambda lib, x: lib.std(x))


@pytest.mark.parametrize("name", ["mean", "nanmean"])
def test_the_mean_of_nothing_is_nan(name: str) -> None:
    both([], lambda lib, x: getattr(lib, name)(x, 0))


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("values, correction", [([2.0], 1), ([], 1), ([1.0, 2, 4], 3), ([1.0, 2], 5)])
def test_spread_of_too_little_warns_and_is_not_finite(
    name: str, values: list[float], correction: int
) -> None:
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0") as caught:
        found, expected = (
            getattr(lib, name)(lib.tensor(values), 0, correction=correction) for lib in (tn, torch)
        )
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert len(caught) == 2  # one of each library
    assert {Path(warning.filename).name for warning in caught} == {Path(__file__).name}


@pytest.mark.parametrize("values", [[-INF, -INF], [INF, 1.0], [-INF, 1.0], [NAN, 1.0], [1e308, 1e308]])
def test_logsumexp_of_infinities(values: list[float]) -> None:
    both(values, lambda lib, x: lib.logsumexp(x, 0))


@pytest.mark.parametrize("values", [[0.0, 0, 3], [INF, 0, 1], [NAN, 2, 0]])
def test_products_with_zeros_and_infinities(values: list[float]) -> None:
    both(values, lambda lib, x: lib.prod(x))
    both(values, lambda lib, x: lib.prod(x, 0))


def test_nan_propagates_through_sums_but_not_nansum() -> None:
    assert np.isnan(tn.tensor([NAN, 1.0]).sum().item())
    both([NAN, 1.0, 2], lambda lib, x: lib.nansum(x))
    both([NAN, 1.0, 2], lambda lib, x: lib.nanmean(x))


def test_half_precision_adds_up_in_single() -> None:
    x = tn.ones(5000, dtype=tn.float16)
    assert x.sum().dtype == tn.float16
    assert x.sum().item() == 5000  # counting up in float16 stops at 2048
    assert (x * 40).mean().item() == 40  # the sum, 200,000, is more than float16 holds
    assert x.cumsum(0)[-1].item() == 5000
    np.testing.assert_allclose(x.norm().item(), 5000**0.5, rtol=1e-3)
    assert (x * 40).var().item() == 0


def test_the_gradient_of_a_sum_is_not_shared_memory() -> None:
    x = tn.zeros(3, requires_grad=True)
    x.sum().backward()
    x.sum().backward()
    assert x.grad is not None
    x.grad.mul_(2)
    np.testing.assert_array_equal(x.grad.numpy(), [4, 4, 4])


def test_extremes_and_medians_name_their_fields() -> None:
    x = tn.tensor([[3.0, 1.0], [0.0, 5.0]])
    values, indices = x.max(1)
    found = x.max(1)
    np.testing.assert_array_equal(found.values.numpy(), values.numpy())
    np.testing.assert_array_equal(found.indices.numpy(), indices.numpy())
    assert indices.dtype == tn.int64
