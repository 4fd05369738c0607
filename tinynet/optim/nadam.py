"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_betas, check_number, counter, zeros_like
from tinynet.tensor import Tensor


class NAdam(Optimizer):
    """Scale steps as Adam does, along the average of the gradient as it will be one step later.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options
             lr >= 0; betas: decay of the averages of gradient and square per step, in [0, 1); eps >= 0: added
             to the divisor; weight_decay >= 0: factor of the L2 penalty's gradient
             momentum_decay >= 0: how fast the momentum rises from betas[0] / 2 to betas[0]
             decoupled_weight_decay: shrink the parameter instead of adding to its gradient, as AdamW
             maximize: ascend instead
             foreach, capturable, differentiable: torch's switches, refused unless left off
    State:   step, mu_product: the product of the momenta so far (both float32 on the host, as torch's);
             exp_avg, exp_avg_sq
    Raises:  ValueError: an option out of its range, or an empty or repeated parameter
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Dozat 2016 (Incorporating Nesterov Momentum into Adam); Loshchilov, Hutter 2019 (arXiv 1711.05101)
    """

    buffers = ("step", "mu_product", "exp_avg", "exp_avg_sq")
    counters = ("step", "mu_product")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
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
        check_number("momentum_decay value", options["momentum_decay"], minimum=0)

    def update(self, param: Tensor, grad: Tensor, *, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Take one step with one parameter."""
        if not state:
            state["step"] = counter(0)
            state["mu_product"] = counter(1)
            state["exp_avg"] = zeros_like(param)
            state["exp_avg_sq"] = zeros_like(param)
        state["step"].array += 1
        step = state["step"].item()
        beta1, beta2 = group["betas"]
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (i * group["momentum_decay"])) for i in (step, step + 1))
        state["mu_product"].array *= mu
        kernels.nadam_(
            param=param.array,
            grad=grad.array,
            exp_avg=state["exp_avg"].array,
            exp_avg_sq=state["exp_avg_sq"].array,
            step=step,
            mu=mu,
            mu_next=mu_next,
            mu_product=state["mu_product"].item(),
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            decoupled_weight_decay=group["decoupled_weight_decay"],
            maximize=group["maximize"],
        )
