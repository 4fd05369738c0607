"""Parameter updates of the optimisers, written once for NumPy and CuPy.

Every update works in place on arrays the caller owns, keeps their dtype, reads the gradient only, and takes
its steps in the order of torch.optim's single-tensor code, so that float64 results agree to rounding.
"""

from __future__ import annotations

import math

from tinynet.backend import Array, array_module
from tinynet.kernels.registry import kernel


def _add_scaled_(target: Array, *, source: Array, scale: float, work: Array) -> None:
    """Add `scale * source` to `target`, through `work` so that nothing is allocated."""
    array_module(target).multiply(source, scale, out=work)
    target += work


def _signed_copy(grad: Array, *, like: Array, maximize: bool) -> Array:
    """Copy `grad`, negated to maximise, into an array that the update may overwrite."""
    xp = array_module(like)
    return xp.multiply(grad, -1.0 if maximize else 1.0, out=xp.empty_like(like))


@kernel
def sgd_(
    *,
    param: Array,
    grad: Array,
    momentum_buffer: Array | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    """Take one step of stochastic gradient descent, in place.

    Shapes:  param, grad, momentum_buffer (or None where momentum is 0): all alike, any shape
    Args:    lr, momentum, dampening, weight_decay: dimensionless, lr >= 0, momentum >= 0, weight_decay >= 0
             The first step of a parameter takes a zero momentum_buffer and dampening 0.
    Source:  Sutskever et al. 2013 (momentum and Nesterov momentum), in torch.optim.SGD's form:
             b = momentum * b + (1 - dampening) * g;  param -= lr * (g + momentum * b if nesterov else b)
    """
    work = array_module(param).empty_like(param)
    direction = _signed_copy(grad, like=param, maximize=maximize)
    if weight_decay != 0:
        _add_scaled_(direction, source=param, scale=weight_decay, work=work)
    if momentum_buffer is not None:
        momentum_buffer *= momentum
        _add_scaled_(momentum_buffer, source=direction, scale=1 - dampening, work=work)
        if nesterov:
            _add_scaled_(direction, source=momentum_buffer, scale=momentum, work=work)
        else:
            direction = momentum_buffer
    _add_scaled_(param, source=direction, scale=-lr, work=work)


@kernel
def adam_(
    *,
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None,
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> None:
    """Take one step of Adam, of AdamW (decoupled_weight_decay), or of their AMSGrad form, in place.

    Shapes:  param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq (None without AMSGrad): all alike, any shape
    Args:    step: number of this step, 1 for the first; lr >= 0; beta1, beta2 in [0, 1); eps >= 0;
             weight_decay >= 0
    Source:  Kingma, Ba 2015 (arXiv 1412.6980, algorithm 1, with eps outside the bias correction);
             Loshchilov, Hutter 2019 (arXiv 1711.05101, algorithm 2); Reddi, Kale, Kumar 2018 (AMSGrad)
    """
    xp = array_module(param)
    work = xp.empty_like(param)
    direction = _signed_copy(grad, like=param, maximize=maximize)
    if weight_decay != 0:
        if decoupled_weight_decay:
            param *= 1 - lr * weight_decay
        else:
            _add_scaled_(direction, source=param, scale=weight_decay, work=work)

    exp_avg_sq *= beta2
    xp.multiply(direction, direction, out=work)
    work *= 1 - beta2
    exp_avg_sq += work
    direction -= exp_avg
    _add_scaled_(exp_avg, source=direction, scale=1 - beta1, work=work)

    second_moment = exp_avg_sq
    if max_exp_avg_sq is not None:
        xp.maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
        second_moment = max_exp_avg_sq
    denominator = xp.sqrt(second_moment, out=work)
    denominator /= math.sqrt(1 - beta2**step)
    denominator += eps
    xp.divide(exp_avg, denominator, out=direction)
    direction *= lr / (1 - beta1**step)
    param -= direction
