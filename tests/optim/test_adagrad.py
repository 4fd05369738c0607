"""Adagrad beside torch's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-14}, "float32": {"rtol": 1e-5, "atol": 1e-6}}

OPTIONS = [
    {"lr": 0.1, "lr_decay": d, "weight_decay": w, "initial_accumulator_value": i, "eps": e, "maximize": x}
    for d, w, i, e, x in itertools.product((0, 0.1), (0, 0.05), (0, 0.3), (1e-10, 1e-2), (False, True))
]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch(twins, dtype, options):
    pair = twins(dtype)
    ours, theirs = optim.Adagrad(pair.ours, **options), torch.optim.Adagrad(pair.torch, **options)
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
    ours, theirs = optim.Adagrad(pair.ours), torch.optim.Adagrad(pair.torch)
    assert ours.defaults == theirs.defaults
    pair.step(ours, theirs, steps=5)
    pair.assert_equal(rtol=1e-12, atol=1e-14)


def test_state_is_there_before_the_first_step(twins):
    pair = twins("float32")
    groups = [
        [{"params": p[:1], "initial_accumulator_value": 0.7}, {"params": p[1:]}]
        for p in (pair.ours, pair.torch)
    ]
    ours = optim.Adagrad(groups[0], initial_accumulator_value=0.3)
    theirs = torch.optim.Adagrad(groups[1], initial_accumulator_value=0.3)
    saved, expected = ours.state_dict()["state"], theirs.state_dict()["state"]
    assert list(saved) == list(expected) == list(range(5))
    for i, buffers in expected.items():
        for key, value in buffers.items():
            np.testing.assert_array_equal(saved[i][key].array, value.numpy())
            assert saved[i][key].dtype == np.float32


def test_a_group_added_later_starts_alike(twins):
    pair = twins("float64")
    ours = optim.Adagrad(pair.ours[:2], initial_accumulator_value=0.3)
    theirs = torch.optim.Adagrad(pair.torch[:2], initial_accumulator_value=0.3)
    pair.step(ours, theirs)
    ours.add_param_group({"params": pair.ours[2:], "lr": 0.5})
    theirs.add_param_group({"params": pair.torch[2:], "lr": 0.5})
    pair.step(ours, theirs, steps=3)
    pair.assert_equal(rtol=1e-12, atol=1e-14)
