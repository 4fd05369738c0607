"""Half precision: every step is computed in float32, and what is stored is rounded once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn, optim

STEPS = 20
CASES = [
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("Adam", {"lr": 0.02, "weight_decay": 0.01}),
    ("AdamW", {"lr": 0.02, "amsgrad": True}),
    ("RMSprop", {"lr": 0.02}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.8, "centered": True, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 1.0}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.01}),
]


def distance(params, exact):
    pairs = zip(params, exact, strict=True)
    squares = sum(((p.detach().numpy().astype(np.float64) - q.detach().numpy()) ** 2).sum() for p, q in pairs)
    return np.sqrt(squares / sum((q.detach().numpy() ** 2).sum() for q in exact))


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("name, options", CASES, ids=[name for name, _ in CASES])
def test_stays_as_close_to_double_precision_as_torch(twins, name, options, scale):
    """torch rounds inside a step too, so that an epsilon of 1e-8 is lost, and a square of 260 is infinite."""
    pair = twins("float16")
    double = [torch.nn.Parameter(q.detach().double()) for q in pair.torch]
    ours = getattr(optim, name)(pair.ours, **options)
    theirs = getattr(torch.optim, name)(pair.torch, **options)
    exact = getattr(torch.optim, name)(double, **options)
    for _ in range(STEPS):
        pair.set_gradients()
        for p, q, d in zip(pair.ours, pair.torch, double, strict=True):
            q.grad *= scale / 5 if name == "Adagrad" else scale  # whose sums must fit
            p.grad = tinynet.Tensor(q.grad.numpy().copy())
            d.grad = q.grad.double()
        for optimizer in (ours, theirs, exact):
            optimizer.step()
    assert all(p.dtype == np.float16 for p in pair.ours)
    assert all(b.dtype in (np.float16, np.float32) for state in ours.state.values() for b in state.values())
    found, expected = distance(pair.ours, double), distance(pair.torch, double)
    assert found < 1.3 * expected or not np.isfinite(expected)
    assert found < STEPS * 2**-11


def test_muon_takes_half_precision(twins):
    single = twins("float32", shapes=[(4, 3)])
    half = [nn.Parameter(tinynet.Tensor(p.array.astype(np.float16))) for p in single.ours]
    optimizers = optim.Muon(single.ours, lr=0.05), optim.Muon(half, lr=0.05)
    for _ in range(STEPS):
        single.set_gradients()
        half[0].grad = tinynet.Tensor(single.ours[0].grad.array.astype(np.float16))
        for optimizer in optimizers:
            optimizer.step()
    assert half[0].dtype == optimizers[1].state[half[0]]["momentum_buffer"].dtype == np.float16
    # Rounded: the parameter at every step, and the average of gradients, as which 20 updates of 0.05 differ.
    np.testing.assert_allclose(half[0].array, single.ours[0].array, atol=0.02)
    assert not np.allclose(half[0].array, single.ours[0].array, atol=1e-6)
