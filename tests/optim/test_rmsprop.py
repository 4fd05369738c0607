"""RMSprop beside torch's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-14}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

OPTIONS = [
    {"lr": 0.02, "eps": 1e-3, "alpha": a, "weight_decay": w, "momentum": m, "centered": c, "maximize": x}
    for a, w, m, c, x in itertools.product((0.99, 0.5), (0, 0.05), (0, 0.8), (False, True), (False, True))
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch(twins, dtype, options):
    pair = twins(dtype)
    ours, theirs = optim.RMSprop(pair.ours, **options), torch.optim.RMSprop(pair.torch, **options)
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
    ours, theirs = optim.RMSprop(pair.ours), torch.optim.RMSprop(pair.torch)
    assert ours.defaults == theirs.defaults
    pair.step(ours, theirs, steps=5)
    pair.assert_equal(rtol=1e-12, atol=1e-14)
