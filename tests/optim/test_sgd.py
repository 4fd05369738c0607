from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-13, "atol": 1e-15}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

OPTIONS = [
    {"momentum": m, "dampening": d, "weight_decay": w, "nesterov": n, "maximize": x}
    for m, d, w, n, x in itertools.product((0, 0.9), (0, 0.3), (0, 0.05), (False, True), (False, True))
    if not n or (m > 0 and d == 0)
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch(twins, dtype, options):
    pair = twins(dtype)
    ours = optim.SGD(pair.ours, lr=0.05, **options)
    theirs = torch.optim.SGD(pair.torch, lr=0.05, **options)
    pair.step(ours, theirs, steps=25)
    pair.assert_equal(**TOLERANCE[dtype])
    for p, q in zip(pair.ours, pair.torch, strict=True):
        assert set(ours.state[p]) == set(theirs.state[q])
        for key, buffer in ours.state[p].items():
            assert buffer.dtype == p.dtype
            np.testing.assert_allclose(buffer.array, theirs.state[q][key].numpy(), **TOLERANCE[dtype])


def test_defaults_are_torchs(twins):
    pair = twins("float64")
    assert optim.SGD(pair.ours).defaults == torch.optim.SGD(pair.torch).defaults


def test_momentum_starts_with_the_first_gradient_undampened(twins):
    pair = twins("float64")
    optimizer = optim.SGD(pair.ours, lr=0.1, momentum=0.9, dampening=0.7)
    pair.set_gradients()
    optimizer.step()
    for p in pair.ours:
        np.testing.assert_array_equal(optimizer.state[p]["momentum_buffer"].array, p.grad.array)


def test_momentum_may_be_switched_on_later(twins):
    pair = twins("float64")
    ours, theirs = optim.SGD(pair.ours, lr=0.1), torch.optim.SGD(pair.torch, lr=0.1)
    pair.step(ours, theirs, steps=2)
    for optimizer in (ours, theirs):
        optimizer.param_groups[0]["momentum"] = 0.9
    pair.step(ours, theirs, steps=3)
    pair.assert_equal(rtol=1e-13, atol=1e-15)
