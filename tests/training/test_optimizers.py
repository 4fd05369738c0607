from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet.optim import lr_scheduler
from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError
from tinynet.training.optimizers import PER_STEP, ScheduledOptimizer, build_optimizer, build_scheduler

STEPS_PER_EPOCH = 5


def rates(config, parameter, optim, schedules):
    optimizer = build_optimizer(config, [parameter], optim)
    scheduler = build_scheduler(config, optimizer, schedules, STEPS_PER_EPOCH)
    seen = []
    for step in range(config.epochs * STEPS_PER_EPOCH):
        seen.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if scheduler is not None and (config.schedule in PER_STEP or (step + 1) % STEPS_PER_EPOCH == 0):
            scheduler.step()
    return seen


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "step", "multistep", "cosine", "onecycle", "linear"])
def test_course_of_the_learning_rate_is_the_same_in_torch(schedule, optimizer):
    config = TrainConfig(
        epochs=6, lr=0.2, schedule=schedule, optimizer=optimizer, milestones=(2, 5), step_size=2, gamma=0.5
    )
    ours = tinynet.tensor([1.0, 2.0], requires_grad=True)
    twin = torch.tensor([1.0, 2.0], requires_grad=True)
    twin.grad = torch.zeros(2)
    ours.grad = tinynet.zeros(2)
    expected = rates(config, twin, torch.optim, torch.optim.lr_scheduler)
    np.testing.assert_allclose(rates(config, ours, tinynet.optim, lr_scheduler), expected, rtol=1e-12)
    assert min(expected) > 0
    assert max(expected) == pytest.approx(0.2, rel=0.05)
    assert (len(set(expected)) == 1) == (schedule == "constant")


def test_onecycle_needs_steps_to_warm_up():
    config = TrainConfig(epochs=1, warmup=0.2)
    optimizer = build_optimizer(config, [tinynet.tensor([1.0], requires_grad=True)], tinynet.optim)
    with pytest.raises(ConfigError, match=r"onecycle: 5 steps .*--warmup 0.2.*--epochs"):
        build_scheduler(config, optimizer, lr_scheduler, STEPS_PER_EPOCH)


SHAPES = [(4, 3, 3, 3), (4,), (6, 4, 3, 3), (6, 6, 1, 1), (6, 6), (6,), (10, 6), (10,)]
"""A first convolution, two hidden ones, a hidden linear layer and a last one, with biases."""


def muon_steps(framework, tensor, schedules):
    """Take three steps of Muon and SGD with the same gradients; return the parameters."""
    decay = {"weight_decay": 0.1, "sgd_weight_decay": 0.02}
    config = TrainConfig(optimizer="muon", lr=0.02, sgd_lr=0.3, schedule="constant", **decay)
    rng = np.random.default_rng(0)
    parameters = [tensor(rng.standard_normal(shape)).requires_grad_() for shape in SHAPES]
    optimizer = ScheduledOptimizer(config, iter(parameters), framework.optim, schedules, STEPS_PER_EPOCH)
    for _ in range(3):
        optimizer.zero_grad()
        assert all(p.grad is None for p in parameters)
        for parameter in parameters:
            parameter.grad = tensor(rng.standard_normal(tuple(parameter.shape)))
        optimizer.step()
    return [p.detach().numpy() for p in parameters]


def channels_last(values):
    found = torch.tensor(values)
    return found.contiguous(memory_format=torch.channels_last) if found.ndim == 4 else found


def test_muon_takes_the_hidden_weights_and_sgd_the_rest():
    ours = muon_steps(tinynet, tinynet.tensor, lr_scheduler)
    theirs = muon_steps(torch, torch.tensor, torch.optim.lr_scheduler)
    by_pixels = muon_steps(torch, channels_last, torch.optim.lr_scheduler)
    rng = np.random.default_rng(0)
    begin = [rng.standard_normal(shape) for shape in SHAPES]
    for i, (a, b, c, start) in enumerate(zip(ours, theirs, by_pixels, begin, strict=True)):
        if i in (2, 3, 4):  # torch rounds Muon's iteration to bfloat16
            moved = np.linalg.norm(a - start)
            assert moved > 0
            assert np.linalg.norm(a - b) < 0.05 * moved
            assert np.linalg.norm(a - c) < 0.05 * moved
        else:
            np.testing.assert_allclose(a, b, rtol=1e-12)
            np.testing.assert_allclose(a, c, rtol=1e-12)
            assert np.abs(a - start).max() > 0.1


def test_muon_needs_hidden_weights():
    parameters = [tinynet.zeros(4, 3, requires_grad=True), tinynet.zeros(2, 4, requires_grad=True)]
    with pytest.raises(ConfigError, match=r"--optimizer muon: this model has no hidden weights"):
        ScheduledOptimizer(TrainConfig(optimizer="muon"), parameters, tinynet.optim, lr_scheduler, 1)
