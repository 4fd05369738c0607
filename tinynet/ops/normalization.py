"""Batch normalisation with the statistics of the batch, and standardisation over any axes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from tinynet import autograd, run_ahead
from tinynet.autograd import Function, delayed, expressions
from tinynet.autograd.delayed import DelayedTensor
from tinynet.backend import Array, array_module
from tinynet.kernels.generic import fused
from tinynet.kernels.generic import normalization as kernels
from tinynet.ops.broadcasting import expand
from tinynet.ops.elementwise import sqrt
from tinynet.ops.reduce import mean
from tinynet.ops.reduce import sum as sum_
from tinynet.ops.shape import alias, reshape
from tinynet.tensor import Tensor


class RunningStatistics(NamedTuple):
    """Mean and variance (C,), of which one may be None, that become (1 - momentum) * running + momentum * batch."""

    mean: Tensor | None
    var: Tensor | None
    momentum: Any
    """A number, or an array on the device of the statistics."""
    unbiased: float
    """Factor of the batch's biased variance."""

    def arrays(self) -> tuple[Array, Array] | None:
        """Return both for a kernel, which may be unfinished (run_ahead.py); None if only `move` can move them."""
        if self.mean is None or self.var is None or not isinstance(self.momentum, float):
            return None
        arrays = delayed.unfinished(self.mean), delayed.unfinished(self.var)
        delayed.settle_statistics(*arrays)
        return arrays

    def move(self, mean: Array, var: Array) -> None:
        """Move them by the mean and biased variance of a batch, when these are finished."""
        running_mean, running_var = (None if tensor is None else tensor.array for tensor in self[:2])
        delayed.settle(*[array for array in (running_mean, running_var) if array is not None])
        kernels.move_statistics_(running_mean, running_var, mean, var, self.momentum, self.unbiased)

    def moved(self) -> None:
        """Note that a kernel that may be left running moves both."""
        for running in (self.mean, self.var):
            if running is not None:
                delayed.written(running)


class BatchNorm(Function):
    """y = weight * x_hat + bias; the batch's mean and biased variance move running statistics and carry no gradient."""

    new_gradients = True

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float, running: RunningStatistics | None
    ) -> Tensor:
        y: Tensor
        array, arrays = delayed.unfinished(x), None if running is None else running.arrays()
        moved = (None, None, 0.0, 1.0) if running is None or arrays is None else (*arrays, *running[2:])
        given = array, weight.array, bias.array, eps, *moved
        kernel = fused.batch_norm_coefficients.kernel  # type: ignore[attr-defined]
        chosen = kernel.select(*given) if delayed.may_wait(array) else kernel.generic
        if chosen is not kernel.generic:
            # Take the statistics now, and leave scaling and shifting to what follows.
            batch_mean, batch_var, invstd, scale, shift = run_ahead.call(chosen, *given)
            ctx.affine = delayed.Affine(array, scale, shift)
            y = delayed.scaled_and_shifted(ctx.affine)
        else:
            found, arrays = kernels.batch_norm(x.array, weight.array, bias.array, eps=eps), None
            y, batch_mean, batch_var, invstd = Tensor(found[0]), *found[1:]
        if running is not None and arrays is not None:
            running.moved()
        elif running is not None:
            running.move(batch_mean, batch_var)
        ctx.save_for_backward(x, weight)
        ctx.statistics, ctx.eps = (batch_mean, invstd), eps
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if type(grad_y) is DelayedTensor and not autograd.is_grad_enabled():
            found = _behind_relu(
                ctx, grad_y, delayed.unfinished(x), delayed.unfinished(weight), *ctx.statistics
            )
            if found is not None:
                return (*found, None, None)
        grads = BatchNormBackward.apply(grad_y, x, weight, *map(delayed.running, ctx.statistics), ctx.eps)
        return (*grads, None, None)


