"""Schedules for every batch that move the rate up and down, and momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.optim.lr_scheduler.base import (
    LRScheduler,
    check_optimizer,
    per_group,
    positive_int,
    state_of_function,
)
from tinynet.optim.optimizer import Optimizer


class CyclicLR(LRScheduler):
    """Move the rate between `base_lr` and `max_lr` and back in triangles, momentum the other way.

    Args:    base_lr, max_lr, base_momentum, max_momentum: a number, or one per parameter group
             step_size_up, step_size_down: batches of the rise and of the fall (None: as many)
             mode: "triangular"; "triangular2": every cycle half as high as the one before; "exp_range": height
             times gamma ** batch; scale_fn: factor on the height instead, given the number of the cycle (from 1)
             or, with scale_mode "iterations", of the batch
             cycle_momentum: also cycle "momentum", or the first of "betas"
    Raises:  ValueError: an unknown mode without a scale_fn, a list of another length than the groups, an
             optimiser without momentum to cycle
    Source:  Smith 2017 (arXiv 1506.01186)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = per_group("base_lr", base_lr, optimizer)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        rise = float(step_size_up)
        self.total_size = rise + (rise if step_size_down is None else float(step_size_down))
        self.step_ratio = rise / self.total_size
        if scale_fn is None:
            if mode not in ("triangular", "triangular2", "exp_range"):
                raise ValueError(f"mode is invalid and scale_fn is None: mode is {mode!r}")
            scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom: Any = scale_fn
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = cycles_beta1(optimizer)
            self.base_momentums = per_group("base_momentum", base_momentum, optimizer)
            self.max_momentums = per_group("max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                group["lr"] = base_lrs[i]
                if cycle_momentum:
                    group["max_momentum"] = self.max_momentums[i]
                    group["base_momentum"] = self.base_momentums[i]
        super().__init__(optimizer, last_epoch)
        # The first rates were an earlier schedule's initial ones, if there was one; the cycles start from ours.
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the factor on the height of cycle `x`, or with scale_mode "iterations" of batch `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch`, and set the groups' momentum."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        share = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                set_momentum(group, high - (high - low) * share * scale, self.use_beta1)
        return [
            low + (high - low) * share * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the optimiser; of scale_fn, the attributes of a callable object."""
        return {**super().state_dict(), "_scale_fn_custom": state_of_function(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was saved; scale_fn stays the one that the constructor got."""
        function = self._scale_fn_custom
        super().load_state_dict(state_dict)
        attributes, self._scale_fn_custom = self._scale_fn_custom, function
        if attributes is not None:
            vars(function).update(attributes)


class OneCycleLR(LRScheduler):
    """Raise the rate to `max_lr`, then lower it far below where it began, momentum moving the other way.

    Step it after every batch. The rate starts at max_lr / div_factor and ends at that over final_div_factor.

    Args:    max_lr, base_momentum, max_momentum: a number, or one per parameter group
             total_steps: batches in all, or epochs and steps_per_epoch, whose product it is
             pct_start: share of the steps that the rise takes, a float in [0, 1]
             anneal_strategy: "cos" or "linear"
             cycle_momentum: also cycle "momentum", or the first of "betas"
             three_phase: return to the initial rate as slowly as it rose, then go down to the final one
    Raises:  ValueError: an option out of its range, a list of another length than the groups, an optimiser
             without momentum to cycle, more than total_steps steps
    Source:  Smith, Topin 2018 (arXiv 1708.07120); two phases as in fastai
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group("max_lr", max_lr, optimizer)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = cycles_beta1(optimizer)
            max_momentums = per_group("max_momentum", max_momentum, optimizer)
            base_momentums = per_group("base_momentum", base_momentum, optimizer)
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                group["initial_lr"] = max_lrs[i] / div_factor
                group["max_lr"] = max_lrs[i]
                group["min_lr"] = group["initial_lr"] / final_div_factor
                if cycle_momentum:
                    group["max_momentum"] = max_momentums[i]
                    group["base_momentum"] = base_momentums[i]
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch`, and set the groups' momentum."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. "
                f"The specified number of total steps is {self.total_steps}"
            )
        phase, share = self._position()
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                momentum = self._anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], share)
                set_momentum(group, momentum, self.use_beta1)
        return lrs

    def _position(self) -> tuple[dict[str, Any], float]:
        """Return the phase that `last_epoch` is in, and the share of it that has passed."""
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        length = phase["end_step"] - start
        # A phase of no length (pct_start is 1, or 1 / total_steps) is over at once; torch divides by zero.
        return phase, (self.last_epoch - start) / length if length != 0 else 1.0

    def _anneal(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start


def _phases(total_steps: int, pct_start: float, three_phase: bool) -> list[dict[str, Any]]:
    """List the phases of a cycle: the step at which each ends, and the options it leads from and to."""

    def phase(
        end_step: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str
    ) -> dict[str, Any]:
        return {
            "end_step": end_step,
            "start_lr": start_lr,
            "end_lr": end_lr,
            "start_momentum": start_momentum,
            "end_momentum": end_momentum,
        }

    top = float(pct_start * total_steps) - 1
    rise = phase(top, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three_phase:
        return [rise, phase(total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    back = float(2 * pct_start * total_steps) - 2
    return [
        rise,
        phase(back, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
        phase(total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
    ]


def _total_steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is not None:
        return positive_int("total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    return positive_int("epochs", epochs) * positive_int("steps_per_epoch", steps_per_epoch)


def cycles_beta1(optimizer: Optimizer) -> bool:
    """Return whether the momentum to cycle is the first of "betas", or raise ValueError if there is none."""
    if not {"momentum", "betas"} & optimizer.defaults.keys():
        raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
    return "betas" in optimizer.defaults


def set_momentum(group: dict[str, Any], momentum: float, use_beta1: bool) -> None:
    """Set "momentum" of a group, or the first of its "betas"."""
    if use_beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
