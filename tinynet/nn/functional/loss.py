"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import ops
from tinynet.backend import array_module, check_on_host
from tinynet.tensor import Tensor


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return -sum(weight * q * log_softmax(input)) over the classes, q the target's distribution.

    q is 1 at the target class and 0 elsewhere, or the target itself where it holds probabilities; label smoothing
    moves that share of it to the uniform distribution. The mean is weighted by the weight of each target class.

    Shapes:  input (N, C, ...) or (C,); weight (C,)
             target: class numbers (N, ...) or (), or probabilities shaped as input
    Args:    reduction: "mean", "sum" or "none"; label_smoothing in [0, 1]
             ignore_index: a class number that does not count; size_average, reduce: only None (torch has
             replaced them by reduction)
    Raises:  ValueError: target has the wrong shape, or an unknown reduction
             RuntimeError: weight has the wrong shape or dtype, input is not floating point, target is bool,
             ignore_index with probabilities; NotImplementedError: size_average or reduce
             IndexError: a class number is not in [0, C); checked on the CPU only, the GPU would have to wait
    Source:  Szegedy et al. 2016, arXiv 1512.00567 (label smoothing)
    """
    if size_average is not None or reduce is not None:
        raise NotImplementedError(
            f"size_average={size_average} and reduce={reduce} are not supported: use reduction"
        )
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction: 'mean', 'sum' or 'none'")
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input.ndim == 0 or not input.is_floating_point() or target.dtype == np.bool_:
        raise RuntimeError(
            "cross_entropy: expected floating point input (N, C, ...) or (C,), and a target of class numbers or "
            f"probabilities; got input {input.dtype} {list(input.shape)}, target {target.dtype} {list(target.shape)}"
        )
    axis = 1 if input.ndim > 1 else 0
    C = input.shape[axis]
    if weight is not None and weight.shape != (C,):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined for all {C} classes, got {list(weight.shape)}"
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(f"cross_entropy: input is {input.dtype}, but weight is {weight.dtype}")
    xp = array_module(input.array)
    log_p = ops.log_softmax(input, axis)
    shape = (C, *(1,) * (input.ndim - axis - 1))
    class_weight = xp.ones(shape, input.dtype) if weight is None else weight.array.reshape(shape)
    if target.is_floating_point():
        if target.shape != input.shape:
            raise ValueError(
                f"Expected floating point target of size {list(input.shape)}, got {list(target.shape)}"
            )
        if ignore_index >= 0:
            raise RuntimeError(f"ignore_index {ignore_index} is not supported for floating point target")
        share, total = target, input.numel() // C
    else:
        counted = _check_classes(input, target, axis, ignore_index)
        one_hot = xp.arange(C).reshape(shape) == xp.expand_dims(target.array, axis)
        share = Tensor((one_hot & counted).astype(input.dtype))
        total = (share.array * class_weight).sum()
    if label_smoothing:
        uniform = xp.full_like(share.array, label_smoothing / C)
        if not target.is_floating_point():
            uniform *= counted
        share = share * (1 - label_smoothing) + Tensor(uniform)
    if not target.is_floating_point():
        # Of a class without share even an infinite log_p does not count.
        log_p = ops.where(Tensor(share.array != 0), log_p, 0.0)
    loss = -(log_p * share * Tensor(class_weight)).sum(axis)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / Tensor(xp.asarray(total, input.dtype))


def _check_classes(input: Tensor, target: Tensor, axis: int, ignore_index: int) -> Any:
    """Check class numbers against the logits, and return where they count, with an axis for the classes."""
    expected = (*input.shape[:axis], *input.shape[axis + 1 :])
    if target.shape != expected:
        raise ValueError(
            f"Expected target of size {list(expected)} for input of size {list(input.shape)}, got {list(target.shape)}"
        )
    classes = check_on_host(target.array)
    if classes is not None:
        wrong = classes[((classes < 0) | (classes >= input.shape[axis])) & (classes != ignore_index)]
        if wrong.size:
            raise IndexError(
                f"Target {wrong.flat[0]} is out of bounds: there are {input.shape[axis]} classes, from 0"
            )
    return array_module(target.array).expand_dims(target.array != ignore_index, axis)
