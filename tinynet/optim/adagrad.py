"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_number, counter, zeros_like
from tinynet.tensor import Tensor


class Adagrad(Optimizer):
    """Divide each coordinate's gradient by the root of the sum of all its squares so far.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options
             lr >= 0; lr_decay >= 0: step t learns at lr / (1 + (t - 1) * lr_decay)
             weight_decay >= 0: factor of the L2 penalty's gradient
             initial_accumulator_value >= 0: what the sums start from, in every group; eps >= 0: added to the root
             maximize: ascend instead
             foreach, differentiable, fused: torch's switches, refused unless left off
    State:   step (float32 on the host, as torch's), sum; both from the start, before any step
    Raises:  ValueError: an option out of its range, or an empty or repeated parameter
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Duchi, Hazan, Singer 2011 (JMLR 12: Adaptive Subgradient Methods)
    """

    buffers = ("step", "sum")
    counters = ("step",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        self.check_options(defaults)
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self._start(param, self.state[param])

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option out of its range."""
        super().check_options(options)
        check_number("learning rate", options["lr"], minimum=0)
        check_number("lr_decay value", options["lr_decay"], minimum=0)
        check_number("weight_decay value", options["weight_decay"], minimum=0)
        check_number("initial_accumulator_value value", options["initial_accumulator_value"], minimum=0)
        check_number("epsilon value", options["eps"], minimum=0)

    def _start(self, param: Tensor, state: dict[str, Any]) -> None:
        state["step"] = counter(0)
        state["sum"] = zeros_like(param)
        state["sum"].array += self.defaults["initial_accumulator_value"]

    def update(self, param: Tensor, grad: Tensor, *, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Take one step with one parameter."""
        if not state:
            self._start(param, state)
        state["step"].array += 1
        kernels.adagrad_(
            param=param.array,
            grad=grad.array,
            square_sum=state["sum"].array,
            step=state["step"].item(),
            lr=group["lr"],
            lr_decay=group["lr_decay"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            maximize=group["maximize"],
        )
