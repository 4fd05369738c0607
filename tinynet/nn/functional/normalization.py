"""Normalisation."""

from __future__ import annotations

from typing import Any

from tinynet import ops
from tinynet.backend import array_module, sum_dtype
from tinynet.tensor import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel (axis 1) to mean 0 and variance 1, then scale by `weight` and shift by `bias`.

    In training with the batch's mean and biased variance, and the running statistics, if given, are replaced by
    (1 - momentum) * running + momentum * batch, the variance unbiased; else with the running statistics.

    Shapes:  input (N, C, ...); the others (C,)
    Raises:  ValueError: training on one value a channel, or none (torch lets an empty batch pass);
             RuntimeError: sizes or dtypes differ, input is not floating point, or no running statistics to use
    Source:  Ioffe, Szegedy 2015, arXiv 1502.03167
    """
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: expected input (N, C, ...), got input of size {list(input.shape)}")
    if not input.is_floating_point():
        raise RuntimeError(f"batch_norm: input must be floating point, got {input.dtype}")
    C = input.shape[1]
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, value in named.items():
        if value is not None and value.shape != (C,):
            raise RuntimeError(
                f"{name} should contain {C} elements not {list(value.shape)}, for input of size {list(input.shape)}"
            )
        # Half precision may keep its parameters and statistics in float32, as in torch.
        if value is not None and value.dtype not in (input.dtype, sum_dtype(input.dtype)):
            raise RuntimeError(f"batch_norm: input is {input.dtype}, but {name} is {value.dtype}")
    xp = array_module(input.array)
    weight = Tensor(xp.ones(C, input.dtype)) if weight is None else weight
    bias = Tensor(xp.zeros(C, input.dtype)) if bias is None else bias
    if training:
        return _batch_norm_training(input, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is None or running_var is None:
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    shape = (1, C, *(1,) * (input.ndim - 2))
    scale = weight / ops.sqrt(running_var + eps)
    y = input * scale.reshape(shape) + (bias - running_mean * scale).reshape(shape)
    return y.to(input.dtype)


def _batch_norm_training(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    momentum: Any,
    eps: float,
) -> Tensor:
    """Normalise with the statistics of the batch; `momentum` is a number, or an array on the device of x."""
    count = x.numel() // max(x.shape[1], 1)
    if count <= 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(x.shape)}"
        )
    y, mean, var = ops.batch_norm(x, weight, bias, eps)
    for running, batch in ((running_mean, mean.array), (running_var, var.array * (count / (count - 1)))):
        if running is not None:
            running.array *= 1 - momentum
            running.array += momentum * batch
    return y
