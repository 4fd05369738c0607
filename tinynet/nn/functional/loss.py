"""Losses of each element: of regression, of probabilities, of distributions. Those of classes are beside it.

Every loss takes the reduction "mean", "sum" or "none"; size_average and reduce are its predecessors.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.backend import array_module, check_on_host
from tinynet.nn.functional.reduction import REDUCTIONS, check_reduction, chosen_reduction, reduced
from tinynet.ops import loss as loss_ops
from tinynet.ops.promotion import check_tensors
from tinynet.tensor import Tensor

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]


def _difference(input: Tensor, target: Tensor, name: str, reduction: str) -> Tensor:
    """Check two tensors and return input - target, with torch's warning where their shapes differ."""
    check_reduction(reduction)
    check_tensors(name, input=input, target=target)
    if not input.is_floating_point() and not target.is_floating_point():
        raise RuntimeError(f"{name}: not implemented for {input.dtype} and {target.dtype}")
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
    return input - target


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Return the reduced loss; weights, of its shape, also weigh the mean."""
    if weight is None:
        return reduced(loss, reduction)
    if weight.shape != loss.shape:
        raise ValueError(
            f"Weights and input must have the same size, got {list(weight.shape)} and {list(loss.shape)}"
        )
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return (input - target)**2.

    Shapes:  input and target alike, else they broadcast with a warning; weight as the loss of each element
    Raises:  RuntimeError: whole numbers, or shapes that do not broadcast; ValueError: weight, reduction
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    x = _difference(input, target, "mse_loss", reduction)
    return _weighted(x * x, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return |input - target|; shapes and errors as `mse_loss`."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return _weighted(ops.abs(_difference(input, target, "l1_loss", reduction)), weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return x**2 / (2 * beta) where |x| < beta, else |x| - beta / 2, for x = input - target.

    Raises:  RuntimeError: beta < 0; and as `mse_loss`
    Source:  Girshick 2015, arXiv 1504.08083
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    x = _difference(input, target, "smooth_l1_loss", reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    return reduced(loss_ops.huber(x, beta) / beta if beta else ops.abs(x), reduction)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Return x**2 / 2 where |x| <= delta, else delta * (|x| - delta / 2), for x = input - target.

    Weights multiply the loss; its mean, unlike that of `mse_loss`, is divided by the number of elements, as in torch.

    Raises:  RuntimeError: delta <= 0; and as `mse_loss`
    Source:  Huber 1964, Robust estimation of a location parameter
    """
    x = _difference(input, target, "huber_loss", reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    loss = loss_ops.huber(x, delta)
    if weight is None:
        return reduced(loss, reduction)
    return reduced(_weighted(loss, weight, "none"), reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -weight * (target * log(input) + (1 - target) * log(1 - input)), logarithms at least -100.

    Shapes:  input, target alike; weight broadcasts to them
    Raises:  ValueError: the shapes differ; RuntimeError: the dtypes differ, or a value outside [0, 1] (looked for on
             the CPU only, the GPU would have to wait)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
            "deprecated. Please ensure they have the same size."
        )
    if not input.is_floating_point() or target.dtype != input.dtype:
        raise RuntimeError(
            f"binary_cross_entropy: input is {input.dtype} and target {target.dtype}, expected one floating point dtype"
        )
    for name, tensor in (("input", input), ("target", target)):
        values = check_on_host(tensor.array)
        if values is not None and not ((values >= 0) & (values <= 1)).all():
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")
    loss = loss_ops.binary_cross_entropy(input, target)
    return reduced(loss if weight is None else loss * _fitting(weight, loss, "weight"), reduction)


def _fitting(weight: Tensor, loss: Tensor, name: str) -> Tensor:
    """Return a weight, having checked that it broadcasts to the loss.

    Raises:  RuntimeError
    """
    missing = loss.ndim - weight.ndim
    if missing < 0 or any(w not in (1, n) for w, n in zip(weight.shape, loss.shape[missing:], strict=True)):
        raise RuntimeError(f"{name} of size {list(weight.shape)} does not broadcast to {list(loss.shape)}")
    return weight


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return -weight * (pos_weight * target * log(p) + (1 - target) * log(1 - p)), p = sigmoid(input).

    Shapes:  input, target alike; weight and pos_weight broadcast to them
    Raises:  ValueError: the shapes differ; RuntimeError: target is not floating point, a weight does not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    if not input.is_floating_point() or not target.is_floating_point():
        raise RuntimeError(
            "binary_cross_entropy_with_logits: expected floating point input and target, "
            f"got {input.dtype} and {target.dtype}"
        )
    log_p = ops.logsigmoid(input)
    if pos_weight is not None:
        log_p = log_p * ((_fitting(pos_weight, input, "pos_weight") - 1) * target + 1)
    loss = (1 - target) * input - log_p
    return reduced(loss if weight is None else loss * _fitting(weight, loss, "weight"), reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return target * (log(target) - input): with the sum, the divergence of exp(input) from target.

    Args:    input: logarithms of probabilities; target: probabilities, their logarithms if log_target
             reduction: also "batchmean", the sum divided by the size of axis 0; "mean" warns, as in torch
    Raises:  RuntimeError: whole numbers, or shapes that do not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction, (*REDUCTIONS, "batchmean"))
    if not input.is_floating_point() or not target.is_floating_point():
        raise RuntimeError(
            f"kl_div: Integral inputs not supported, got input {input.dtype} and target {target.dtype}"
        )
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. 'batchmean' "
            "divides only by the batch size, and aligns with the KL math definition.",
            stacklevel=2,
        )
    if log_target:
        loss = ops.exp(target) * (target - input)
    else:
        none = Tensor(target.array == 0)  # 0 * log(0) is 0 here
        loss = ops.where(none, 0.0, target * ops.log(ops.where(none, 1.0, target))) - target * input
    if reduction != "batchmean":
        return reduced(loss, reduction)
    return loss.sum() / input.shape[0] if input.ndim else loss.sum()


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of counts under Poisson distributions, without its constant log(target!).

    Args:    input: the expected counts, their logarithms if log_input; eps: added to expected counts before log
             full: approximate the constant by Stirling's formula where target > 1
    Raises:  RuntimeError: shapes that do not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if log_input:
        loss = ops.exp(input) - target * input
    else:
        loss = input - target * ops.log(input + eps)
    if full:
        small = Tensor(target.array <= 1)
        count = ops.where(small, 1.0, target)
        stirling = count * ops.log(count) - count + 0.5 * ops.log(count * (2 * math.pi))
        loss = loss + ops.where(small, 0.0, stirling)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return (log(var) + (input - target)**2 / var) / 2, with log(2 * pi) / 2 more if `full`.

    Args:    var: variances, a number or shaped as input, or with a last axis of size 1 or none; eps: their least value,
             which does not change their gradient
    Raises:  ValueError: var is negative (looked for on the CPU only) or has another shape
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not valid: one of {', '.join(REDUCTIONS)}")
    xp = array_module(input.array)
    if not isinstance(var, Tensor):
        var = Tensor(xp.full_like(input.array, var))
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = var.unsqueeze(-1)
        elif var.shape[:-1] != input.shape[:-1] or var.shape[-1:] != (1,):
            raise ValueError(
                f"var is of incorrect size: {list(var.shape)} for an input of size {list(input.shape)}"
            )
    values: Any = check_on_host(var.array)
    if values is not None and (values < 0).any():
        raise ValueError(f"var has negative entry/entries, the least is {np.min(values)}")
    var = var + Tensor(xp.maximum(var.array, var.dtype.type(eps)) - var.array)
    x = input - target
    loss = 0.5 * (ops.log(var) + x * x / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
