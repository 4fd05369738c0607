"""Build optimiser and schedule from a configuration.

tinynet's optimisers and schedules have torch's names and arguments, so one function serves both frameworks:
`optim` is `tinynet.optim` or `torch.optim`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError
from tinynet.training.state import decode, encode, join_state, split_state

PER_STEP = ("onecycle", "linear")
"""Schedules that move at every step; the others move at the end of an epoch."""


def build_optimizer(config: TrainConfig, parameters: Any, optim: Any) -> Any:
    """Return the optimiser that `config` names, over `parameters`, with torch's defaults for the rest."""
    if config.optimizer == "sgd":
        return optim.SGD(
            parameters,
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
        )
    rule = {"adam": optim.Adam, "adamw": optim.AdamW}[config.optimizer]
    return rule(parameters, lr=config.lr, weight_decay=config.weight_decay)


def build_scheduler(
    config: TrainConfig, optimizer: Any, lr_scheduler: Any, steps_per_epoch: int
) -> Any | None:
    """Return the schedule that `config` names, or None for a constant rate.

    Args:    lr_scheduler: `tinynet.optim.lr_scheduler` or `torch.optim.lr_scheduler`
    Raises:  ConfigError: too few steps for onecycle
    Source:  onecycle: Smith and Topin 2018, arXiv 1708.07120
             cosine: Loshchilov and Hutter 2017, arXiv 1608.03983
    """
    steps = config.epochs * steps_per_epoch
    match config.schedule:
        case "constant":
            return None
        case "step":
            return lr_scheduler.StepLR(optimizer, config.step_size, gamma=config.gamma)
        case "multistep":
            return lr_scheduler.MultiStepLR(optimizer, list(config.milestones), gamma=config.gamma)
        case "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)
        case "linear":
            # The last step of the run still learns: the line would reach zero one step later.
            return lr_scheduler.LinearLR(
                optimizer, start_factor=1.0, end_factor=1.0 / (steps + 1), total_iters=steps
            )
        case "onecycle":
            if steps * config.warmup <= 1:
                raise ConfigError(
                    f"--schedule onecycle: {steps} steps leave none for --warmup {config.warmup}; "
                    "take more --epochs, a smaller --batch-size, or --schedule constant"
                )
            # Momentum stays as it is: cycling it would need SGD, and would hide what --momentum says.
            return lr_scheduler.OneCycleLR(
                optimizer, config.lr, total_steps=steps, pct_start=config.warmup, cycle_momentum=False
            )
    raise AssertionError(config.schedule)


class ScheduledOptimizer:
    """An optimiser and its schedule, of tinynet or of torch: their interfaces are the same.

    Args:    package, schedules: `tinynet.optim` or `torch.optim`, and its `lr_scheduler`
    """

    def __init__(
        self, config: TrainConfig, parameters: Any, package: Any, schedules: Any, steps_per_epoch: int
    ) -> None:
        self._optimizer = build_optimizer(config, parameters, package)
        self._scheduler = build_scheduler(config, self._optimizer, schedules, steps_per_epoch)
        self._per_step = config.schedule in PER_STEP

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._optimizer.zero_grad()

    def step(self) -> None:
        """Update the parameters, and a schedule that counts steps."""
        self._optimizer.step()
        if self._scheduler is not None and self._per_step:
            self._scheduler.step()

    def end_epoch(self) -> None:
        """Update a schedule that counts epochs."""
        if self._scheduler is not None and not self._per_step:
            self._scheduler.step()

    def learning_rate(self) -> float:
        """Return the learning rate that the next step will use."""
        return float(self._optimizer.param_groups[0]["lr"])

    def state(
        self, to_host: Callable[[Any], np.ndarray | None]
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the optimiser's arrays, and what JSON can hold of optimiser and schedule.

        Args:    to_host: copies a tensor to the host, and returns None for anything else
        """
        arrays, rest = split_state(self._optimizer.state_dict(), to_host)
        schedule = None if self._scheduler is None else self._scheduler.state_dict()
        return arrays, encode({"optimizer": rest, "schedule": schedule})

    def load_state(
        self, arrays: dict[str, np.ndarray], state: dict[str, Any], tensor: Callable[[np.ndarray], Any]
    ) -> None:
        """Restore what `state` returned, bit for bit; `tensor` makes a tensor of an array."""
        state = decode(state)
        self._optimizer.load_state_dict(join_state(arrays, state["optimizer"], tensor))
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state["schedule"])
