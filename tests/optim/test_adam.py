from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-13, "atol": 1e-15}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

OPTIONS = [
    {"betas": b, "weight_decay": w, "amsgrad": a, "maximize": x}
    for b, w, a, x in itertools.product(((0.9, 0.999), (0.0, 0.4)), (0, 0.05), (False, True), (False, True))
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch(twins, name, dtype, options):
    pair = twins(dtype)
    ours = getattr(optim, name)(pair.ours, lr=0.02, eps=1e-6, **options)
    theirs = getattr(torch.optim, name)(pair.torch, lr=0.02, eps=1e-6, **options)
    pair.step(ours, theirs, steps=25)
    pair.assert_equal(**TOLERANCE[dtype])
    for p, q in zip(pair.ours, pair.torch, strict=True):
        assert list(ours.state[p]) == list(theirs.state[q])
        for key, buffer in ours.state[p].items():
            expected = theirs.state[q][key].numpy()
            assert buffer.dtype == expected.dtype
            np.testing.assert_allclose(buffer.array, expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_defaults_are_torchs(twins, name):
    pair = twins("float64")
    assert getattr(optim, name)(pair.ours).defaults == getattr(torch.optim, name)(pair.torch).defaults


def test_adam_with_decoupled_weight_decay_is_adamw(twins):
    one, other = twins("float64"), twins("float64")
    adam = optim.Adam(one.ours, lr=0.1, weight_decay=0.3, decoupled_weight_decay=True)
    adamw = optim.AdamW(other.ours, lr=0.1, weight_decay=0.3)
    for _ in range(3):
        one.set_gradients()
        other.set_gradients()
        adam.step()
        adamw.step()
    for p, q in zip(one.ours, other.ours, strict=True):
        np.testing.assert_array_equal(p.array, q.array)


def test_adamw_stays_decoupled_when_it_loads_an_adam(twins):
    pair = twins("float64")
    adamw = optim.AdamW(pair.ours)
    adamw.load_state_dict(optim.Adam(pair.ours).state_dict())
    assert adamw.param_groups[0]["decoupled_weight_decay"] is True


def test_a_plain_number_loads_as_step(twins):
    pair = twins("float64")
    optimizer = optim.Adam(pair.ours)
    pair.set_gradients()
    optimizer.step()
    saved = optimizer.state_dict()
    saved["state"][0]["step"] = 7
    optimizer.load_state_dict(saved)
    step = optimizer.state[pair.ours[0]]["step"]
    assert (step.item(), step.dtype, step.shape) == (7.0, np.float32, ())
