"""RMSprop, plain and centered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_number, counter, zeros_like
from tinynet.tensor import Tensor


class RMSprop(Optimizer):
    """Divide each coordinate's gradient by the root of a running average of its square.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options
             lr >= 0; alpha >= 0: decay of the averages per step; eps >= 0: added to the root
             weight_decay >= 0: factor of the L2 penalty's gradient; momentum >= 0: decay of the running sum of
             steps; centered: divide by the root of an estimate of the gradient's variance, which rounding can
             make negative, and the parameter then NaN, as in torch; maximize: ascend instead
             capturable, foreach, differentiable: torch's switches, refused unless left off
    State:   step (float32 on the host, as torch's), square_avg, with momentum momentum_buffer, with centered
             grad_avg
    Raises:  ValueError: an option out of its range, or an empty or repeated parameter
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Tieleman, Hinton 2012 (Lecture 6.5, rmsprop); Graves 2013 (arXiv 1308.0850: centered)
    """

    buffers = ("step", "square_avg", "momentum_buffer", "grad_avg")
    counters = ("step",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        self.check_options(defaults)
        super().__init__(params, defaults)

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option out of its range."""
        super().check_options(options)
        check_number("learning rate", options["lr"], minimum=0)
        check_number("epsilon value", options["eps"], minimum=0)
        check_number("momentum value", options["momentum"], minimum=0)
        check_number("weight_decay value", options["weight_decay"], minimum=0)
        check_number("alpha value", options["alpha"], minimum=0)

    def update(self, param: Tensor, grad: Tensor, *, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Take one step with one parameter."""
        if not state:
            state["step"] = counter(0)
            state["square_avg"] = zeros_like(param)
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros_like(param)
            if group["centered"]:
                state["grad_avg"] = zeros_like(param)
        state["step"].array += 1
        kernels.rmsprop_(
            param=param.array,
            grad=grad.array,
            square_avg=state["square_avg"].array,
            grad_avg=state["grad_avg"].array if group["centered"] else None,
            momentum_buffer=state["momentum_buffer"].array if group["momentum"] > 0 else None,
            lr=group["lr"],
            alpha=group["alpha"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            maximize=group["maximize"],
        )
