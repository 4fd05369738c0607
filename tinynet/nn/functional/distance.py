"""Distances and angles between rows, and the losses made of them."""

from __future__ import annotations

import math
from typing import Any

from tinynet import ops
from tinynet.backend import array_module
from tinynet.nn.functional.reduction import check_reduction, chosen_reduction, reduced
from tinynet.tensor import Tensor

__all__ = [
    "cosine_embedding_loss",
    "cosine_similarity",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "pairwise_distance",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _at_least_0(x: Tensor) -> Tensor:
    """Return max(x, 0), with slope 1 at 0, as torch's clamp has."""
    return ops.where(Tensor(x.array < 0), 0.0, x)


def _root(x: Tensor) -> Tensor:
    """Return the square root of x >= 0, with slope 0 at 0."""
    none = Tensor(x.array == 0)
    return ops.where(none, 0.0, ops.sqrt(ops.where(none, 1.0, x)))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return <x1, x2> / (|x1| * |x2|) along the axis `dim`, lengths at least eps.

    Shapes:  x1, x2 broadcast; returns their shape without the axis
    Raises:  RuntimeError: whole numbers, or shapes that do not broadcast; IndexError: there is no such axis
    """
    if not x1.is_floating_point() and not x2.is_floating_point():
        raise RuntimeError(
            f"expected common dtype to be floating point, yet the inputs are {x1.dtype} and {x2.dtype}"
        )
    product = x1 * x2  # checks the shapes, and says in which dtype to go on
    x1, x2 = x1.to(product.dtype).expand(*product.shape), x2.to(product.dtype).expand(*product.shape)
    return ((x1 / _length(x1, dim, eps)) * (x2 / _length(x2, dim, eps))).sum(dim)


def _length(x: Tensor, dim: int, eps: float) -> Tensor:
    """Return |x| along an axis, which stays, at least eps, which does not change its gradient."""
    length = _root((x * x).sum(dim, keepdim=True))
    xp = array_module(length.array)
    return length + Tensor(xp.maximum(length.array, length.dtype.type(eps)) - length.array)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return (sum(|x1 - x2 + eps|**p))**(1/p) along the last axis; p may be 0 (how many differ) or infinite.

    Raises:  RuntimeError: shapes that do not broadcast
    """
    x = x1 - x2 + eps
    if p == 2:
        return _root((x * x).sum(-1, keepdim=keepdim))
    size = ops.abs(x)
    if p == 1:
        return size.sum(-1, keepdim=keepdim)
    if p == 0:
        return Tensor((x.array != 0).astype(x.dtype).sum(axis=-1, keepdims=keepdim))
    if math.isinf(p):
        largest = size if p > 0 else -size
        return ops.amax(largest, -1, keepdim) * math.copysign(1, p)
    return (size**p).sum(-1, keepdim=keepdim) ** (1 / p)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return input where target is 1, max(0, margin - input) where it is -1.

    Raises:  RuntimeError: shapes that do not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    apart = ops.where(Tensor(target.array != 1), _at_least_0(margin - input), 0.0)
    return reduced(apart + ops.where(Tensor(target.array != -1), input, 0.0), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin - target * (input1 - input2)), target 1 where input1 shall be larger, else -1.

    Raises:  RuntimeError: the numbers of axes differ, or shapes that do not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}"
        )
    return reduced(_at_least_0(margin - target * (input1 - input2)), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 - cos where target is 1, max(0, cos - margin) where it is -1, cos the cosine of the inputs' angle.

    Shapes:  input1, input2 (N, D) and target (N,), or (D,) and ()
    Raises:  RuntimeError: other axes, or sizes that do not broadcast
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    axis = target.ndim
    if axis > 1 or input1.ndim != axis + 1 or input2.ndim != axis + 1:
        raise RuntimeError(
            "cosine_embedding_loss: expected inputs (N, D) and target (N,), or (D,) and (), got sizes "
            f"{list(input1.shape)}, {list(input2.shape)} and {list(target.shape)}"
        )
    eps = 1e-12  # torch's
    lengths = ((input1 * input1).sum(axis) + eps) * ((input2 * input2).sum(axis) + eps)
    cosine = (input1 * input2).sum(axis) / ops.sqrt(lengths)
    alike = ops.where(Tensor(target.array == 1), 1 - cosine, 0.0)
    return reduced(
        alike + ops.where(Tensor(target.array == -1), _at_least_0(cosine - margin), 0.0), reduction
    )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin + |anchor - positive| - |anchor - negative|), distances as `pairwise_distance`.

    Args:    swap: measure to the negative from the positive where that is nearer than the anchor
    Raises:  ValueError: margin <= 0; RuntimeError: numbers of axes or sizes that do not fit
    Source:  Balntas, Riba, Ponsa, Mikolajczyk 2016, Learning local feature descriptors with triplets
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"{list(anchor.shape)}, {list(positive.shape)} and {list(negative.shape)}"
        )

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return `triplet_margin_loss` with a distance of one's own; by default `pairwise_distance`."""
    return _triplet(
        anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction
    )


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Any,
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        other = distance(positive, negative)
        far = ops.where(Tensor(other.array < far.array), other, far)
    return reduced(_at_least_0(margin + near - far), reduction)
