"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_betas, check_number, counter, zeros_like
from tinynet.tensor import Tensor


class Adam(Optimizer):
    """Scale each coordinate's step by running averages of its gradient and of the gradient's square.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options
             lr >= 0; betas: decay of the two averages per step, in [0, 1); eps >= 0: added to the divisor
             weight_decay >= 0: factor of the L2 penalty's gradient
             amsgrad: divide by the largest average so far; maximize: ascend instead
             decoupled_weight_decay: shrink the parameter instead of adding to its gradient (AdamW)
             foreach, capturable, differentiable, fused: torch's switches, refused unless left off
    State:   step (float32 on the host, as torch's), exp_avg, exp_avg_sq, with amsgrad max_exp_avg_sq
    Raises:  ValueError: an option out of its range, or an empty or repeated parameter
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Kingma, Ba 2015 (arXiv 1412.6980); Reddi, Kale, Kumar 2018 (AMSGrad)
    """

    buffers = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    counters = ("step",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        self.check_options(defaults)
        super().__init__(params, defaults)

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option out of its range."""
        super().check_options(options)
        check_number("learning rate", options["lr"], minimum=0)
        check_number("epsilon value", options["eps"], minimum=0)
        check_betas(options["betas"])
        check_number("weight_decay value", options["weight_decay"], minimum=0)

    def update_all(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Take one step with parameters that have gradients: together those that have taken as many."""
        together: dict[float, list[Tensor]] = {}
        for param in params:
            state = self.state[param]
            if not state:
                state["step"] = counter(0)
                state["exp_avg"] = zeros_like(param)
                state["exp_avg_sq"] = zeros_like(param)
                if group["amsgrad"]:
                    state["max_exp_avg_sq"] = zeros_like(param)
            state["step"].array += 1
            together.setdefault(state["step"].item(), []).append(param)
        for step, members in together.items():
            self._step(members, step, group)

    def _step(self, params: list[Tensor], step: float, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        states = [self.state[param] for param in params]
        kernels.adam_all_(
            params=[param.array for param in params],
            grads=[param.grad.array for param in params if param.grad is not None],
            exp_avgs=[state["exp_avg"].array for state in states],
            exp_avg_sqs=[state["exp_avg_sq"].array for state in states],
            max_exp_avg_sqs=[state["max_exp_avg_sq"].array for state in states] if group["amsgrad"] else None,
            step=step,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled_weight_decay=group["decoupled_weight_decay"],
            maximize=group["maximize"],
        )


class AdamW(Adam):
    """Adam that shrinks the parameter by lr * weight_decay a step instead of adding a penalty's gradient.

    Args:    as Adam, with weight_decay 0.01 by default
    Source:  Loshchilov, Hutter 2019 (arXiv 1711.05101, algorithm 2)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and buffers, also from an Adam that was not decoupled."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
