"""Schedules written against torch's base class, as public training code has them."""

from __future__ import annotations

import copy
import math

import pytest

from tests.optim.schedules import LIBRARIES, advance, make_optimizer, settings
from tinynet import optim
from tinynet.optim import lr_scheduler


def warm_up(base):
    class WarmUpLR(base):
        """Warm up linearly from 0, as public CIFAR-100 code does."""

        def __init__(self, optimizer, total_iters, last_epoch=-1):
            self.total_iters = total_iters
            super().__init__(optimizer, last_epoch)

        def get_lr(self):
            return [base_lr * self.last_epoch / (self.total_iters + 1e-8) for base_lr in self.base_lrs]

    return WarmUpLR


def gradual_warm_up(base):
    class GradualWarmupScheduler(base):
        """Warm up, then hand over to another schedule, through `step`."""

        def __init__(self, optimizer, multiplier, total_epoch, after_scheduler=None):
            self.multiplier = multiplier
            self.total_epoch = total_epoch
            self.after_scheduler = after_scheduler
            self.finished = False
            super().__init__(optimizer)

        def get_lr(self):
            if self.last_epoch > self.total_epoch:
                if not self.finished:
                    self.after_scheduler.base_lrs = [lr * self.multiplier for lr in self.base_lrs]
                    self.finished = True
                return self.after_scheduler.get_last_lr()
            share = self.last_epoch / self.total_epoch
            return [lr * ((self.multiplier - 1.0) * share + 1.0) for lr in self.base_lrs]

        def step(self, epoch=None):
            if self.finished:
                self.after_scheduler.step(None if epoch is None else epoch - self.total_epoch)
                self._last_lr = self.after_scheduler.get_last_lr()
            else:
                super().step(epoch)

    return GradualWarmupScheduler


def polynomial(base):
    class PolyLR(base):
        """Compute from the present rate, with a closed form, and look at the base's own attributes."""

        def get_lr(self):
            assert self._get_lr_called_within_step
            if self.last_epoch == 0 or self._is_initial:
                return [group["lr"] for group in self.optimizer.param_groups]
            return [group["lr"] * 0.9 + 1e-3 * self._step_count for group in self.optimizer.param_groups]

        def _get_closed_form_lr(self):
            return [lr * 0.9**self.last_epoch for lr in self.base_lrs]

    return PolyLR


def sets_the_rates_itself(base):
    class CosineRestarts(base):
        """Override `step` altogether."""

        def __init__(self, optimizer, length):
            self.length, self.position = length, -1
            super().__init__(optimizer, -1)

        def step(self, epoch=None):
            self.position = (self.position + 1) % self.length
            self.last_epoch = self.last_epoch + 1 if epoch is None else math.floor(epoch)
            for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                group["lr"] = lr

        def get_lr(self):
            share = (1 + math.cos(math.pi * self.position / self.length)) / 2
            return [lr * share for lr in self.base_lrs]

    return CosineRestarts


OWN = {
    "warm-up": lambda base, s, o: warm_up(base)(o, 20),
    "gradual warm-up": lambda base, s, o: gradual_warm_up(base)(o, 4.0, 10, s.CosineAnnealingLR(o, 50)),
    "polynomial": lambda base, s, o: polynomial(base)(o),
    "restarts": lambda base, s, o: sets_the_rates_itself(base)(o, 7),
    "warm-up, then steps": lambda base, s, o: s.SequentialLR(o, [warm_up(base)(o, 5), s.StepLR(o, 9)], [5]),
    "chained with steps": lambda base, s, o: s.ChainedScheduler([polynomial(base)(o), s.StepLR(o, 9)]),
}


@pytest.mark.parametrize("name", ["LRScheduler", "_LRScheduler"])
@pytest.mark.parametrize("case", OWN)
def test_acts_as_under_torch(case, name):
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        schedule = OWN[case](getattr(schedulers, name), schedulers, optimizer)
        results.append([settings(optimizer)])
        for _ in range(40):
            advance(optimizer, [schedule])
            results[-1].append((settings(optimizer), getattr(schedule, "last_epoch", None)))
    assert results[0] == results[1]


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.parametrize("case", ["warm-up", "gradual warm-up", "polynomial", "restarts"])
def test_goes_to_an_epoch_as_under_torch(case):
    results = []
    for library, schedulers in LIBRARIES:
        optimizer = make_optimizer(library)
        schedule = OWN[case](schedulers.LRScheduler, schedulers, optimizer)
        results.append([])
        optimizer.step()
        for epoch in range(1, 30):
            schedule.step(epoch)
            results[-1].append((settings(optimizer), schedule.last_epoch))
    assert results[0] == results[1]


def test_names_are_torchs():
    assert lr_scheduler._LRScheduler.__name__ == "_LRScheduler"
    assert issubclass(lr_scheduler._LRScheduler, lr_scheduler.LRScheduler)
    for name in lr_scheduler.__all__:
        assert issubclass(getattr(lr_scheduler, name), lr_scheduler.LRScheduler)


def test_what_a_schedule_refers_to_is_not_copied():
    """A state dict of 45 epochs would otherwise hold 45 copies of the parameters."""
    optimizer = make_optimizer(optim)
    inner = lr_scheduler.StepLR(optimizer, 3)
    schedule = gradual_warm_up(lr_scheduler.LRScheduler)(optimizer, 4.0, 10, inner)
    schedule.table = {"a": [1, (2, [3])]}
    saved = schedule.state_dict()
    assert saved["after_scheduler"] is inner
    schedule.table["a"][1][1].append(4)
    assert saved["table"] == {"a": [1, (2, [3])]}
    kept = copy.deepcopy(saved["table"])
    schedule.load_state_dict(saved)
    schedule.table["a"].append(5)
    assert saved["table"] == kept


def test_a_schedule_without_rates_says_so():
    with pytest.raises(NotImplementedError, match="Nothing must define get_lr"):
        type("Nothing", (lr_scheduler.LRScheduler,), {})(make_optimizer(optim))
