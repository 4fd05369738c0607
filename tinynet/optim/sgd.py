"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_number, zeros_like
from tinynet.tensor import Tensor


class SGD(Optimizer):
    """Descend along the gradient, or along its running sum (momentum), optionally Nesterov's.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options
             lr >= 0; momentum >= 0; dampening: share of the gradient kept out of the momentum buffer;
             weight_decay >= 0: factor of the L2 penalty's gradient; nesterov needs momentum > 0, dampening 0;
             maximize: ascend instead
             foreach, differentiable, fused: torch's switches, refused unless left off
    State:   momentum_buffer, shaped like the parameter
    Raises:  ValueError: an option out of its range, or an empty or repeated parameter
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Sutskever, Martens, Dahl, Hinton 2013, in torch.optim.SGD's form (the rate multiplies the buffer)
    """

    buffers = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        self.check_options(defaults)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, defaults)

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option out of its range."""
        super().check_options(options)
        check_number("learning rate", options["lr"], minimum=0)
        check_number("momentum value", options["momentum"], minimum=0)
        check_number("dampening value", options["dampening"])
        check_number("weight_decay value", options["weight_decay"], minimum=0)

    def update_all(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Take one step with parameters that have gradients."""
        if group["momentum"] == 0:
            _step(params, None, group, group["dampening"])
            return
        new: tuple[list[Tensor], list[Any]] = [], []
        known: tuple[list[Tensor], list[Any]] = [], []
        for param in params:
            state = self.state[param]
            buffer, (members, buffers) = state.get("momentum_buffer"), known
            if buffer is None:
                buffer = state["momentum_buffer"] = zeros_like(param)
                members, buffers = new
            members.append(param)
            buffers.append(buffer.array)
        # torch starts the buffer with the whole gradient, however much later ones are dampened.
        _step(*new, group, 0)
        _step(*known, group, group["dampening"])


def _step(params: list[Tensor], buffers: list[Any] | None, group: dict[str, Any], dampening: float) -> None:
    if params:
        kernels.sgd_all_(
            params=[param.array for param in params],
            grads=[grad.array for param in params if (grad := param.grad) is not None],
            momentum_buffers=buffers,
            lr=group["lr"],
            momentum=group["momentum"],
            dampening=dampening,
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
        )
