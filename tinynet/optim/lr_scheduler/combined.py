"""Schedules made of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tinynet.optim.lr_scheduler.base import LRScheduler
from tinynet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tinynet.optim.optimizer import Optimizer


class _CombinedLR(LRScheduler):
    """What schedules of schedules share: checks and state."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[Any], optimizer: Optimizer) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau`, whose `step` needs a value, but got one at "
                    f"index {i}"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but "
                    f"{type(scheduler).__name__} at index {i} belongs to another"
                )

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the optimiser, with the state of each schedule."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict`, also torch's, saved; the rates are in the optimiser's state."""
        schedulers = self._schedulers
        super().load_state_dict(state_dict)
        saved, self._schedulers = self._schedulers, schedulers
        for scheduler, state in zip(schedulers, saved, strict=True):
            scheduler.load_state_dict(state)  # type: ignore[arg-type]


class SequentialLR(_CombinedLR):
    """Let one schedule after the other set the rate; each starts from its own epoch 0.

    Args:    schedulers: all of `optimizer`; milestones: epochs at which the second, third... takes over
    Raises:  ValueError: no schedule, one of another optimiser, a ReduceLROnPlateau, or as many milestones as
             schedules less one are needed; TypeError: no schedule of an optimiser
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if len(schedulers) < 1:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number of "
                f"milestone points, but got number of schedulers {len(schedulers)} and the number of milestones "
                f"to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Every schedule took its first step when it was made: take them all back, and let the first one begin.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: Any = None) -> None:
        """Set `last_epoch` of every schedule inside back by one."""
        schedule = self if sched is None else sched
        if hasattr(schedule, "_schedulers"):
            for inner in schedule._schedulers:
                self.recursive_undo(inner)
        elif hasattr(schedule, "last_epoch"):
            schedule.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override]
        """Move on by one epoch, by the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_CombinedLR):
    """Let all schedules step at once, each from the rate that the one before it left.

    Args:    schedulers: in any sequence, all of `optimizer` (None: of the first one's)
    Raises:  ValueError: no schedule, one of another optimiser, or a ReduceLROnPlateau; TypeError: no schedule of
             an optimiser
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if len(schedulers) < 1:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler."
            )
        self.optimizer = optimizer or schedulers[0].optimizer
        self._check(schedulers, self.optimizer)
        self._schedulers = schedulers
        self._last_lr = self._present_rates()

    def step(self) -> None:  # type: ignore[override]
        """Move on by one epoch."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._present_rates()
