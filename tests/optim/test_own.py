"""Optimisers written against torch's base class, as public training code has them."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn, optim

LIBRARIES = [(tinynet, optim), (torch, torch.optim)]


def sam(library, optimizers):
    class SAM(optimizers.Optimizer):
        """Sharpness-aware minimisation: two steps around another optimiser, whose groups it shares."""

        def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
            super().__init__(params, dict(rho=rho, **kwargs))
            self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
            self.param_groups = self.base_optimizer.param_groups
            self.defaults.update(self.base_optimizer.defaults)

        def first_step(self):
            with library.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        self.state[p]["old_p"] = p.data.clone()
                        p.data = p.data + p.grad.data * group["rho"]

        def second_step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data = self.state[p]["old_p"]
            self.base_optimizer.step()

        def step(self, closure=None):
            self.first_step()
            closure()
            self.second_step()

        def load_state_dict(self, state_dict):
            super().load_state_dict(state_dict)
            self.base_optimizer.param_groups = self.param_groups

    return SAM


def averages(library, optimizers):
    required = importlib.import_module(f"{optimizers.__name__}.optimizer").required

    class Averages(optimizers.Optimizer):
        """A rule of its own with a number, a list and a tensor for state."""

        def __init__(self, params, lr=required, momentum=0.5):
            super().__init__(params, {"lr": lr, "momentum": momentum})

        def __setstate__(self, state):
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("added_later", 3)

        def step(self, closure=None):
            loss = None if closure is None else closure()
            with library.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        state = self.state[p]
                        if len(state) == 0:
                            state["step"], state["seen"] = 0, [0.0]
                            state["average"] = library.zeros_like(p)
                            state["row"] = library.zeros_like(p)[:1]
                        state["step"] += 1
                        state["seen"].append(float(state["step"]))
                        state["average"] = state["average"] * group["momentum"] + p.grad
                        state["row"] = state["row"] + p.grad[:1]
                        p.data = p.data - state["average"] * (group["lr"] / state["step"])
            return loss

    return Averages


def parameters(library, values):
    if library is torch:
        return [torch.nn.Parameter(torch.from_numpy(value.copy())) for value in values]
    return [nn.Parameter(tinynet.Tensor(value.copy())) for value in values]


def set_gradients(params, scale=1.0):
    for p in params:
        p.grad = (p.detach() * p.detach() * scale + 0.1).detach()


@pytest.fixture
def values(rng):
    return [rng.standard_normal((3, 2)), rng.standard_normal(4)]


def test_sam(values):
    results = []
    for library, optimizers in LIBRARIES:
        params = parameters(library, values)
        groups = [{"params": params[:1], "lr": 0.2}, {"params": params[1:], "rho": 0.5}]
        optimizer = sam(library, optimizers)(groups, optimizers.SGD, lr=0.1, momentum=0.9)
        assert optimizer.defaults["dampening"] == 0
        schedule = optimizers.lr_scheduler.StepLR(optimizer.base_optimizer, 2)
        for _ in range(5):
            set_gradients(params)
            optimizer.step(lambda params=params: set_gradients(params))
            schedule.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.002, rel=1e-12)
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert optimizer.base_optimizer.param_groups is optimizer.param_groups
        results.append([p.detach().numpy() for p in params])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("origin", ["own", "torch"])
def test_a_rule_of_its_own(values, origin):
    """In the middle, each takes over its own state, or tinynet takes over torch's."""
    optimizers, params = [], []
    for library, package in LIBRARIES:
        tensors = parameters(library, values)
        rule = averages(library, package)
        with pytest.raises(ValueError, match="required optimization parameter lr"):
            rule(tensors)
        optimizers.append(rule([{"params": tensors[:1], "lr": 0.1}, {"params": tensors[1:], "lr": 0.2}]))
        params.append(tensors)
    schedules = [
        package.lr_scheduler.ExponentialLR(optimizer, 0.9)
        for (_, package), optimizer in zip(LIBRARIES, optimizers, strict=True)
    ]
    for i in range(6):
        if i == 3:
            saved = [copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers]
            optimizers[1].load_state_dict(saved[1])
            optimizers[0].load_state_dict(saved[0] if origin == "own" else saved[1])
            assert optimizers[0].param_groups[1]["added_later"] == 3
        for optimizer, schedule, tensors in zip(optimizers, schedules, params, strict=True):
            set_gradients(tensors)
            assert optimizer.step(lambda: "loss") == "loss"
            schedule.step()
    for p, q in zip(*params, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)
    ours, theirs = (optimizer.state_dict() for optimizer in optimizers)
    assert ours["param_groups"] == theirs["param_groups"]
    for i, expected in theirs["state"].items():
        for key, value in expected.items():
            found = ours["state"][i][key]
            assert isinstance(found, tinynet.Tensor) == isinstance(value, torch.Tensor)
            np.testing.assert_allclose(np.asarray(found), np.asarray(value), rtol=1e-12)


def test_what_a_rule_keeps_is_loaded_in_the_parameters_dtype(values):
    """All tensors but a step, and numbers as they are; nothing is shared with the saved state."""
    single = parameters(tinynet, [value.astype(np.float32) for value in values])
    double = parameters(tinynet, values)
    rule = averages(tinynet, optim)
    source, target = rule(double, lr=0.1), rule(single, lr=0.1)
    set_gradients(double)
    source.step()
    source.state[double[0]].update(
        step=tinynet.Tensor(np.array(7.0)), scale=np.float64(0.5), pair=(tinynet.ones(2), {"step": 1})
    )
    target.load_state_dict(source.state_dict())
    state = target.state[single[0]]
    assert state["average"].dtype == state["row"].dtype == state["pair"][0].dtype == np.float32
    assert (state["step"].dtype, state["step"].item()) == (np.float64, 7.0)
    assert type(state["scale"]) is np.float64
    assert state["pair"][1] == {"step": 1}
    state["step"].array += 1
    state["seen"].append(0.0)
    assert source.state[double[0]]["step"].item() == 7.0
    assert len(source.state[double[0]]["seen"]) == 2
