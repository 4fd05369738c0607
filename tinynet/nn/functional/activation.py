"""Activations, in place where asked for: the result goes into the input's memory, and the input takes its history."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tinynet import ops, random
from tinynet.backend import array_module, to_device
from tinynet.ops import (
    celu_,
    gelu,
    glu,
    hardshrink,
    logsigmoid,
    prelu,
    relu_,
    rrelu_,
    selu_,
    sigmoid,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold_,
)
from tinynet.ops.activation import check_input
from tinynet.tensor import Tensor

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def _finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return ops.in_place(input, result) if inplace else result


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(x, 0) of each element x."""
    return ops.relu_(input) if inplace else ops.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return min(max(x, 0), 6) of each element x."""
    return _finish(input, ops.hardtanh(input, 0.0, 6.0), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else negative_slope * x."""
    return _finish(input, ops.leaky_relu(input, negative_slope), inplace)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Write `leaky_relu` over the input, and return it."""
    return leaky_relu(input, negative_slope, inplace=True)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Return x where x > 0, else slope * x: in training a random slope in [lower, upper], else the middle."""
    return _finish(input, ops.rrelu(input, lower, upper, training), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x) - 1)."""
    return _finish(input, ops.elu(input, alpha), inplace)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write `elu` over the input, and return it."""
    return elu(input, alpha, inplace=True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x / alpha) - 1)."""
    return _finish(input, ops.celu(input, alpha), inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ELU, scaled so that layers keep mean 0 and variance 1."""
    return _finish(input, ops.selu(input), inplace)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * sigmoid(x)."""
    return _finish(input, ops.silu(input), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * tanh(log(1 + exp(x)))."""
    return _finish(input, ops.mish(input), inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * min(max(x + 3, 0), 6) / 6."""
    return _finish(input, ops.hardswish(input), inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x / 6 + 1 / 2, at least 0 and at most 1."""
    return _finish(input, ops.hardsigmoid(input), inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x, at least min_val and at most max_val.

    Raises:  ValueError: min_val > max_val
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val, got {min_val} and {max_val}")
    return _finish(input, ops.hardtanh(input, min_val, max_val), inplace)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Write `hardtanh` over the input, and return it."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return x where x > threshold, else `value`."""
    return _finish(input, ops.threshold(input, threshold, value), inplace)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) along the axis `dim`, computed in `dtype` if one is given."""
    return ops.softmax(input, _chosen(dim, input, "softmax", _stacklevel), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return softmax of -x."""
    return ops.softmax(-input, _chosen(dim, input, "softmin", _stacklevel), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return the logarithm of softmax."""
    return ops.log_softmax(input, _chosen(dim, input, "log_softmax", _stacklevel), dtype)


def _chosen(dim: int | None, input: Tensor, name: str, stacklevel: int) -> int:
    """Return the axis; if none is given torch's choice: 0 for 0, 1 and 3 axes, else 1."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Return a random point of the simplex along `dim`, near a corner for small tau, drawn by its logits.

    Args:    hard: return the corner itself, with the gradient of the point; eps: without effect, as in torch
    Source:  Jang, Gu, Poole 2016, arXiv 1611.01144; Maddison, Mnih, Teh 2016, arXiv 1611.00712
    """
    check_input(logits, "gumbel_softmax")
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = random.next_generator("gumbel_softmax").gumbel(size=logits.shape)
    gumbels = Tensor(to_device(np.asarray(noise, logits.dtype), logits.device))
    soft = ops.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    xp = array_module(soft.array)
    best = xp.expand_dims(soft.array.argmax(axis=dim), dim) if soft.ndim else xp.zeros((), int)
    shape = [1] * soft.ndim
    if soft.ndim:
        shape[dim] = soft.shape[dim]
    corner = Tensor(
        (xp.arange(soft.shape[dim] if soft.ndim else 1).reshape(shape) == best).astype(soft.dtype)
    )
    return corner - soft.detach() + soft
