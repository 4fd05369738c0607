from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest
import torch

import tinynet
from tests.optim.schedules import LIBRARIES, advance, make_optimizer
from tinynet import nn, optim
from tinynet.optim import lr_scheduler

ERRORS = {
    "no optimiser": (lambda s, o: s.StepLR(o.param_groups, 3), TypeError, "list is not an Optimizer"),
    "no optimiser for one cycle": (
        lambda s, o: s.OneCycleLR(None, 3),
        TypeError,
        "NoneType is not an Optimizer",
    ),
    "start factor 0": (
        lambda s, o: s.LinearLR(o, start_factor=0),
        ValueError,
        "Starting multiplicative factor",
    ),
    "start factor 2": (lambda s, o: s.LinearLR(o, start_factor=2), ValueError, "but got 2"),
    "end factor": (lambda s, o: s.LinearLR(o, end_factor=-0.1), ValueError, "Ending multiplicative factor"),
    "no steps": (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "You must define either total_steps OR"),
    "total steps": (
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=0),
        ValueError,
        "integer total_steps, but got 0",
    ),
    "half a step": (
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=2.5),
        ValueError,
        "total_steps, but got 2.5",
    ),
    "epochs": (
        lambda s, o: s.OneCycleLR(o, 1.0, epochs=-1, steps_per_epoch=2),
        ValueError,
        "epochs, but got -1",
    ),
    "steps per epoch": (
        lambda s, o: s.OneCycleLR(o, 1.0, epochs=1, steps_per_epoch=0),
        ValueError,
        "steps_per_epoch, but got 0",
    ),
    "pct_start": (lambda s, o: s.OneCycleLR(o, 1.0, 9, pct_start=1.5), ValueError, "pct_start, but got 1.5"),
    "strategy": (lambda s, o: s.OneCycleLR(o, 1.0, 9, anneal_strategy="sin"), ValueError, "instead got sin"),
    "rates": (
        lambda s, o: s.OneCycleLR(o, [1.0, 2.0], 9),
        ValueError,
        "max_lr has 2 values, param_groups has 3",
    ),
    "momenta": (
        lambda s, o: s.OneCycleLR(o, 1.0, 9, max_momentum=[0.9]),
        ValueError,
        "max_momentum has 1 values",
    ),
    "whole pct_start": (
        lambda s, o: s.OneCycleLR(o, 1.0, 9, pct_start=1),
        ValueError,
        "pct_start, but got 1",
    ),
    "constant factor above": (lambda s, o: s.ConstantLR(o, factor=1.1), ValueError, "Constant mult.*got 1.1"),
    "constant factor below": (
        lambda s, o: s.ConstantLR(o, factor=-0.1),
        ValueError,
        "Constant mult.*got -0.1",
    ),
    "end factor above": (lambda s, o: s.LinearLR(o, end_factor=1.5), ValueError, "Ending.*but got 1.5"),
    "T_0": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0, but got 0"),
    "half a T_0": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5), ValueError, "T_0, but got 2.5"),
    "T_mult": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "T_mult >= 1, but got 0"),
    "half a T_mult": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 1.5),
        ValueError,
        "T_mult >= 1, but got 1.5",
    ),
    "eta_min": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, eta_min="0"),
        ValueError,
        "Expected float or int eta_min, but got 0 of type <class 'str'>",
    ),
    "lambdas": (lambda s, o: s.LambdaLR(o, [abs]), ValueError, "Expected 3 lr_lambdas, but got 1"),
    "no lambda": (lambda s, o: s.LambdaLR(o, 0.9), TypeError, "should be a function, but got float"),
    "multiplicatives": (
        lambda s, o: s.MultiplicativeLR(o, [abs] * 4),
        ValueError,
        "Expected 3 lr_lambdas, but got 4",
    ),
    "no multiplicative": (
        lambda s, o: s.MultiplicativeLR(o, [abs, abs, 0.9]),
        TypeError,
        "lr_lambda should be a function, but got float",
    ),
    "cycle mode": (lambda s, o: s.CyclicLR(o, 0.1, 1.0, mode="round"), ValueError, "mode is invalid"),
    "base rates": (
        lambda s, o: s.CyclicLR(o, [0.1, 0.2], 1.0),
        ValueError,
        "base_lr has 2 values, param_groups has 3",
    ),
    "top rates": (lambda s, o: s.CyclicLR(o, 0.1, (1.0,)), ValueError, "max_lr has 1 values"),
    "base momenta": (
        lambda s, o: s.CyclicLR(o, 0.1, 1.0, base_momentum=[0.1] * 4),
        ValueError,
        "base_momentum has 4 values",
    ),
    "no optimiser for cycles": (lambda s, o: s.CyclicLR([], 0.1, 1.0), TypeError, "list is not an Optimizer"),
    "no optimiser for a plateau": (
        lambda s, o: s.ReduceLROnPlateau("sgd"),
        TypeError,
        "str is not an Optimizer",
    ),
    "plateau factor": (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
    "plateau mode": (lambda s, o: s.ReduceLROnPlateau(o, "up"), ValueError, "mode up is unknown!"),
    "threshold mode": (
        lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"),
        ValueError,
        "threshold mode x is unknown!",
    ),
    "least rates": (
        lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
        ValueError,
        "expected 3 min_lrs, got 1",
    ),
    "empty sequence": (lambda s, o: s.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
    "empty chain": (lambda s, o: s.ChainedScheduler([]), ValueError, "at least one scheduler"),
    "milestones": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]),
        ValueError,
        "number of schedulers 1 and the number of milestones to be equal to 1",
    ),
    "a number in a sequence": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1), 0.1], [3]),
        TypeError,
        "SequentialLR at index 1 should have `optimizer`",
    ),
    "a number in a chain": (
        lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), 0.1]),
        TypeError,
        "ChainedScheduler at index 1 should have `optimizer`",
    ),
    "a plateau in a sequence": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1), s.ReduceLROnPlateau(o)], [3]),
        ValueError,
        "SequentialLR does not support `ReduceLROnPlateau`.* index 1",
    ),
    "a plateau in a chain": (
        lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
        ValueError,
        "ChainedScheduler does not support `ReduceLROnPlateau`.* index 0",
    ),
    "two optimisers in a sequence": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1), s.StepLR(copy.deepcopy(o), 1)], [3]),
        ValueError,
        "belong to the same optimizer, but .*StepLR at index 1",
    ),
    "two optimisers in a chain": (
        lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(copy.deepcopy(o), 1)]),
        ValueError,
        "belong to the same optimizer, but .*StepLR at index 1",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_arguments_raise_as_in_torch(case):
    act, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        act(lr_scheduler, make_optimizer(optim))
    with pytest.raises(error):
        act(torch.optim.lr_scheduler, make_optimizer(torch.optim))


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError),
        (lambda o: lr_scheduler.StepLR(o, "3"), TypeError),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, -2.5), ValueError),
    ],
)
def test_a_period_that_torch_would_divide_by_is_refused(make, error):
    with pytest.raises(error, match=r"Invalid (step_size|T_max): "):
        make(make_optimizer(optim))


