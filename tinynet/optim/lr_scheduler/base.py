"""What every schedule shares: the count of its steps, the rates before and after them, and its state."""

from __future__ import annotations

import copy
import functools
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.optim.optimizer import Optimizer, check_number

EPOCH_WARNING = (
    "The epoch parameter in `scheduler.step()` is deprecated: call `scheduler.step()` without it. With it, the "
    "rate comes from the closed form of the schedule, where there is one, not from the present rate."
)


class LRScheduler:
    """Base of all schedules; a subclass gives `get_lr`, the rates of the groups at `last_epoch`.

    A subclass may also give `_get_closed_form_lr`, the same rates without looking at the present ones, for
    `step(epoch)`. The names of the attributes are torch's: public schedules read them.

    Args:    last_epoch: index of the last step taken, -1 to start; otherwise every group needs "initial_lr"
    State:   last_epoch, base_lrs (the rates before any schedule); each group keeps its own as "initial_lr"
    Raises:  TypeError: no Optimizer; KeyError: last_epoch is given and a group has no "initial_lr"
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
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
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """Compute the rates at `last_epoch` from the groups' present ones; for use by `step` only."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr")

    def get_last_lr(self) -> list[float]:
        """Return the rate that the latest step set, one per parameter group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Move on by one epoch (or batch) and set the groups' rates; call it after the optimiser's step.

        Args:    epoch: go there instead, by the closed form if there is one (deprecated, as in torch)
        """
        if self._step_count == 1:
            self._warn_if_too_early()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        compute = self.get_lr
        if epoch is None:
            self.last_epoch += 1
        else:
            self.last_epoch = epoch
            compute = getattr(self, "_get_closed_form_lr", compute)
        self._set_rates(compute)

    def _set_rates(self, compute: Callable[[], Sequence[float]]) -> None:
        self._get_lr_called_within_step = True
        try:
            rates = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = self._present_rates()

    def _present_rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _scaled_rates(self, factor: float) -> list[float]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        """Warn whoever calls `get_lr` to see the rate: it computes the next one."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _warn_if_too_early(self) -> None:
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization: "
                "whether it was called before `lr_scheduler.step()`, as it must be, cannot be seen.",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the "
                "schedule is skipped. Call `optimizer.step()` first.",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the optimiser: numbers, strings, lists and dictionaries of them."""
        return {key: copied(value) for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict`, also torch's, saved; the rates are in the optimiser's state."""
        vars(self).update(copied(state_dict))


class _LRScheduler(LRScheduler):
    """The base under the name it had before torch 2, for schedules written then."""


def _note_steps(optimizer: Optimizer) -> None:
    """Make `optimizer.step` note that it was called, for the warning of a schedule that is ahead of it."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    function = optimizer.step.__func__  # type: ignore[attr-defined]
    owner = weakref.ref(optimizer)  # a strong reference would keep the parameters alive until a collection

    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        optimizer: Any = owner()
        optimizer._opt_called = True
        return function(optimizer, *args, **kwargs)

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = step  # type: ignore[method-assign]


def check_optimizer(optimizer: Any) -> None:
    """Raise TypeError unless it is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def positive_int(name: str, value: Any) -> int:
    """Return `value`, or raise ValueError unless it is an int above 0."""
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def check_period(name: str, value: Any) -> None:
    """Raise unless `value` is a number above 0.

    Raises:  TypeError: no number; ValueError: not above 0
    """
    check_number(name, value, minimum=0)
    if value == 0:
        raise ValueError(f"Invalid {name}: {value}")


def per_group(name: str, value: float | Sequence[float], optimizer: Optimizer) -> list[float]:
    """Return one value per parameter group, or raise ValueError for a list of another length."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * count  # type: ignore[list-item]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return list(value)


def copied(value: Any) -> Any:
    """Copy lists and dictionaries, all the way down; what a user's schedule refers to besides stays itself."""
    if isinstance(value, dict):
        fresh = copy.copy(value)
        for key, item in value.items():
            fresh[key] = copied(item)
        return fresh
    if type(value) in (list, tuple):
        return type(value)(copied(item) for item in value)
    return value


def state_of_function(function: Any) -> dict[str, Any] | None:
    """Return the attributes of a callable object, None for a plain function, which cannot be saved."""
    if isinstance(function, types.FunctionType) or not hasattr(function, "__dict__"):
        return None
    return copied(dict(vars(function)))
