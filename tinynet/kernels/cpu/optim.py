"""Parameter updates in float32 by compiled kernels (codegen/optim.py): one pass over memory.

Measured: `python -m benchmarks.kernels`
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from tinynet.backend import Array
from tinynet.kernels.cpu.available import LEAST, all_float32, has_compiler
from tinynet.kernels.generic import optim as generic
from tinynet.kernels.registry import accelerates


def _covered(params: list[Array], grads: list[Array], *buffers: list[Array] | None) -> bool:
    """Return whether there is enough to update, and parameter and buffers lie alike in memory, without gaps."""
    changed = [params, *(kind for kind in buffers if kind is not None)]
    return (
        has_compiler()
        and all_float32(itertools.chain(grads, *changed))
        and sum([param.size for param in params]) >= LEAST
        and (_are_contiguous(changed) or all(map(_alike, zip(*changed, strict=True))))
    )


def _are_contiguous(kinds: Iterable[Iterable[Array]]) -> bool:
    """Return whether all arrays have their elements in the order of their axes, without gaps."""
    for arrays in kinds:
        for array in arrays:  # all() of a generator takes twice as long
            if not array.flags.c_contiguous:
                return False
    return True


def _alike(arrays: tuple[Array, ...]) -> bool:
    """Return whether arrays of one shape have their elements in the same order, without gaps."""
    if _are_contiguous((arrays,)):
        return True
    strides, *others = ([s for s, n in zip(a.strides, a.shape, strict=True) if n > 1] for a in arrays)
    step = arrays[0].itemsize
    for stride, size in sorted(zip(strides, (n for n in arrays[0].shape if n > 1), strict=True)):
        if stride != step:
            return False
        step *= size
    return all(other == strides for other in others)


def _in_order(grads: list[Array], params: list[Array]) -> list[Array]:
    """Return gradients whose elements lie as their parameter's do, copies of those that did not."""
    return [
        grad if grad.strides == param.strides else _copied(grad, param)
        for grad, param in zip(grads, params, strict=True)
    ]


def _copied(grad: Array, param: Array) -> Array:
    copy = np.empty_like(param)
    copy[...] = grad
    return copy


def _sgd_covers(
    *, params: list[Array], grads: list[Array], momentum_buffers: list[Array] | None, **_: object
) -> bool:
    return _covered(params, grads, momentum_buffers)


@accelerates(generic.sgd_all_, device="cpu", when=_sgd_covers)
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
    """Take one step of stochastic gradient descent with each parameter, in place."""
    from tinynet.kernels.cpu.codegen import optim

    has_buffers = momentum_buffers is not None
    kernel = optim.sgd(weight_decay != 0, has_buffers, has_buffers and bool(nesterov))
    arrays = [params, _in_order(grads, params), *([] if momentum_buffers is None else [momentum_buffers])]
    sign = -1.0 if maximize else 1.0
    optim.apply(kernel, arrays, (sign, weight_decay, momentum, 1 - dampening, -lr))


def _adam_covers(
    *,
    params: list[Array],
    grads: list[Array],
    exp_avgs: list[Array],
    exp_avg_sqs: list[Array],
    max_exp_avg_sqs: list[Array] | None,
    **_: object,
) -> bool:
    return _covered(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs)


@accelerates(generic.adam_all_, device="cpu", when=_adam_covers)
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
    """Take one step of Adam with each parameter, in place."""
    from tinynet.kernels.cpu.codegen import optim

    largest = [] if max_exp_avg_sqs is None else [max_exp_avg_sqs]
    arrays = [params, _in_order(grads, params), exp_avgs, exp_avg_sqs, *largest]
    decoupled = bool(decoupled_weight_decay)
    kernel = optim.adam(weight_decay != 0, decoupled, max_exp_avg_sqs is not None)
    decay = 1 - lr * weight_decay if decoupled else weight_decay
    root, rate = math.sqrt(1 - beta2**step), lr / (1 - beta1**step)
    sign = -1.0 if maximize else 1.0
    optim.apply(kernel, arrays, (sign, decay, 1 - beta1, beta2, 1 - beta2, root, eps, rate))
