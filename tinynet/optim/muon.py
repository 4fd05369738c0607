"""Muon: momentum, orthogonalised, for matrices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tinynet.kernels.generic import optim as kernels
from tinynet.optim.optimizer import Optimizer, check_number, zeros_like
from tinynet.tensor import Tensor


class Muon(Optimizer):
    """Step along the average of the gradients with its singular values pushed towards 1; for matrices only.

    Differs from torch: torch rounds the iteration to bfloat16, 8 bits, which NumPy lacks; this iterates in the
    parameter's dtype (float32 for half precision), and everything else is torch's. So a step differs by the
    adjusted rate times what bfloat16 does to the update: with the default coefficients 1 to 5 % of its norm,
    less for larger matrices. A torch that does not round takes the same steps, to rounding.

    Args:    params: Tensors, (name, Tensor) pairs, or dictionaries with "params" and a group's own options;
             all 2-D, other parameters need another optimiser
             lr >= 0; weight_decay >= 0: the parameter shrinks by lr * weight_decay a step; momentum >= 0: share
             that the average of gradients keeps; nesterov: mix the gradient in once more
             ns_coefficients: a, b, c of the polynomial a*s + b*s**3 + c*s**5, applied to each singular value s
             ns_steps times, 0 to 99; eps >= 0: least divisor in the normalisation before
             adjust_lr_fn: scales the update of an (M, N) matrix by sqrt(max(1, M / N)) ("original", None) or
             0.2 * sqrt(max(M, N)) ("match_rms_adamw")
    State:   momentum_buffer, shaped like the parameter
    Raises:  ValueError: an option out of its range, a parameter that is not 2-D, empty or repeated
             TypeError: lr given as a Tensor; params that are no Tensors
    Source:  Jordan et al. 2024 (Muon: an optimizer for hidden layers in neural networks,
             kellerjordan.github.io/posts/muon); Liu et al. 2025 (arXiv 2502.16982: weight decay, match_rms_adamw)
    """

    buffers = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        self.check_options(defaults)
        super().__init__(params, defaults)

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option out of its range, and for a parameter that is no matrix."""
        super().check_options(options)
        check_number("learning rate", options["lr"], minimum=0)
        check_number("weight_decay value", options["weight_decay"], minimum=0)
        check_number("momentum value", options["momentum"], minimum=0)
        check_number("epsilon value", options["eps"], minimum=0)
        if len(options["ns_coefficients"]) != 3:
            raise ValueError(
                f"Invalid ns_coefficients: expected three numbers, but got {options['ns_coefficients']}"
            )
        for i, coefficient in enumerate(options["ns_coefficients"]):
            check_number(f"ns_coefficients at index {i}", coefficient)
        if not isinstance(options["ns_steps"], int):
            raise TypeError(f"Invalid ns_steps value: expected an int, but got {options['ns_steps']!r}")
        check_number("ns_steps value", options["ns_steps"], minimum=0, below=100)
        if options["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {options['adjust_lr_fn']} is not supported")
        for param in options.get("params", ()):
            if param.ndim != 2:
                raise ValueError(
                    f"Muon only supports 2D parameters, but one has the shape {tuple(param.shape)}"
                )

    def update(self, param: Tensor, grad: Tensor, *, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Take one step with one parameter."""
        if not state:
            state["momentum_buffer"] = zeros_like(param)
        rows, columns = param.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            ratio = 0.2 * math.sqrt(max(rows, columns))
        else:
            # A matrix without columns has no element to update.
            ratio = math.sqrt(max(1, rows / max(columns, 1)))
        kernels.muon_(
            param=param.array,
            grad=grad.array,
            momentum_buffer=state["momentum_buffer"].array,
            lr=group["lr"],
            adjusted_lr=group["lr"] * ratio,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            nesterov=group["nesterov"],
            ns_coefficients=group["ns_coefficients"],
            ns_steps=group["ns_steps"],
            eps=group["eps"],
        )
