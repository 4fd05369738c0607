"""Build optimisers and schedules from a configuration.

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


def hidden_weights(parameters: list[Any]) -> list[Any]:
    """Return the weights of hidden layers, which Muon is for: all but the first and the last of two axes and more.

    Raises:  ConfigError: there are none
    """
    weights = [parameter for parameter in parameters if parameter.ndim >= 2][1:-1]
    if not weights:
        raise ConfigError("--optimizer muon: this model has no hidden weights; take another --optimizer")
    return weights


class _Matrices:
    """Weights as the matrices that Muon takes, outputs by everything else: views, made anew for every step."""

    def __init__(self, weights: list[Any]) -> None:
        self._weights = weights
        self.matrices = [_flat(weight, weight) for weight in weights]
        for matrix in self.matrices:
            matrix.requires_grad_()

    def take_gradients(self) -> None:
        """Give the matrices the values of the weights, wherever these lie now, and their gradients."""
        for weight, matrix in zip(self._weights, self.matrices, strict=True):
            matrix.data = _flat(weight, weight)
            assert matrix.data_ptr() == weight.data_ptr(), "an update of a copy would be lost"
            matrix.grad = None if weight.grad is None else _flat(weight.grad, weight)

    def zero_grad(self) -> None:
        """Forget the gradients of the weights."""
        for weight in self._weights:
            weight.grad = None


def _flat(tensor: Any, weight: Any) -> Any:
    """Return a tensor shaped as the weight as a matrix, its columns in the order in which the weight lies in memory."""
    tensor = tensor.detach()
    return (tensor if weight.is_contiguous() else tensor.permute(0, 2, 3, 1)).flatten(1)


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
                optimizer,
                optimizer.param_groups[0]["lr"],
                total_steps=steps,
                pct_start=config.warmup,
                cycle_momentum=False,
            )
    raise AssertionError(config.schedule)


class ScheduledOptimizer:
    """The optimiser of a run and its schedule, of tinynet or of torch: their interfaces are the same.

    With "muon" two, each with a schedule: Muon for the hidden weights (Jordan et al. 2024), SGD with Nesterov's
    momentum for the rest.

    Args:    parameters: of the whole model; those without `requires_grad` are left alone
             package, schedules: `tinynet.optim` or `torch.optim`, and its `lr_scheduler`
    """

    def __init__(
        self, config: TrainConfig, parameters: Any, package: Any, schedules: Any, steps_per_epoch: int
    ) -> None:
        self._matrices: _Matrices | None = None
        parameters = list(parameters)
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        if config.optimizer == "muon":
            hidden = [weight for weight in hidden_weights(parameters) if weight.requires_grad]
            if not hidden:
                raise ConfigError(
                    f"--optimizer muon: no layer of --train-only {' '.join(config.train_only)} is hidden; take another "
                    "--optimizer"
                )
            rest = [parameter for parameter in trained if all(parameter is not weight for weight in hidden)]
            self._matrices = _Matrices(hidden)
            muon = package.Muon(self._matrices.matrices, lr=config.lr, weight_decay=config.weight_decay)
            sgd = package.SGD(
                rest,
                lr=config.sgd_lr,
                momentum=config.momentum,
                nesterov=config.momentum > 0,
                weight_decay=config.sgd_weight_decay,
            )
            self._optimizers = [muon, sgd]
        else:
            self._optimizers = [build_optimizer(config, trained, package)]
        self._schedulers = [
            build_scheduler(config, optimizer, schedules, steps_per_epoch) for optimizer in self._optimizers
        ]
        self._per_step = config.schedule in PER_STEP

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        if self._matrices is not None:
            self._matrices.zero_grad()

    def step(self) -> None:
        """Update the parameters, and a schedule that counts steps."""
        if self._matrices is not None:
            self._matrices.take_gradients()
        for optimizer in self._optimizers:
            optimizer.step()
        if self._per_step:
            self._step_schedules()

    def end_epoch(self) -> None:
        """Update a schedule that counts epochs."""
        if not self._per_step:
            self._step_schedules()

    def _step_schedules(self) -> None:
        for scheduler in self._schedulers:
            if scheduler is not None:
                scheduler.step()

    def learning_rate(self) -> float:
        """Return the learning rate that the next step will use, with "muon" that of the hidden weights."""
        return float(self._optimizers[0].param_groups[0]["lr"])

    def state(
        self, to_host: Callable[[Any], np.ndarray | None]
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the optimiser's arrays, and what JSON can hold of optimiser and schedule.

        Args:    to_host: copies a tensor to the host, and returns None for anything else
        """
        arrays: dict[str, np.ndarray] = {}
        states = []
        for optimizer, scheduler, prefix in zip(self._optimizers, self._schedulers, _PREFIXES, strict=False):
            found, rest = split_state(optimizer.state_dict(), to_host)
            arrays |= {prefix + name: array for name, array in found.items()}
            schedule = None if scheduler is None else scheduler.state_dict()
            states.append({"optimizer": rest, "schedule": schedule})
        first, *others = states
        return arrays, encode({**first, "rest": others[0]} if others else first)

    def load_state(
        self, arrays: dict[str, np.ndarray], state: dict[str, Any], tensor: Callable[[np.ndarray], Any]
    ) -> None:
        """Restore what `state` returned, bit for bit; `tensor` makes a tensor of an array."""
        state = decode(state)
        split: tuple[dict[str, np.ndarray], ...] = ({}, {})
        for name, array in arrays.items():
            rest = name.startswith(_PREFIXES[1])
            split[rest][name.removeprefix(_PREFIXES[1])] = array
        states: tuple[Any, ...] = (state, state.get("rest"))
        for optimizer, scheduler, part, own in zip(
            self._optimizers, self._schedulers, states, split, strict=False
        ):
            optimizer.load_state_dict(join_state(own, part["optimizer"], tensor))
            if scheduler is not None:
                scheduler.load_state_dict(part["schedule"])


_PREFIXES = ("", "rest.")
"""Of the names of the arrays of the first optimiser, and of that for the rest."""
