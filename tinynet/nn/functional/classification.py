"""Losses of classes: targets are class numbers, distributions over the classes, or signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import ops
from tinynet.backend import array_module, check_on_host
from tinynet.nn.functional.reduction import check_reduction, chosen_reduction, reduced
from tinynet.ops.loss import cross_entropy_of_classes, pick, sum_of_classes
from tinynet.ops.promotion import check_tensors
from tinynet.tensor import Tensor

__all__ = [
    "cross_entropy",
    "multi_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "soft_margin_loss",
]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return -sum(weight * q * log_softmax(input)) over the classes, q the target's distribution.

    q is 1 at the target class and 0 elsewhere, or the target itself where it holds probabilities; label smoothing
    moves that share of it to the uniform distribution. The mean is weighted by the weight of each target class.

    Shapes:  input (N, C, ...) or (C,); weight (C,)
             target: class numbers (N, ...) or (), or probabilities shaped as input
    Args:    reduction: "mean", "sum" or "none", which size_average and reduce, its predecessors, override
             label_smoothing in [0, 1]; ignore_index: a class number that does not count
    Raises:  ValueError: target has the wrong shape, or an unknown reduction
             RuntimeError: weight has the wrong shape or dtype, input is not floating point, target is bool,
             ignore_index with probabilities
             IndexError: a class number is not in [0, C); checked on the CPU only, the GPU would have to wait
    Source:  Szegedy et al. 2016, arXiv 1512.00567 (label smoothing)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = _check_scores("cross_entropy", input, target, weight)
    if target.is_floating_point():
        return _of_probabilities(input, target, weight, axis, ignore_index, reduction, label_smoothing)
    expected = (*input.shape[:axis], *input.shape[axis + 1 :])
    if target.shape != expected:
        raise ValueError(
            f"Expected target of size {list(expected)} for input of size {list(input.shape)}, got {list(target.shape)}"
        )
    return _of_classes(input, target, weight, axis, ignore_index, reduction, label_smoothing, softmax=True)


def _of_probabilities(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    axis: int,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    if target.shape != input.shape:
        raise ValueError(
            f"Expected floating point target of size {list(input.shape)}, got {list(target.shape)}"
        )
    if ignore_index >= 0:
        raise RuntimeError(f"ignore_index {ignore_index} is not supported for floating point target")
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[axis]
    loss = ops.log_softmax(input, axis) * target
    if weight is not None:
        loss = loss * _along_classes(weight, input, axis)
    loss = -loss.sum(axis)
    # The mean is over the distributions, whatever their weights.
    return reduced(loss, reduction)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -weight[target] * input[target], input the logarithms of probabilities; the mean is weighted too.

    Shapes:  input (N, C, ...) or (C,); weight (C,); target: class numbers (N, ...) or ()
    Raises:  ValueError: N differs or there are no axes; RuntimeError: another size differs, target is no whole number;
             IndexError: a class number is not in [0, C); checked on the CPU only, the GPU would have to wait
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if input.ndim == 0:
        raise ValueError(f"Expected 1 or more dimensions (got 0): input {list(input.shape)}")
    axis = _check_scores("nll_loss", input, target, weight)
    if target.is_floating_point():
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}")
    if input.ndim > 1 and target.shape[:1] != input.shape[:1]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size of {list(target.shape)}."
        )
    expected = (*input.shape[:axis], *input.shape[axis + 1 :])
    if target.shape != expected:
        raise RuntimeError(
            f"Expected target size {list(expected)} for input of size {list(input.shape)}, got {list(target.shape)}"
        )
    return _of_classes(input, target, weight, axis, ignore_index, reduction)


def _check_scores(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> int:
    """Check the scores of classes and their weights, and return the axis of the classes."""
    check_tensors(name, input=input, target=target)
    if input.ndim == 0 or not input.is_floating_point() or target.dtype == np.bool_:
        raise RuntimeError(
            f"{name}: expected floating point input (N, C, ...) or (C,), and a target of class numbers or "
            f"probabilities; got input {input.dtype} {list(input.shape)}, target {target.dtype} {list(target.shape)}"
        )
    axis = 1 if input.ndim > 1 else 0
    if weight is not None and weight.shape != (input.shape[axis],):
        raise RuntimeError(
            f"{name}: weight tensor should be defined for all {input.shape[axis]} classes, got {list(weight.shape)}"
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(f"{name}: input is {input.dtype}, but weight is {weight.dtype}")
    return axis


def _along_classes(weight: Tensor, input: Tensor, axis: int) -> Tensor:
    return weight.reshape((-1, *(1,) * (input.ndim - axis - 1)))


def _of_classes(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    axis: int,
    ignore_index: int,
    reduction: str,
    label_smoothing: float = 0.0,
    *,
    softmax: bool = False,
) -> Tensor:
    """Return the reduced loss; the mean is over the weights of the targets that count.

    Args:    softmax: input are scores, and not yet logarithms of probabilities
    """
    C = input.shape[axis]
    xp, classes = array_module(target.array), check_on_host(target.array)
    counted, index = None, target.array.astype(np.int64)  # a copy: the target may change before backward
    if classes is None or not check_classes(classes, C, ignore_index, IndexError) or 0 <= ignore_index < C:
        counted = target.array != ignore_index
        index = xp.where(counted, index, 0)
    share: Any = label_smoothing - 1
    total = input.dtype.type(index.size) if counted is None else counted.sum().astype(input.dtype)
    if weight is not None:
        chosen = weight.array[index]
        if counted is not None:
            chosen = xp.where(counted, chosen, input.dtype.type(0))
        share, total = chosen * share, chosen.sum()
    if reduction != "none" and not label_smoothing:
        over = total if reduction == "mean" else 1
        summed = cross_entropy_of_classes if softmax else sum_of_classes
        return summed(input, Tensor(index), axis, share=share, counted=counted, total=over)
    log_p = ops.log_softmax(input, axis) if softmax else input
    loss = pick(log_p, Tensor(index), axis) * (share if weight is None else Tensor(share))
    if label_smoothing:
        spread = log_p if weight is None else log_p * _along_classes(weight, log_p, axis)
        uniform = spread.sum(axis) * (-label_smoothing / C)
        # Of a class without share even an infinite loss does not count.
        loss = uniform if label_smoothing == 1 else loss + uniform
    if counted is not None:
        loss = ops.where(Tensor(counted), loss, 0.0)
    return loss.sum() / Tensor(total) if reduction == "mean" else reduced(loss, reduction)


def check_classes(classes: np.ndarray, count: int, ignore_index: int | None, error: type[Exception]) -> bool:
    """Refuse class numbers outside [0, count), but for ignore_index; return whether all are inside.

    Raises:  `error`
    """
    if not classes.size or (classes.min() >= 0 and classes.max() < count):
        return True
    wrong = classes[((classes < 0) | (classes >= count)) & (classes != ignore_index)]
    if wrong.size:
        raise error(f"Target {wrong.flat[0]} is out of bounds: there are {count} classes, from 0")
    return False


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return weight[target] * sum(max(0, margin - input[target] + input)**p) / C, summed over the other classes.

    Shapes:  input (N, C) or (C,); target: class numbers (N,) or (); weight (C,)
    Raises:  ValueError: p is not 1 or 2; RuntimeError: a shape, or a class number not in [0, C) (checked on the CPU)
    Source:  Crammer, Singer 2001 (multiclass kernel machines)
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported, got {p}")
    if input.ndim not in (1, 2) or input.shape[-1] == 0:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    C = input.shape[-1]
    if input.ndim == 1:
        target = target.reshape(()) if target.numel() == 1 else target
    if target.shape != input.shape[:-1]:
        raise RuntimeError(
            f"multi_margin_loss: Expected target size {list(input.shape[:-1])}, but got {list(target.shape)}. "
            f"Input has shape {list(input.shape)}."
        )
    if weight is not None and weight.shape != (C,):
        raise RuntimeError(f"inconsistent weight size, expected {C} but got {list(weight.shape)}")
    classes = check_on_host(target.array)
    if classes is not None:
        check_classes(classes, C, None, RuntimeError)
    own = pick(input, target, input.ndim - 1).unsqueeze(-1)
    gap = ops.relu(margin - own + input)
    if p == 2:
        gap = gap * gap
    xp = array_module(target.array)
    is_own = Tensor(xp.arange(C) == xp.expand_dims(target.array, -1))
    loss = ops.where(is_own, 0.0, gap).sum(-1) / C
    return reduced(loss if weight is None else loss * Tensor(weight.array[target.array]), reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return log(1 + exp(-target * input)), target 1 or -1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    return reduced(-ops.logsigmoid((target * input).to(input.dtype)), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return -weight * (target * log(p) + (1 - target) * log(1 - p)), p = sigmoid(input), averaged over the last axis.

    Shapes:  input, target (N, C) or (C,); weight broadcasts to them
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    loss = -(target * ops.logsigmoid(input) + (1 - target) * ops.logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input.shape[-1], reduction)
