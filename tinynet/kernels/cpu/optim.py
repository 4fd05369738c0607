"""Parameter updates in float32 by compiled kernels (codegen/optim.py): one pass over memory.

Measured: `python -m benchmarks.kernels`
"""

from __future__ import annotations

import math

from tinynet.backend import Array
from tinynet.kernels.cpu.available import FLOAT32, LEAST, has_compiler
from tinynet.kernels.generic import optim as generic
from tinynet.kernels.registry import accelerates


def _covered(arrays: list[list[Array]]) -> bool:
    """Return whether there is enough to update, and the arrays of each parameter lie alike.

    Args:    arrays: parameters, gradients, and so on: of each kind a list
    """
    params = arrays[0]
    return (
        has_compiler()
        and all(array.dtype == FLOAT32 for kind in arrays for array in kind)
        and sum(param.size for param in params) >= LEAST
        and all(map(_alike, zip(*arrays, strict=True)))
    )


def _alike(arrays: tuple[Array, ...]) -> bool:
    """Return whether arrays of one shape have their elements in the same order, without gaps."""
    if all(array.flags.c_contiguous for array in arrays):
        return True
    strides, *others = ([s for s, n in zip(a.strides, a.shape, strict=True) if n > 1] for a in arrays)
    step = arrays[0].itemsize
    for stride, size in sorted(zip(strides, (n for n in arrays[0].shape if n > 1), strict=True)):
        if stride != step:
            return False
        step *= size
    return all(other == strides for other in others)


def _sgd_covers(
    *, params: list[Array], grads: list[Array], momentum_buffers: list[Array] | None, **_: object
) -> bool:
    return _covered([params, grads, *([] if momentum_buffers is None else [momentum_buffers])])


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
    arrays = [params, grads, momentum_buffers] if momentum_buffers is not None else [params, grads]
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
    largest = [] if max_exp_avg_sqs is None else [max_exp_avg_sqs]
    return _covered([params, grads, exp_avgs, exp_avg_sqs, *largest])


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

    arrays = [params, grads, exp_avgs, exp_avg_sqs]
    if max_exp_avg_sqs is not None:
        arrays.append(max_exp_avg_sqs)
    decoupled = bool(decoupled_weight_decay)
    kernel = optim.adam(weight_decay != 0, decoupled, max_exp_avg_sqs is not None)
    decay = 1 - lr * weight_decay if decoupled else weight_decay
    root, rate = math.sqrt(1 - beta2**step), lr / (1 - beta1**step)
    sign = -1.0 if maximize else 1.0
    optim.apply(kernel, arrays, (sign, decay, 1 - beta1, beta2, 1 - beta2, root, eps, rate))
