"""Optimisers on the stand-in for CuPy: a step waits for nothing, and states move between devices."""

from __future__ import annotations

import numpy as np
import pytest

from tests import fake_cupy
from tests.optim.conftest import MATRICES
from tinynet import Tensor, nn, optim
from tinynet.backend import asnumpy

CASES = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "Adam": {"lr": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1, "maximize": True},
    "RMSprop": {"lr": 0.1, "momentum": 0.9, "centered": True, "eps": 1e-2, "weight_decay": 0.01},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.01},
    "NAdam": {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True},
    "Muon": {"lr": 0.1},
}


pytestmark = pytest.mark.usefixtures("gpu")


def parameters(values, place):
    return [nn.Parameter(Tensor(value.copy()).to(place)) for value in values]


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_steps_wait_for_nothing_and_states_move(name, dtype, rng):
    values = [rng.standard_normal(shape).astype(dtype) for shape in MATRICES]
    host, device = parameters(values, "cpu"), parameters(values, "cuda")
    optimizers = [getattr(optim, name)(params, **CASES[name]) for params in (host, device)]
    schedules = [optim.lr_scheduler.StepLR(optimizer, 2) for optimizer in optimizers]

    def step():
        for p, q in zip(host, device, strict=True):
            gradient = rng.standard_normal(p.shape).astype(dtype)
            p.grad, q.grad = Tensor(gradient), Tensor(gradient).to("cuda")
        fake_cupy.waits.clear()
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        assert fake_cupy.waits == []

    for _ in range(3):
        step()
    saved = [optimizer.state_dict() for optimizer in optimizers]
    optimizers[0].load_state_dict(saved[1])
    optimizers[1].load_state_dict(saved[0])
    for _ in range(3):
        step()
    for p, q in zip(host, device, strict=True):
        np.testing.assert_allclose(asnumpy(q.array), p.array, rtol=1e-10 if dtype == "float64" else 1e-2)
        for key, buffer in optimizers[1].state[q].items():
            on_host = buffer.device.type == "cpu"
            assert on_host == (key in optimizers[1].counters)


def test_what_a_rule_of_its_own_keeps_moves_along():
    class Own(optim.Optimizer):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                self.state[p].update(step=Tensor(np.zeros(())), sum=p.grad, count=1)

    source, target = (Own(parameters([np.ones(3)], place), {"lr": 0.1}) for place in ("cpu", "cuda"))
    [param], [moved] = (optimizer.param_groups[0]["params"] for optimizer in (source, target))
    param.grad = Tensor(np.arange(3.0))
    source.step()
    target.load_state_dict(source.state_dict())
    state = target.state[moved]
    assert (state["step"].device.type, state["sum"].device.type, state["count"]) == ("cpu", "cuda", 1)
    source.load_state_dict(target.state_dict())
    np.testing.assert_array_equal(source.state[param]["sum"].array, [0, 1, 2])
