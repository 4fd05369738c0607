"""Losses with a derivative of their own: of each element, and of the classes that targets name."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import autograd
from tinynet.autograd import Function, is_grad_enabled
from tinynet.backend import Array, array_module, sum_dtype
from tinynet.kernels.generic import loss as kernels
from tinynet.kernels.generic.activation import log_softmax as log_softmax_kernel
from tinynet.ops.activation import hardtanh, log_softmax
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
        ctx: Any, x: Tensor, index: Tensor, axis: int, share: Any, counted: Array | None, total: Any
    ) -> Tensor:
        xp = array_module(x.array)
        places = xp.expand_dims(index.array, axis)
        ctx.places, ctx.axis, ctx.size = Tensor(places), axis, x.array.shape[axis]
        ctx.slope, ctx.shape = (share, counted, total), index.array.shape
        chosen = xp.take_along_axis(x.array, places, axis).reshape(index.array.shape)
        return Tensor(_total(chosen, share, counted, total))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        slope = _slope(grad.array, *ctx.slope)
        each = Tensor(array_module(slope).broadcast_to(slope, ctx.shape))
        values = reshape(grad * each, ctx.places.array.shape)
        return Place.apply(values, ctx.places, ctx.axis, ctx.size), None, None, None, None, None


def _total(chosen: Array, share: Any, counted: Array | None, total: Any) -> Any:
    """Return the sum of chosen * share where it counts, over the total."""
    dtype, values = chosen.dtype, chosen * share
    if counted is not None:
        values = array_module(counted).where(counted, values, dtype.type(0))
    return values.sum(dtype=sum_dtype(dtype)).astype(dtype) / total


def _slope(grad: Array, share: Any, counted: Array | None, total: Any) -> Array:
    """Return the derivative of `_total` by each that is chosen, in the dtype of grad, or one number for all."""
    xp, slope = array_module(grad), share / total
    slope = xp.asarray(slope) if counted is None else xp.where(counted, slope, 0)
    return slope.astype(grad.dtype, copy=False)


class CrossEntropy(Function):
    """SumOfClasses of log_softmax(x): the same bits in fewer steps, since in training no kernel runs meanwhile."""

    new_gradients = True

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, index: Tensor, axis: int, share: Any, counted: Array | None, total: Any
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.log_p, ctx.axis = log_softmax_kernel(x.array, axis=axis), axis
        ctx.index, ctx.slope = index, (share, counted, total)
        ctx.places = _places(index.array, axis)
        return Tensor(_total(ctx.log_p[ctx.places], share, counted, total))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if is_grad_enabled():
            (x,) = ctx.saved_tensors
            y = SumOfClasses.apply(log_softmax(x, ctx.axis), ctx.index, ctx.axis, *ctx.slope)
            (grad_x,) = autograd.grad(y, x, grad, create_graph=True)
            return grad_x, None, None, None, None, None
        xp = array_module(ctx.log_p)
        slope = grad.array * _slope(grad.array, *ctx.slope)
        grad_x = xp.exp(ctx.log_p)
        grad_x *= xp.expand_dims(slope, ctx.axis) if slope.ndim else slope
        xp.subtract(0, grad_x, out=grad_x)
        grad_x[ctx.places] += slope
        return Tensor(grad_x), None, None, None, None, None


def _places(index: Array, axis: int) -> tuple[Array, ...]:
    """Return what x is to be indexed with for the elements that `index` (shaped as x without the axis) names."""
    xp, after = array_module(index), range(index.ndim)[::-1]
    grid = [xp.arange(n).reshape(-1, *(1,) * rest) for n, rest in zip(index.shape, after, strict=True)]
    return *grid[:axis], index, *grid[axis:]


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


def sum_of_classes(
    x: Tensor, index: Tensor, axis: int, *, share: Any, counted: Array | None, total: Any
) -> Tensor:
    """Return the sum of share * x, at the class `index` names along the axis, over `total`.

    Shapes:  index (of class numbers), share (or one number), counted (bool, or None: all): x's without the axis
             total: one number
    """
    return SumOfClasses.apply(x, index, axis, share, counted, total)


def cross_entropy_of_classes(
    x: Tensor, index: Tensor, axis: int, *, share: Any, counted: Array | None, total: Any
) -> Tensor:
    """Return `sum_of_classes` of log_softmax(x)."""
    return CrossEntropy.apply(x, index, axis, share, counted, total)