def _behind_relu(
    ctx: Any, grad_y: DelayedTensor, x: Array, weight: Array, mean: Array, invstd: Array
) -> tuple[Tensor, ...] | None:
    """Return the gradients from that of a ReLU, or of two that meet, in the same passes; None for another gradient."""
    gradient = delayed.expression_of(grad_y)
    if not isinstance(gradient, expressions.Masked | expressions.GradientSum | expressions.Running):
        return None
    if ctx.affine is None and not _covered(gradient.x, x):
        return None
    y = scale = shift = None
    if isinstance(gradient, expressions.Masked):
        affine = gradient.affine
        if affine is not None and affine is ctx.affine:
            scale, shift = affine.scale, affine.shift
        else:
            y = gradient.y
    *found, g = run_ahead.call(
        fused.batch_norm_backward_behind_relu,
        gradient.x,
        x,
        weight,
        mean=mean,
        invstd=invstd,
        other=gradient.other,
        y=y,
        scale=scale,
        shift=shift,
        keep=grad_y.shared,
    )
    if g is not None:
        delayed.take_values(grad_y, g)
    return tuple([delayed.running(array) for array in found])


def _covered(grad: Array, x: Array) -> bool:
    """Return whether the accelerated kernel takes the gradient; the generic one has other bits than without delay."""
    kernel = fused.batch_norm_backward_behind_relu.kernel  # type: ignore[attr-defined]
    return kernel.select(grad, x) is not kernel.generic


