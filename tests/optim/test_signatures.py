"""Names, order, kinds and defaults of arguments are torch's."""

from __future__ import annotations

import inspect

import pytest
import torch

from tinynet import optim
from tinynet.optim import lr_scheduler

OPTIMIZERS = [name for name in optim.__all__ if name != "lr_scheduler"]
METHODS = ["__init__", "step", "zero_grad", "add_param_group", "state_dict", "load_state_dict"]
SCHEDULE_METHODS = ["__init__", "step", "get_lr", "get_last_lr", "state_dict", "load_state_dict"]


def arguments(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_of_optimisers(name, method):
    ours, theirs = getattr(optim, name), getattr(torch.optim, name)
    assert arguments(getattr(ours, method)) == arguments(getattr(theirs, method))


@pytest.mark.parametrize("method", SCHEDULE_METHODS)
@pytest.mark.parametrize("name", [*lr_scheduler.__all__, "_LRScheduler"])
def test_of_schedules(name, method):
    ours, theirs = getattr(lr_scheduler, name), getattr(torch.optim.lr_scheduler, name)
    assert arguments(getattr(ours, method)) == arguments(getattr(theirs, method))


def test_every_schedule_of_torch_is_there():
    theirs = torch.optim.lr_scheduler
    assert sorted(lr_scheduler.__all__) == sorted(theirs.__all__)