def test_one_cycle_needs_momentum_to_cycle():
    class Plain(optim.Optimizer):
        def update(self, param, grad, *, group, state):
            param.array -= group["lr"] * grad.array

    optimizer = Plain([nn.Parameter(tinynet.Tensor(np.ones(2)))], {"lr": 0.1})
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        lr_scheduler.OneCycleLR(optimizer, 1.0, 9)
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, 9, cycle_momentum=False)
    assert schedule.get_last_lr() == pytest.approx([0.04], rel=1e-12)


def test_one_cycle_ends_after_total_steps():
    optimizer = make_optimizer(optim)
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=5)
    for _ in range(5):
        advance(optimizer, [schedule])
    with pytest.raises(ValueError, match=r"Tried to step 6 times.* total steps is 5"):
        advance(optimizer, [schedule])


@pytest.mark.parametrize("library, schedulers", LIBRARIES, ids=["tinynet", "torch"])
class TestWarnings:
    """When torch warns, and when it does not (warnings are errors here)."""

    def test_stepping_before_the_optimiser(self, library, schedulers):
        schedule = schedulers.StepLR(make_optimizer(library), 3)
        with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step"):
            schedule.step()
        schedule.step()

    def test_steps_before_the_schedule_do_not_count(self, library, schedulers):
        optimizer = make_optimizer(library)
        optimizer.step()
        schedule = schedulers.StepLR(optimizer, 3)
        with pytest.warns(UserWarning, match="before `optimizer.step"):
            schedule.step()

    def test_a_step_after_another_schedule_counts(self, library, schedulers):
        optimizer = make_optimizer(library)
        schedulers.StepLR(optimizer, 3)
        optimizer.step()
        schedulers.StepLR(optimizer, 3).step()

    def test_an_overridden_step(self, library, schedulers):
        optimizer = make_optimizer(library)
        schedule = schedulers.StepLR(optimizer, 3)
        optimizer.step = lambda: None
        with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden"):
            schedule.step()

    def test_restarts_and_plateaus_do_not_look(self, library, schedulers):
        optimizer = make_optimizer(library)
        schedulers.CosineAnnealingWarmRestarts(optimizer, 3).step()
        schedulers.ReduceLROnPlateau(optimizer).step(1.0)

    def test_the_step_of_a_subclass_is_noted(self, library, schedulers):
        class Own(library.SGD):
            def step(self, closure=None):
                return super().step(closure)

        optimizer = Own(make_optimizer(library).param_groups, lr=0.1)
        schedule = schedulers.StepLR(optimizer, 3)
        optimizer.step()
        schedule.step()

    def test_a_copy_of_an_optimiser_steps_itself(self, library, schedulers):
        optimizer = make_optimizer(library)
        schedulers.StepLR(optimizer, 3)
        other = copy.deepcopy(optimizer)
        [before], [param] = (o.param_groups[0]["params"] for o in (optimizer, other))
        param.grad = param.detach().clone()
        other.step()
        assert (before.detach().numpy() == 1).all()
        np.testing.assert_allclose(param.detach().numpy(), 0.9, rtol=1e-6)


def test_a_schedule_does_not_keep_its_optimiser_alive():
    optimizer = make_optimizer(optim)
    lr_scheduler.StepLR(optimizer, 3)
    gone = weakref.ref(optimizer)
    gc.disable()
    try:
        del optimizer
        assert gone() is None
    finally:
        gc.enable()