class BatchNormBackward(Function):
    """grad_x, grad_weight and grad_bias in one kernel; mean and invstd are those of x, not inputs of their own."""

    @staticmethod
    def forward(
        ctx: Any, grad_y: Tensor, x: Tensor, weight: Tensor, batch_mean: Tensor, invstd: Tensor, eps: float
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(grad_y, x, weight)
        ctx.eps = eps
        arrays = kernels.batch_norm_backward(
            grad_y=grad_y.array, x=x.array, weight=weight.array, mean=batch_mean.array, invstd=invstd.array
        )
        return tuple(Tensor(array) for array in arrays)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        with autograd.enable_grad():
            # New names for the inputs: grad_y may itself depend on x, and only the direct dependence is wanted.
            inputs = grad_y, x, weight = tuple(alias(tensor) for tensor in ctx.saved_tensors)
            outputs = batch_norm_backward_by_ops(grad_y, x, weight, ctx.eps)
        needed = [i for i in range(3) if ctx.needs_input_grad[i]]
        # Of a constant grad_y grad_bias is constant too; of constant grad_y and x grad_weight as well.
        varying = [i for i, y in enumerate(outputs) if y.requires_grad]
        found = autograd.grad(
            [outputs[i] for i in varying],
            [inputs[i] for i in needed],
            [grads[i] for i in varying],
            create_graph=autograd.is_grad_enabled(),
            allow_unused=True,
        )
        result: list[Tensor | None] = [None] * 6
        for i, gradient in zip(needed, found, strict=True):
            result[i] = gradient
        return tuple(result)


class ChannelSum(Function):
    """The sum of each channel over all other axes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.array.shape
        return Tensor(fused.channel_sum(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return expand(reshape(grad, (1, -1, *(1,) * (len(ctx.shape) - 2))), ctx.shape)


def finish_later(
    x: Tensor, scale: Array, shift: Array, statistics: tuple[Array, Array, float] | None = None
) -> Tensor | None:
    """Return an `Affine` of these, to be done by the convolution that x waits for; None of another tensor.

    All of one dtype.
    """
    source = delayed.convolution_of(x)
    if source is None:
        return None
    return delayed.scaled_and_shifted(delayed.Affine(source.x, scale, shift, source, statistics))


class ChannelAffine(Function):
    """x * scale + shift, one scale and shift a channel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        need_x, need_scale, _ = ctx.needs_input_grad
        alike = scale.dtype == shift.dtype == delayed.outline(x).dtype
        if alike and not any(ctx.needs_input_grad):
            later = finish_later(x, scale.array, shift.array)
            if later is not None:
                return later
        ctx.save_for_backward(x if need_scale else None, scale if need_x else None)
        array = delayed.unfinished(x)
        if alike and delayed.possible(array):
            return delayed.scaled_and_shifted(delayed.Affine(array, scale.array, shift.array))
        options: dict[str, Any] = dict.fromkeys(("other", "other_scale", "other_shift"))
        return Tensor(
            fused.channel_affine(x.array, scale=scale.array, shift=shift.array, **options, relu=False)
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale = ctx.saved_tensors
        need_x, need_scale, need_shift = ctx.needs_input_grad
        grad_x = None
        if need_x:
            grad_x = ChannelAffine.apply(
                grad, scale, Tensor(array_module(scale.array).zeros_like(scale.array))
            )
        return (
            grad_x,
            ChannelSum.apply(grad * x) if need_scale else None,
            ChannelSum.apply(grad) if need_shift else None,
        )


def channel_affine(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return x (N, C, ...) * scale (C,) + shift (C,)."""
    return ChannelAffine.apply(x, scale, shift)


def batch_norm_backward_by_ops(grad_y: Tensor, x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, ...]:
    """Return what BatchNormBackward computes, written with ops: the definition that its own gradient comes from."""
    over = (0, *range(2, x.ndim))
    count = x.numel() // x.shape[1]
    centered = x - mean(x, over, keepdim=True)
    invstd = 1 / sqrt(mean(centered * centered, over, keepdim=True) + eps)
    x_hat = centered * invstd
    grad_bias, grad_weight = sum_(grad_y, over, keepdim=True), sum_(grad_y * x_hat, over, keepdim=True)
    scale = weight.reshape((1, -1, *(1,) * (x.ndim - 2))) * invstd
    grad_x = (grad_y - grad_bias / count - x_hat * (grad_weight / count)) * scale
    return grad_x, grad_weight.reshape(weight.shape), grad_bias.reshape(weight.shape)


def batch_norm(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, running: RunningStatistics | None
) -> Tensor:
    """Return y, and move running statistics; x (N, C, ...), weight and bias (C,); checked in nn.functional."""
    return BatchNorm.apply(x, weight, bias, eps, running)


class Standardize(Function):
    """x_hat = (x - mean) * invstd, and invstd; also mean and biased variance, which carry no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, ...]:
        arrays = kernels.standardize(x.array, axes=axes, eps=eps)
        x_hat, invstd, batch_mean, batch_var = (Tensor(array) for array in arrays)
        ctx.save_for_backward(x_hat, invstd)
        ctx.mark_non_differentiable(batch_mean, batch_var)
        ctx.set_materialize_grads(False)
        ctx.axes = axes
        return x_hat, invstd, batch_mean, batch_var

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor | None, grad_invstd: Tensor | None, *_: Tensor
    ) -> tuple[Tensor | None, None, None]:
        """Use that d invstd / dx = -invstd**2 * x_hat / count."""
        x_hat, invstd = ctx.saved_tensors
        count = math.prod(x_hat.shape[axis] for axis in ctx.axes)
        along: Tensor | None = None  # how much of x_hat there is in the gradient
        if grad is not None:
            along = mean(grad * x_hat, ctx.axes, keepdim=True)
        if grad_invstd is not None:
            share = grad_invstd * invstd / count
            along = share if along is None else along + share
        if along is None:
            return None, None, None
        removed = x_hat * along
        if grad is None:
            return -removed * invstd, None, None
        return (grad - (removed + mean(grad, ctx.axes, keepdim=True))) * invstd, None, None


def standardize(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, ...]:
    """Return x_hat and, over the axes, kept with size 1, mean and biased variance, which carry no gradient."""
    x_hat, _, batch_mean, batch_var = Standardize.apply(x, axes, eps)
    return x_hat, batch_mean, batch_var
