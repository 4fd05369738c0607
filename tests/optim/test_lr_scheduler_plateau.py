from __future__ import annotations

import json
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

import tinynet
from tests.optim.schedules import LIBRARIES, RATES, make_optimizer
from tinynet import nn, optim
from tinynet.optim.lr_scheduler import ReduceLROnPlateau

options = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["min", "max"]),
        "factor": st.sampled_from([0.1, 0.5, 0.9, 0.0]),
        "patience": st.integers(0, 4),
        "threshold": st.sampled_from([0.0, 1e-4, 0.1, 0.5]),
        "threshold_mode": st.sampled_from(["rel", "abs"]),
        "cooldown": st.integers(0, 4),
        "min_lr": st.sampled_from([0, 0.01, [0.05, 0.001, 1.0], (0.0, 1.0, 0.1)]),
        "eps": st.sampled_from([1e-8, 0.05, 0.0]),
    },
)
values = st.one_of(st.sampled_from([0.0, 1.0, 1.1, math.nan, math.inf]), st.floats(-2, 2))


def state_of(optimizer, schedule):
    # repr, because NaN differs from itself
    return repr([[group["lr"] for group in optimizer.param_groups], sorted(schedule.state_dict().items())])


@settings(max_examples=200, deadline=None)
@given(options, st.lists(values, min_size=1, max_size=40), st.integers(0, 40))
def test_follows_torch(chosen, metrics, resume_at):
    theirs = make_optimizer(torch.optim)
    their_schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **chosen)
    ours = make_optimizer(optim)
    schedule = ReduceLROnPlateau(ours, **chosen)
    for i, value in enumerate(metrics):
        if i == resume_at:
            saved = json.loads(json.dumps(schedule.state_dict()))
            schedule = ReduceLROnPlateau(ours, mode="max", patience=1)
            schedule.load_state_dict(saved)
        schedule.step(value)
        their_schedule.step(value)
        assert state_of(ours, schedule) == state_of(theirs, their_schedule)
        assert schedule.in_cooldown == their_schedule.in_cooldown


@pytest.mark.parametrize("origin", ["tinynet", "torch"])
def test_state_goes_both_ways(origin):
    places = dict(zip(("tinynet", "torch"), LIBRARIES, strict=True))
    library, schedulers = places.pop(origin)
    [(other_library, other_schedulers)] = places.values()
    first = make_optimizer(library)
    schedule = schedulers.ReduceLROnPlateau(first, patience=2, cooldown=2)
    values = [1.0, 0.5, 0.6, 0.5, 0.7, 0.5, 0.5, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    for value in values[:6]:
        schedule.step(value)
    second = make_optimizer(other_library)
    other = other_schedulers.ReduceLROnPlateau(second, mode="max")
    other.load_state_dict(schedule.state_dict())
    second.load_state_dict({"state": {}, "param_groups": first.state_dict()["param_groups"]})
    seen = set()
    for value in values[6:]:
        schedule.step(value)
        other.step(value)
        assert state_of(first, schedule) == state_of(second, other)
        seen.add(schedule.get_last_lr()[0])
    assert len(seen) == 2


def test_takes_a_tensor():
    optimizer = make_optimizer(optim)
    schedule = ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    for _ in range(2):
        schedule.step(tinynet.Tensor(np.ones((), np.float32)))
    assert schedule.get_last_lr() == [0.5 * lr for lr in RATES]
    assert schedule.best == 1.0


@pytest.mark.parametrize("library, schedulers", LIBRARIES, ids=["tinynet", "torch"])
@pytest.mark.parametrize("min_lr", [0.07, [0.07, 0.0, 0.0]], ids=str)
def test_a_group_may_be_added(library, schedulers, min_lr):
    optimizer = make_optimizer(library)
    schedule = schedulers.ReduceLROnPlateau(optimizer, patience=0, min_lr=min_lr, factor=0.5)
    tensor = (
        nn.Parameter(tinynet.Tensor(np.ones(2))) if library is optim else torch.nn.Parameter(torch.ones(2))
    )
    optimizer.add_param_group({"params": tensor, "lr": 0.1})
    schedule.step(1.0)
    if isinstance(min_lr, list):
        with pytest.raises(
            RuntimeError, match=r"\(4\) differs from when `ReduceLROnPlateau` was initialized \(3\)"
        ):
            schedule.step(1.0)
    else:
        schedule.step(1.0)
        assert schedule.get_last_lr() == [0.07, 0.03, 1.0, 0.07]
