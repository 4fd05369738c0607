"""Parameter updates of the optimisers, written once for NumPy and CuPy.

Every update works in place on arrays the caller owns, keeps their dtype, reads the gradient only, and takes
its steps in the order of torch.optim's single-tensor code, so that float64 results agree to rounding. Half
precision is computed in float32 and rounded once, where it is stored.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from tinynet.backend import Array, array_module, is_array, sum_dtype
from tinynet.kernels.registry import kernel


def _half_in_float32(update: Callable[..., None]) -> Callable[..., None]:
    """Run an update of half-precision arrays on float32 copies, then round what it changed.

    The square of a half above 256 overflows, and one of 0.0001 is zero, long before the average of such
    squares leaves the range that half precision can hold.
    """

    @functools.wraps(update)
    def run(**arguments: Any) -> None:
        dtype = arguments["param"].dtype
        if sum_dtype(dtype) == dtype:
            update(**arguments)
            return
        arrays = {name: value for name, value in arguments.items() if is_array(value)}
        wide = {name: value.astype(sum_dtype(dtype)) for name, value in arrays.items()}
        update(**{**arguments, **wide})
        for name in arrays.keys() - {"grad"}:
            arrays[name][...] = wide[name]

    return run


def _add_scaled_(target: Array, *, source: Array, scale: float, work: Array) -> None:
    """Add `scale * source` to `target`, through `work` so that nothing is allocated."""
    array_module(target).multiply(source, scale, out=work)
    target += work


def _average_(average: Array, *, value: Array, keep: float, work: Array) -> None:
    """Take `value` into a running average that keeps the share `keep` of what it was, through `work`."""
    average *= keep
    _add_scaled_(average, source=value, scale=1 - keep, work=work)


def _average_square_(average: Array, *, value: Array, keep: float, work: Array) -> None:
    """Take the square of `value` into a running average, through `work`."""
    average *= keep
    array_module(average).multiply(value, value, out=work)
    work *= 1 - keep
    average += work


def _signed_copy(grad: Array, *, like: Array, maximize: bool) -> Array:
    """Copy `grad`, negated to maximise, into an array that the update may overwrite."""
    xp = array_module(like)
    return xp.multiply(grad, -1.0 if maximize else 1.0, out=xp.empty_like(like))


@kernel
@_half_in_float32
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
def sgd_all_(
    *,
    params: list[Array],
    grads: list[Array],
    momentum_buffers: list[Array] | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    """Take a step of `sgd_` with each of several parameters."""
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        sgd_(
            param=param,
            grad=grad,
            momentum_buffer=None if momentum_buffers is None else momentum_buffers[i],
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )


@kernel
@_half_in_float32
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

    _average_square_(exp_avg_sq, value=direction, keep=beta2, work=work)
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


@kernel
def adam_all_(
    *,
    params: list[Array],
    grads: list[Array],
    exp_avgs: list[Array],
    exp_avg_sqs: list[Array],
    max_exp_avg_sqs: list[Array] | None,
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> None:
    """Take a step of `adam_`, of that number, with each of several parameters."""
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        adam_(
            param=param,
            grad=grad,
            exp_avg=exp_avgs[i],
            exp_avg_sq=exp_avg_sqs[i],
            max_exp_avg_sq=None if max_exp_avg_sqs is None else max_exp_avg_sqs[i],
            step=step,
            lr=lr,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )


@kernel
@_half_in_float32
def nadam_(
    *,
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    step: float,
    mu: float,
    mu_next: float,
    mu_product: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> None:
    """Take one step of NAdam, in place.

    Shapes:  param, grad, exp_avg, exp_avg_sq: all alike, any shape
    Args:    step: number of this step, 1 for the first; mu, mu_next: momentum of this step and of the next,
             in [0, 1); mu_product: product of the momenta up to this step's; lr >= 0; beta1, beta2 in [0, 1);
             eps >= 0; weight_decay >= 0
    Source:  Dozat 2016 (Incorporating Nesterov Momentum into Adam), in torch.optim.NAdam's form
    """
    xp = array_module(param)
    work = xp.empty_like(param)
    direction = _signed_copy(grad, like=param, maximize=maximize)
    if weight_decay != 0:
        if decoupled_weight_decay:
            param *= 1 - lr * weight_decay
        else:
            _add_scaled_(direction, source=param, scale=weight_decay, work=work)
    _average_(exp_avg, value=direction, keep=beta1, work=work)
    _average_square_(exp_avg_sq, value=direction, keep=beta2, work=work)
    direction *= lr * (1 - mu) / (1 - mu_product)
    _add_scaled_(direction, source=exp_avg, scale=lr * mu_next / (1 - mu_product * mu_next), work=work)
    denominator = xp.divide(exp_avg_sq, 1 - beta2**step, out=work)
    xp.sqrt(denominator, out=denominator)
    denominator += eps
    direction /= denominator
    param -= direction


@kernel
@_half_in_float32
def rmsprop_(
    *,
    param: Array,
    grad: Array,
    square_avg: Array,
    grad_avg: Array | None,
    momentum_buffer: Array | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """Take one step of RMSprop, centered if there is a `grad_avg`, in place.

    Shapes:  param, grad, square_avg, grad_avg (or None), momentum_buffer (None where momentum is 0): all
             alike, any shape
    Args:    lr >= 0; alpha >= 0: share that the averages keep; eps >= 0; weight_decay >= 0; momentum >= 0
    Source:  Tieleman, Hinton 2012 (Lecture 6.5, rmsprop); Graves 2013 (arXiv 1308.0850: centered),
             with eps outside the root as in torch.optim.RMSprop
    """
    xp = array_module(param)
    work = xp.empty_like(param)
    direction = _signed_copy(grad, like=param, maximize=maximize)
    if weight_decay != 0:
        _add_scaled_(direction, source=param, scale=weight_decay, work=work)
    _average_square_(square_avg, value=direction, keep=alpha, work=work)
    if grad_avg is None:
        denominator = xp.sqrt(square_avg, out=work)
    else:
        _average_(grad_avg, value=direction, keep=alpha, work=work)
        variance = xp.multiply(grad_avg, -1.0, out=work)
        variance *= grad_avg
        variance += square_avg
        denominator = xp.sqrt(variance, out=work)
    denominator += eps
    direction /= denominator
    if momentum_buffer is not None:
        momentum_buffer *= momentum
        momentum_buffer += direction
        direction = momentum_buffer
    _add_scaled_(param, source=direction, scale=-lr, work=work)


@kernel
@_half_in_float32
def adagrad_(
    *,
    param: Array,
    grad: Array,
    square_sum: Array,
    step: float,
    lr: float,
    lr_decay: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """Take one step of Adagrad, in place.

    Shapes:  param, grad, square_sum (of all gradients): all alike, any shape
    Args:    step: number of this step, 1 for the first; lr >= 0; lr_decay >= 0; eps >= 0; weight_decay >= 0
    Source:  Duchi, Hazan, Singer 2011 (JMLR 12, with diagonal matrices), in torch.optim.Adagrad's form
    """
    xp = array_module(param)
    work = xp.empty_like(param)
    direction = _signed_copy(grad, like=param, maximize=maximize)
    if weight_decay != 0:
        _add_scaled_(direction, source=param, scale=weight_decay, work=work)
    square_sum += xp.multiply(direction, direction, out=work)
    denominator = xp.sqrt(square_sum, out=work)
    denominator += eps
    direction /= denominator
    _add_scaled_(param, source=direction, scale=-lr / (1 + (step - 1) * lr_decay), work=work)


@kernel
@_half_in_float32
def muon_(
    *,
    param: Array,
    grad: Array,
    momentum_buffer: Array,
    lr: float,
    adjusted_lr: float,
    weight_decay: float,
    momentum: float,
    nesterov: bool,
    ns_coefficients: tuple[float, float, float],
    ns_steps: int,
    eps: float,
) -> None:
    """Take one step of Muon, in place.

    Shapes:  param, grad, momentum_buffer: (M, N), all alike
    Args:    lr >= 0: of the weight decay; adjusted_lr >= 0: of the update; weight_decay >= 0; momentum >= 0
             ns_coefficients, ns_steps, eps: see `_orthogonalized`
    Source:  Jordan et al. 2024 (Muon: an optimizer for hidden layers in neural networks); weight decay:
             Liu et al. 2025 (arXiv 2502.16982); the average of gradients is torch.optim.Muon's
    """
    work = array_module(param).empty_like(param)
    _average_(momentum_buffer, value=grad, keep=momentum, work=work)
    direction = momentum_buffer
    if nesterov:
        direction = _signed_copy(grad, like=param, maximize=False)
        _average_(direction, value=momentum_buffer, keep=1 - momentum, work=work)
    param *= 1 - lr * weight_decay
    update = _orthogonalized(direction, coefficients=ns_coefficients, steps=ns_steps, eps=eps)
    _add_scaled_(param, source=update, scale=-adjusted_lr, work=work)


def _orthogonalized(x: Array, *, coefficients: tuple[float, float, float], steps: int, eps: float) -> Array:
    """Push the singular values of a matrix towards 1, by Newton and Schulz's iteration.

    Shapes:  x (M, N); returns (M, N)
    Args:    coefficients: a, b, c of the polynomial a*s + b*s**3 + c*s**5 that each of the `steps` applies to
             every singular value; eps: least norm that x, made a matrix of Frobenius norm 1, is divided by
    """
    a, b, c = (float(coefficient) for coefficient in coefficients)  # a float64 of NumPy would widen float32
    xp = array_module(x)
    is_tall = x.shape[0] > x.shape[1]
    y = x.T if is_tall else x
    y = y / xp.maximum(xp.sqrt((y * y).sum()), float(eps))
    for _ in range(steps):
        gram = y @ y.T
        y = a * y + (b * gram + c * (gram @ gram)) @ y
    return y.T if is_tall else y
