"""Learning-rate schedules: after each epoch or batch, `step()` sets `lr` of every parameter group.

All but OneCycleLR compute the next rate from the present one, as torch's chainable forms do, so that
several can act on one optimiser and a rate changed by hand stays changed. The arithmetic is torch's, value
for value.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tinynet.optim.optimizer import Optimizer


class LRScheduler:
    """Base of all schedules; a subclass gives `get_lr`, the rates of the groups at `last_epoch`.

    Args:    last_epoch: index of the last step taken, -1 to start; otherwise every group needs "initial_lr"
    State:   last_epoch, base_lrs (the rates before any schedule); each group keeps its own as "initial_lr"
    Raises:  TypeError: no Optimizer; KeyError: last_epoch is given and a group has no "initial_lr"
    """

    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        _check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    f"last_epoch={last_epoch}: load the optimizer's state first, or leave last_epoch at -1"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the groups' present ones; for use by `step` only."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr")

    def get_last_lr(self) -> list[float]:
        """Return the rate that the latest step set, one per parameter group."""
        return self._last_lr

    def step(self) -> None:
        """Move on by one epoch (or batch) and set the groups' rates; call it after the optimiser's step.

        Differs from torch: takes no epoch, which torch deprecates.
        """
        if self._step_count == 1:
            self._warn_if_too_early()
        self._step_count += 1
        self.last_epoch += 1
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = lr
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _warn_if_too_early(self) -> None:
        counted = type(self.optimizer).step is Optimizer.step
        if counted and not self.optimizer.step_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                "schedule is skipped. Call `optimizer.step()` first.",
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the optimiser: numbers, strings, lists and dictionaries of them."""
        return {key: copy.deepcopy(value) for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict`, also torch's, saved; the rates are in the optimiser's state."""
        self.__dict__.update(copy.deepcopy(state_dict))


class StepLR(LRScheduler):
    """Multiply the rate by `gamma` every `step_size` epochs.

    Args:    step_size: epochs, at least 1
    Raises:  ValueError: step_size < 1; TypeError: not an integer
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = _positive_int("step_size", step_size)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the present ones."""
        factor = self.gamma if self.last_epoch > 0 and self.last_epoch % self.step_size == 0 else 1.0
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class MultiStepLR(LRScheduler):
    """Multiply the rate by `gamma` at each milestone, once more for each time the milestone is listed.

    Args:    milestones: epochs, in any order
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the present ones."""
        factor = self.gamma ** self.milestones[self.last_epoch]
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was saved; milestones may have become strings on the way through JSON."""
        super().load_state_dict(state_dict)
        self.milestones = Counter({int(epoch): count for epoch, count in self.milestones.items()})


class LinearLR(LRScheduler):
    """Change the factor on the rate linearly from `start_factor` to `end_factor` over `total_iters` steps.

    Args:    start_factor: in (0, 1]; end_factor: in [0, 1]; total_iters: steps
    Raises:  ValueError: a factor out of its range
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, "
                f"but got {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(
                f"Ending multiplicative factor expected to be between 0 and 1, but got {end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the present ones."""
        if self.last_epoch == 0:
            factor = self.start_factor
        elif self._is_initial or self.last_epoch > self.total_iters:
            factor = 1.0
        else:
            rise = self.end_factor - self.start_factor
            factor = 1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class CosineAnnealingLR(LRScheduler):
    """Follow half a cosine from the initial rate to `eta_min` in `T_max` steps, then back, and so on.

    Args:    T_max: steps, at least 1
    Raises:  ValueError: T_max < 1; TypeError: not an integer
    Source:  Loshchilov, Hutter 2017 (arXiv 1608.03983, equation 5), in recursive form, without restarts
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = _positive_int("T_max", T_max)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the present ones."""
        groups = self.optimizer.param_groups
        if self._is_initial:
            return [group["lr"] for group in groups]
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The last rate was eta_min, which no quotient can leave: rise by the cosine's first step.
            share = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                group["lr"] + (base_lr - self.eta_min) * share
                for base_lr, group in zip(self.base_lrs, groups, strict=True)
            ]
        now = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return [now / before * (group["lr"] - self.eta_min) + self.eta_min for group in groups]


class OneCycleLR(LRScheduler):
    """Raise the rate to `max_lr`, then lower it far below where it began, momentum moving the other way.

    Step it after every batch. The rate starts at max_lr / div_factor and ends at that over final_div_factor.

    Args:    max_lr, base_momentum, max_momentum: a number, or one per parameter group
             total_steps: batches in all, or epochs and steps_per_epoch, whose product it is
             pct_start: share of the steps that the rise takes, in [0, 1]
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
        _check_optimizer(optimizer)
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, int | float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.use_beta1 = "betas" in optimizer.defaults
        max_lrs = _per_group("max_lr", max_lr, optimizer)
        max_momentums = _per_group("max_momentum", max_momentum, optimizer)
        base_momentums = _per_group("base_momentum", base_momentum, optimizer)
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
                if self.use_beta1:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
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
        return _positive_int("total_steps", total_steps, wrong_type=ValueError)
    if epochs is None or steps_per_epoch is None:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    return _positive_int("epochs", epochs, wrong_type=ValueError) * _positive_int(
        "steps_per_epoch", steps_per_epoch, wrong_type=ValueError
    )


def _positive_int(name: str, value: int, wrong_type: type[Exception] = TypeError) -> int:
    if not isinstance(value, int) or value <= 0:
        error = ValueError if isinstance(value, int) else wrong_type
        raise error(f"Expected positive integer {name}, but got {value}")
    return value


def _per_group(name: str, value: float | Sequence[float], optimizer: Optimizer) -> list[float]:
    """Return one value per parameter group."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * count  # type: ignore[list-item]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return list(value)


def _check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
