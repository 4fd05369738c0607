"""NAdam beside torch's."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch

from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-14}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

OPTIONS = [
    {
        "lr": 0.02,
        "betas": b,
        "eps": 1e-6,
        "weight_decay": w,
        "momentum_decay": m,
        "decoupled_weight_decay": d,
        "maximize": x,
    }
    for b, w, m, d, x in itertools.product(
        ((0.9, 0.999), (0.0, 0.4)), (0, 0.05), (4e-3, 0, 0.7), (False, True), (False, True)
    )
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch(twins, dtype, options):
    pair = twins(dtype)
    ours, theirs = optim.NAdam(pair.ours, **options), torch.optim.NAdam(pair.torch, **options)
    for _ in range(25):
        pair.step(ours, theirs)
        pair.assert_equal(**TOLERANCE[dtype])
    for p, q in zip(pair.ours, pair.torch, strict=True):
        assert list(ours.state[p]) == list(theirs.state[q])
        for key, buffer in ours.state[p].items():
            expected = theirs.state[q][key].numpy()
            assert buffer.dtype == expected.dtype
            np.testing.assert_allclose(buffer.array, expected, **TOLERANCE[dtype])


def test_defaults_are_torchs(twins):
    pair = twins("float64")
    ours, theirs = optim.NAdam(pair.ours), torch.optim.NAdam(pair.torch)
    assert ours.defaults == theirs.defaults
    pair.step(ours, theirs, steps=5)
    pair.assert_equal(rtol=1e-12, atol=1e-14)


def test_the_product_of_momenta_is_torchs_bit_for_bit(twins):
    """It is kept in float32, and the step divides by 1 less it."""
    pair = twins("float64")
    ours, theirs = optim.NAdam(pair.ours), torch.optim.NAdam(pair.torch)
    seen = set()
    for _ in range(60):
        pair.step(ours, theirs)
        product = ours.state[pair.ours[0]]["mu_product"]
        assert product.dtype == np.float32
        assert product.item() == theirs.state[pair.torch[0]]["mu_product"].item()
        seen.add(product.item())
    assert len(seen) == 60


def test_plain_numbers_load_as_counters(twins):
    """As in state dicts of torch before 2.0."""
    pair = twins("float64")
    ours, theirs = optim.NAdam(pair.ours), torch.optim.NAdam(pair.torch)
    pair.step(ours, theirs, steps=3)
    saved = copy.deepcopy(theirs.state_dict())
    for state in saved["state"].values():
        state["step"], state["mu_product"] = state["step"].item(), state["mu_product"].item()
    ours.load_state_dict(saved)
    state = ours.state[pair.ours[0]]
    assert (state["step"].item(), state["step"].dtype, state["mu_product"].dtype) == (
        3.0,
        np.float32,
        np.float32,
    )
    pair.step(ours, theirs, steps=3)
    pair.assert_equal(rtol=1e-12, atol=1e-14)
