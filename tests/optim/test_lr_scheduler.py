from __future__ import annotations

import copy
import json

import pytest
import torch

from tests.optim.schedules import (
    COMBINED,
    LIBRARIES,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    WITHOUT_CHANGE,
    Damped,
    advance,
    make_optimizer,
    settings,
)
from tinynet import optim
from tinynet.optim import lr_scheduler


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
    assert (len({tuple(g[0] for g in s) for s in seen}) > 1) != (case in WITHOUT_CHANGE)


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


@pytest.mark.parametrize("case", SCHEDULES)
def test_state_loads_into_torch(case):
    ours, theirs = make_optimizer(optim), make_optimizer(torch.optim)
    our_schedules = SCHEDULES[case](lr_scheduler, ours)
    for _ in range(29):
        advance(ours, our_schedules)
    their_schedules = SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    theirs.load_state_dict({"state": {}, "param_groups": ours.state_dict()["param_groups"]})
    for their_schedule, our_schedule in zip(their_schedules, our_schedules, strict=True):
        saved = our_schedule.state_dict()
        assert set(saved) == set(their_schedule.state_dict())
        their_schedule.load_state_dict(saved)
    for _ in range(80):
        advance(ours, our_schedules)
        advance(theirs, their_schedules)
        assert settings(ours) == settings(theirs)


@pytest.mark.parametrize("case", SCHEDULES)
def test_a_rate_changed_by_hand_stays_changed(case):
    ours, theirs = make_optimizer(optim), make_optimizer(torch.optim)
    schedules = SCHEDULES[case](lr_scheduler, ours), SCHEDULES[case](torch.optim.lr_scheduler, theirs)
    for i in range(60):
        if i == 3:
            ours.param_groups[1]["lr"] = theirs.param_groups[1]["lr"] = 0.5
        advance(ours, schedules[0])
        advance(theirs, schedules[1])
        assert settings(ours) == settings(theirs)


STARTS = {
    "step": lambda s, o: s.StepLR(o, 7, last_epoch=12),
    "step, due": lambda s, o: s.StepLR(o, 13, last_epoch=12),
    "multistep": lambda s, o: s.MultiStepLR(o, [13, 15], last_epoch=12),
    "constant": lambda s, o: s.ConstantLR(o, total_iters=14, last_epoch=12),
    "constant, over": lambda s, o: s.ConstantLR(o, total_iters=13, last_epoch=12),
    "linear": lambda s, o: s.LinearLR(o, total_iters=30, last_epoch=12),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9, last_epoch=12),
    "polynomial": lambda s, o: s.PolynomialLR(o, 30, 2, last_epoch=12),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 40, last_epoch=12),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 40, last_epoch=12),
    "restarts, due": lambda s, o: s.CosineAnnealingWarmRestarts(o, 10, 2, last_epoch=12),
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch, last_epoch=12),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9, last_epoch=12),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 10, last_epoch=12),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, 40, last_epoch=12),
}


@pytest.mark.parametrize("case", STARTS)
def test_starts_at_a_given_epoch(case):
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        with pytest.raises(KeyError, match="initial_lr"):
            STARTS[case](schedulers, optimizer)
        for group in optimizer.param_groups:
            rates = {"initial_lr": 0.02, "max_lr": 0.5, "min_lr": 1e-6}
            group.update(lr=0.01, base_momentum=0.85, max_momentum=0.95, **rates)
        schedule = STARTS[case](schedulers, optimizer)
        with pytest.warns(UserWarning, match="get_last_lr"):
            results.append([settings(optimizer), schedule.base_lrs, schedule.get_lr()])
        for _ in range(12):
            advance(optimizer, [schedule])
            results[-1].append(settings(optimizer))
    assert results[0] == results[1]


SINGLE = [case for case in SCHEDULES if case not in COMBINED]


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.parametrize("case", [case for case in SINGLE if case != "linear to zero steps"])
def test_goes_to_an_epoch(case):
    """By the closed form where torch has one, and on from there in the chainable form."""
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        [schedule] = SCHEDULES[case](schedulers, optimizer)
        optimizer.step()
        results.append([])
        for epoch in (1, 2, 2, 30, None, None, 7, None, 41, 0, None, 299):
            schedule.step(epoch)
            results[-1].append((schedule.last_epoch, schedule.get_last_lr(), settings(optimizer)))
    assert results[0] == results[1]


@pytest.mark.parametrize("library, schedulers", LIBRARIES, ids=["tinynet", "torch"])
def test_going_to_an_epoch_is_deprecated(library, schedulers):
    optimizer = make_optimizer(library)
    schedules = [schedulers.StepLR(optimizer, 3), schedulers.ReduceLROnPlateau(optimizer)]
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step"):
        schedules[0].step(4)
    with pytest.warns(UserWarning, match="epoch parameter in `scheduler.step"):
        schedules[1].step(1.0, 4)
    assert [schedule.last_epoch for schedule in schedules] == [4, 4]


@pytest.mark.parametrize("options", [{}, {"T_mult": 2}, {"T_mult": 3, "eta_min": 0.01}], ids=str)
def test_restarts_follow_batches(options):
    """Whole epochs and parts of one, forwards and backwards, then by itself."""
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        schedule = schedulers.CosineAnnealingWarmRestarts(optimizer, 5, **options)
        results.append([])
        for epoch in [i / 7 for i in range(300)] + [3.5, 0, 63.9, None, None, None]:
            schedule.step(epoch)
            results[-1].append((schedule.last_epoch, schedule.get_last_lr()))
        with pytest.raises(ValueError, match="Expected non-negative epoch, but got -1"):
            schedule.step(-1)
    assert results[0] == results[1]


@pytest.mark.parametrize("case", SINGLE)
def test_get_lr_outside_of_step_warns(case):
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        [schedule] = SCHEDULES[case](schedulers, optimizer)
        results.append([])
        for _ in range(3):
            with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
                results[-1].append(schedule.get_lr())
            advance(optimizer, [schedule])
    assert results[0] == results[1]


def test_a_callable_object_keeps_its_attributes():
    """torch saves them, and no function."""
    saved = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        functions = [Damped(0.5), Damped(0.6), lambda epoch: 1.0]
        schedules = [
            schedulers.LambdaLR(optimizer, functions),
            schedulers.MultiplicativeLR(optimizer, functions),
            schedulers.CyclicLR(optimizer, 0.1, 0.2, scale_fn=functions[0]),
            schedulers.CyclicLR(optimizer, 0.1, 0.2, scale_fn=functions[2]),
        ]
        saved.append([schedule.state_dict() for schedule in schedules])
        for schedule in schedules[:2]:
            assert schedule.state_dict()["lr_lambdas"] == [{"gamma": 0.5}, {"gamma": 0.6}, None]
        assert schedules[2].state_dict()["_scale_fn_custom"] == {"gamma": 0.5}
        assert schedules[3].state_dict()["_scale_fn_custom"] is None
        functions[0].gamma = functions[1].gamma = 7.0
        for schedule, state in zip(schedules, saved[-1], strict=True):
            schedule.load_state_dict(copy.deepcopy(state))
        assert [functions[0].gamma, functions[1].gamma] == [0.5, 0.6]
    assert saved[0] == saved[1]


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
