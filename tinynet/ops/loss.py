"""Losses with a derivative of their own: of each element, and of the classes that targets name."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.generic import loss as kernels
from tinynet.ops.activation import hardtanh
from tinynet.ops.comparison import where
from tinynet.ops.elementwise import log
from tinynet.ops.shape import reshape
from tinynet.ops.sorting import Place, Select
from tinynet.tensor import Tensor

LEAST_VARIANCE = float(np.float32(1e-12))
"""The least x * (1 - x) in the derivative of binary cross entropy; rounded to float32 in every dtype, as torch's."""


class Huber(Function):
    """x**2 / 2 where |x| <= delta, else delta * (|x| - delta / 2)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.delta = delta
        return Tensor(kernels.huber(x.array, delta=delta))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * hardtanh(x, -ctx.delta, ctx.delta), None


class BinaryCrossEntropy(Function):
    """-(target * log(x) + (1 - target) * log(1 - x)), each logarithm at least -100."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(x, target)
        return Tensor(kernels.binary_cross_entropy(x=x.array, target=target.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, target = ctx.saved_tensors
        need_x, need_target = ctx.needs_input_grad
        grad_x = grad_target = None
        if need_x:
            variance = x * (1 - x)
            tiny = Tensor(variance.array < LEAST_VARIANCE)
            grad_x = grad * (x - target) / where(tiny, LEAST_VARIANCE, variance)
        if need_target:
            grad_target = grad * (log(1 - x) - log(x))
        return grad_x, grad_target


class SumOfClasses(Function):
    """The sum of x * share at the classes that targets name, over a total; targets that do not count add nothing."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, index: Tensor, axis: int, share: Any, counted: Array, total: Any
    ) -> Tensor:
        xp = array_module(x.array)
        places = xp.expand_dims(index.array, axis)
        ctx.places, ctx.axis, ctx.size = Tensor(places), axis, x.array.shape[axis]
        ctx.slope = share, counted, total
        chosen = xp.take_along_axis(x.array, places, axis).reshape(index.array.shape) * share
        loss = xp.where(counted, chosen, x.array.dtype.type(0)).sum(dtype=sum_dtype(x.array.dtype))
        return Tensor(loss.astype(x.array.dtype) / total)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        share, counted, total = ctx.slope
        xp = array_module(counted)
        slope = Tensor(xp.where(counted, share / total, 0).astype(grad.array.dtype, copy=False))
        values = reshape(grad * slope, ctx.places.array.shape)
        return Place.apply(values, ctx.places, ctx.axis, ctx.size), None, None, None, None, None


def huber(x: Tensor, delta: float) -> Tensor:
    """Return x**2 / 2 where |x| <= delta, else delta * (|x| - delta / 2)."""
    return Huber.apply(x, delta)


def binary_cross_entropy(x: Tensor, target: Tensor) -> Tensor:
    """Return the cross entropy of probabilities x of class 1 with `target`, of the same shape and dtype."""
    return BinaryCrossEntropy.apply(x, target)


def pick(x: Tensor, index: Tensor, axis: int) -> Tensor:
    """Return, without the axis, the elements of x that `index` (shaped as x without the axis) names along it."""
    places = Tensor(array_module(index.array).expand_dims(index.array, axis))
    return reshape(Select.apply(x, places, axis), index.array.shape)


def sum_of_classes(x: Tensor, index: Tensor, axis: int, *, share: Any, counted: Array, total: Any) -> Tensor:
    """Return the sum of share * x, at the class `index` names along the axis, over `total`.

    Shapes:  index (of class numbers), share (or one number), counted (bool): x's without the axis; total: one number
    """
    return SumOfClasses.apply(x, index, axis, share, counted, total)
