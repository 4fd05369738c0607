from __future__ import annotations

import copy
import json
from functools import partial

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn, optim
from tinynet.optim import lr_scheduler

STEPS = 300
RATES = (0.1, 0.03, 2.0)


def linear_then_cosine(schedulers, optimizer):
    """Two schedules at once on one optimiser."""
    warmup = schedulers.LinearLR(optimizer, start_factor=0.1, total_iters=20)
    return [warmup, schedulers.CosineAnnealingLR(optimizer, T_max=STEPS)]


def single(name, **options):
    return lambda schedulers, optimizer: [getattr(schedulers, name)(optimizer, **options)]


one_cycle = partial(single, "OneCycleLR")
SCHEDULES = {
    "step": single("StepLR", step_size=7, gamma=0.9),
    "step of 1": single("StepLR", step_size=1, gamma=0.99),
    "multistep": single("MultiStepLR", milestones=[120, 30, 30, 200], gamma=0.3),
    "multistep from 0": single("MultiStepLR", milestones=[0, 1], gamma=0.5),
    "cosine": single("CosineAnnealingLR", T_max=STEPS),
    "cosine with a floor": single("CosineAnnealingLR", T_max=STEPS, eta_min=0.01),
    "cosine up and down again": single("CosineAnnealingLR", T_max=40, eta_min=0.001),
    "cosine of 1": single("CosineAnnealingLR", T_max=1),
    "linear": single("LinearLR"),
    "linear down": single("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=200),
    "linear up": single("LinearLR", start_factor=0.05, end_factor=0.7, total_iters=250),
    "one cycle": one_cycle(max_lr=0.5, total_steps=STEPS),
    "one cycle by epochs": one_cycle(max_lr=[0.5, 0.1, 1.0], epochs=30, steps_per_epoch=10, pct_start=0.1),
    "one cycle linear": one_cycle(max_lr=0.5, total_steps=STEPS, anneal_strategy="linear", div_factor=10.0),
    "one cycle in three phases": one_cycle(
        max_lr=0.5, total_steps=STEPS, three_phase=True, pct_start=0.4, final_div_factor=100.0
    ),
    "one cycle of the rate only": one_cycle(max_lr=0.5, total_steps=STEPS, cycle_momentum=False),
    "one cycle of momenta": one_cycle(
        max_lr=0.5, total_steps=STEPS, base_momentum=[0.5, 0.6, 0.7], max_momentum=[0.8, 0.9, 0.99]
    ),
    "linear then cosine": linear_then_cosine,
}
OPTIMIZERS = {"SGD": {"momentum": 0.9}, "Adam": {}}


def make_optimizer(library, name="SGD", rates=RATES):
    if library is optim:
        params = [nn.Parameter(tinynet.Tensor(np.ones(2))) for _ in rates]
    else:
        params = [torch.nn.Parameter(torch.ones(2)) for _ in rates]
    groups = [{"params": [p], "lr": lr} for p, lr in zip(params, rates, strict=True)]
    return getattr(library, name)(groups, lr=1.0, **OPTIMIZERS[name])


def settings(optimizer):
    """What schedules may change, of every group."""
    return [(g["lr"], g.get("momentum"), g.get("betas")) for g in optimizer.param_groups]


def advance(optimizer, schedules):
    optimizer.step()
    for schedule in schedules:
        schedule.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("case", SCHEDULES)
def test_values_are_torchs(case, name):
    ours, theirs = make_optimizer(optim, name), make_optimizer(torch.optim, name)
    our_schedules = SCHEDULES[case](lr_scheduler, ours)
    their_schedules = SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    seen = [settings(ours)]
    assert seen[0] == settings(theirs)
    for _ in range(STEPS):
        advance(ours, our_schedules)
        advance(theirs, their_schedules)
        seen.append(settings(ours))
        # Bit for bit: both are the same sums of Python floats.
        assert seen[-1] == settings(theirs)
        assert [s.get_last_lr() for s in our_schedules] == [s.get_last_lr() for s in their_schedules]
    assert len({tuple(g[0] for g in s) for s in seen}) > 1


@pytest.mark.parametrize("origin", ["tinynet", "torch"])
@pytest.mark.parametrize("case", SCHEDULES)
def test_resumes_in_the_middle(case, origin):
    theirs = make_optimizer(torch.optim)
    their_schedules = SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    first, schedules = theirs, their_schedules
    if origin == "tinynet":
        first = make_optimizer(optim)
        schedules = SCHEDULES[case](lr_scheduler, first)
    for _ in range(45):
        advance(theirs, their_schedules)
        if first is not theirs:
            advance(first, schedules)
    saved = json.loads(json.dumps([first.state_dict()["param_groups"], [s.state_dict() for s in schedules]]))

    resumed = make_optimizer(optim, rates=(1.0, 1.0, 1.0))
    resumed_schedules = SCHEDULES[case](lr_scheduler, resumed)
    resumed.load_state_dict({"state": {}, "param_groups": saved[0]})
    for schedule, state in zip(resumed_schedules, saved[1], strict=True):
        schedule.load_state_dict(state)
    for _ in range(STEPS - 45):
        assert settings(resumed) == settings(theirs)
        advance(theirs, their_schedules)
        advance(resumed, resumed_schedules)


@pytest.mark.parametrize("case", ["step", "multistep", "cosine", "linear", "one cycle"])
def test_state_loads_into_torch(case):
    ours, theirs = make_optimizer(optim), make_optimizer(torch.optim)
    [ours_schedule] = SCHEDULES[case](lr_scheduler, ours)
    for _ in range(29):
        advance(ours, [ours_schedule])
    [their_schedule] = SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    theirs.load_state_dict({"state": {}, "param_groups": ours.state_dict()["param_groups"]})
    their_schedule.load_state_dict(ours_schedule.state_dict())
    for _ in range(50):
        advance(ours, [ours_schedule])
        advance(theirs, [their_schedule])
        assert settings(ours) == settings(theirs)


@pytest.mark.parametrize("case", ["step", "multistep", "cosine with a floor", "linear"])
def test_a_rate_changed_by_hand_stays_changed(case):
    ours, theirs = make_optimizer(optim), make_optimizer(torch.optim)
    schedules = SCHEDULES[case](lr_scheduler, ours), SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    for i in range(60):
        if i == 3:
            ours.param_groups[1]["lr"] = theirs.param_groups[1]["lr"] = 0.5
        advance(ours, schedules[0])
        advance(theirs, schedules[1])
        assert settings(ours) == settings(theirs)


@pytest.mark.parametrize(
    "make",
    [
        lambda schedulers, o: schedulers.StepLR(o, 7, last_epoch=12),
        lambda schedulers, o: schedulers.MultiStepLR(o, [13, 15], last_epoch=12),
        lambda schedulers, o: schedulers.CosineAnnealingLR(o, 40, last_epoch=12),
        lambda schedulers, o: schedulers.LinearLR(o, total_iters=30, last_epoch=12),
        lambda schedulers, o: schedulers.OneCycleLR(o, 0.5, 40, last_epoch=12),
    ],
    ids=["step", "multistep", "cosine", "linear", "one cycle"],
)
def test_starts_at_a_given_epoch(make):
    results = []
    for library, schedulers in ((optim, lr_scheduler), (torch.optim, torch.optim.lr_scheduler)):
        optimizer = make_optimizer(library)
        with pytest.raises(KeyError, match="initial_lr"):
            make(schedulers, optimizer)
        for group in optimizer.param_groups:
            rates = {"initial_lr": 0.02, "max_lr": 0.5, "min_lr": 1e-6}
            group.update(lr=0.01, base_momentum=0.85, max_momentum=0.95, **rates)
        schedule = make(schedulers, optimizer)
        results.append([settings(optimizer)])
        for _ in range(5):
            advance(optimizer, [schedule])
            results[-1].append(settings(optimizer))
    assert results[0] == results[1]


@pytest.mark.parametrize("pct_start", [0.1, 1.0])
def test_one_cycle_passes_over_a_phase_of_no_length(pct_start):
    optimizer = make_optimizer(optim)
    schedule = lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=10, pct_start=pct_start)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(10):
        advance(optimizer, [schedule])
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.5 if pct_start == 0.1 else 0.02, rel=1e-12)
    assert max(rates) == pytest.approx(0.5, rel=1e-12)
    if pct_start == 1.0:
        assert rates[-1] == pytest.approx(2e-6, rel=1e-12)


def test_state_is_a_copy():
    optimizer = make_optimizer(optim)
    schedule = lr_scheduler.MultiStepLR(optimizer, [3])
    saved = schedule.state_dict()
    kept = copy.deepcopy(saved)
    advance(optimizer, [schedule])
    schedule.milestones[7] = 1
    schedule.base_lrs[0] = 9.0
    assert saved == kept
    schedule.load_state_dict(saved)
    schedule.base_lrs[0] = 9.0
    assert saved == kept


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
        (lambda o: lr_scheduler.StepLR(o, 1.5), TypeError),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError),
    ],
)
def test_a_period_that_torch_would_divide_by_is_refused(make, error):
    with pytest.raises(error, match="Expected positive integer"):
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


def test_stepping_before_the_optimiser_warns():
    schedule = lr_scheduler.StepLR(make_optimizer(optim), 3)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()
