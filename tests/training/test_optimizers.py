from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet.optim import lr_scheduler
from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError
from tinynet.training.optimizers import PER_STEP, build_optimizer, build_scheduler

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
