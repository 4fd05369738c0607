"""Activations that are straight in pieces, and softmax. Smooth ones are in `ops.smooth`.

A kink has torch's slope, which a comparison decides and a mask keeps; at NaN torch's slope too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinynet import random
from tinynet.autograd import Function, delayed, delayed_gradients, is_grad_enabled
from tinynet.autograd.delayed import DelayedTensor
from tinynet.backend import Array, array_module, to_device
from tinynet.kernels.generic import activation as kernels
from tinynet.ops.comparison import where
from tinynet.ops.elementwise import abs, exp, sigmoid, tanh
from tinynet.ops.inplace import in_place
from tinynet.ops.reduce import normalize_dim
from tinynet.tensor import Tensor

__all__ = [
    "hardshrink",
    "log_softmax",
    "prelu",
    "relu",
    "relu_",
    "rrelu",
    "rrelu_",
    "softmax",
    "threshold",
    "threshold_",
]

HARDSIGMOID_SLOPE = float(np.float32(1 / 6))  # rounded to float32 in every dtype, as torch's is


class ReLU(Function):
    """max(x, 0), with slope 0 at 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        array, ctx.affine = delayed.positive_part(x)
        y = Tensor(kernels.relu(x.array)) if array is None else delayed.running(array)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        later = (
            None if is_grad_enabled() else delayed_gradients.masked(grad_y, delayed.unfinished(y), ctx.affine)
        )
        return ReLUBackward.apply(grad_y, y.detach()) if later is None else later


class ReLUBackward(Function):
    """grad_y where y > 0, else 0: linear in grad_y, constant in y."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return Tensor(kernels.relu_backward(grad_y=grad_y.array, y=y.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return ReLUBackward.apply(grad, y), None


class Straight(Function):
    """A function of two slopes: the first where a condition on x holds, the second elsewhere.

    Arguments: x, the function, the condition (both from array to array), the slopes.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        function: Callable[[Array], Array],
        condition: Callable[[Array], Array],
        slopes: tuple[float, float],
    ) -> Tensor:
        ctx.slopes = slopes
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(Tensor(condition(x.array)))
        return Tensor(function(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (mask,) = ctx.saved_tensors
        first, second = ctx.slopes
        return where(mask, _scaled(grad, first), _scaled(grad, second)), None, None, None


def _scaled(grad: Tensor, slope: float) -> Any:
    """Return grad * slope; for slope 0 a plain 0, whatever grad is."""
    return 0.0 if slope == 0 else grad if slope == 1 else grad * slope


class LeakyReLU(Straight):
    """x where x > 0, else slope * x."""


class Hardtanh(Straight):
    """x between two bounds, with slope 0 on them."""


class Hardsigmoid(Straight):
    """x / 6 + 1 / 2 between 0 and 1."""


class Threshold(Straight):
    """x above a threshold, else a constant."""


class Shrink(Straight):
    """x moved towards 0, or not at all, where |x| is above a bound; 0 elsewhere."""


class Softmax(Function):
    """exp(x) / sum(exp(x)) along an axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> Tensor:
        ctx.axis = axis
        y = Tensor(kernels.softmax(x.array, axis=axis))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        product = grad * y
        return product - y * product.sum(ctx.axis, keepdim=True), None


class LogSoftmax(Function):
    """x - log(sum(exp(x))) along an axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> Tensor:
        ctx.axis = axis
        y = Tensor(kernels.log_softmax(x.array, axis=axis))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return grad - exp(y) * grad.sum(ctx.axis, keepdim=True), None


def check_input(input: Any, name: str, kinds: str = "f") -> None:
    """Refuse what an activation is not defined for.

    Args:    kinds: those of dtype.kind that are allowed
    Raises:  TypeError: no Tensor; RuntimeError: another kind of number
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if delayed.outline(input).dtype.kind not in kinds:
        raise RuntimeError(
            f"{name}: not implemented for {input.dtype}, got an input of size {list(input.shape)}"
        )


def relu(input: Tensor) -> Tensor:
    """Return max(x, 0) of each element x."""
    if type(input) is DelayedTensor and not is_grad_enabled():  # as in ops.conv.conv2d
        array, _ = delayed.positive_part(input)
        if array is not None:
            return delayed.running(array)
    check_input(input, "relu", "fiu")
    return ReLU.apply(input)


def relu_(input: Tensor) -> Tensor:
    """Write max(x, 0) over each element x, and return the input."""
    return in_place(input, relu(input), new=True)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return x where x > 0, else negative_slope * x."""
    check_input(input, "leaky_relu")
    function = partial(_leaky, negative_slope=negative_slope)
    return LeakyReLU.apply(input, function, lambda x: x > 0, (1.0, negative_slope))


def _leaky(x: Array, negative_slope: float) -> Array:
    return array_module(x).where(x > 0, x, x * negative_slope)


def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """Return x where x > 0, else slope * x: in training a random slope in [lower, upper], else the middle.

    Raises:  RuntimeError: lower > upper
    Source:  Xu et al. 2015, arXiv 1505.00853
    """
    check_input(input, "rrelu")
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    noise = random.next_generator("rrelu").uniform(lower, upper, input.shape)
    slope = to_device(np.asarray(noise, input.dtype), input.device)
    return input * where(Tensor(input.array <= 0), Tensor(slope), 1.0)


def rrelu_(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """Write `rrelu` over the input, and return it."""
    return in_place(input, rrelu(input, lower, upper, training))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x where x > 0, else weight * x, with one weight for all or one of each channel.

    Shapes:  input (N, C, ...); weight (C,), (1,) or ()
    Raises:  RuntimeError: another shape of weight, or another dtype than input's
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1502.01852
    """
    check_input(input, "prelu")
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, got {list(weight.shape)}")
    if weight.dtype != input.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if weight.numel() != 1:
        C = input.shape[1] if input.ndim > 1 else 1
        if input.ndim == 0 or weight.numel() != C:
            raise RuntimeError(
                "prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {C}: input {list(input.shape)}"
            )
        weight = weight.reshape((C, *(1,) * (input.ndim - 2)))
    elif weight.ndim:
        weight = weight.reshape(())
    return where(Tensor(input.array > 0), input, weight * input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Return x, at least min_val and at most max_val, with slope 0 on the bounds."""
    check_input(input, "hardtanh", "fiu")
    if input.dtype.kind == "u" and min_val < 0:
        raise RuntimeError(f"cannot do hardtanh on an unsigned type with negative limits, got {min_val}")
    function = partial(kernels.clamp, low=min_val, high=max_val)
    return Hardtanh.apply(input, function, lambda x: (x <= min_val) | (x >= max_val), (0.0, 1.0))


def hardsigmoid(input: Tensor) -> Tensor:
    """Return x / 6 + 1 / 2, at least 0 and at most 1."""
    check_input(input, "hardsigmoid")
    return Hardsigmoid.apply(
        input,
        lambda x: kernels.clamp(x + 3, 0, 6) / 6,
        lambda x: (x > -3) & (x < 3),
        (HARDSIGMOID_SLOPE, 0.0),
    )


def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """Return x where x > threshold, else `value`."""
    return _threshold(input, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Write `value` over each element that is not above the threshold, and return the input."""
    return in_place(input, _threshold(input, threshold, value))


def _threshold(input: Tensor, bound: float, value: float) -> Tensor:
    check_input(input, "threshold", "fiu")
    number = input.dtype.type

    def function(x: Array) -> Array:
        return array_module(x).where(x <= number(bound), number(value), x)

    return Threshold.apply(input, function, lambda x: x <= bound, (0.0, 1.0))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x where |x| > lambd, else 0."""
    check_input(input, "hardshrink")
    return Shrink.apply(
        input,
        lambda x: array_module(x).where(_inside(x, lambd), x.dtype.type(0), x),
        lambda x: _inside(x, lambd),
        (0.0, 1.0),
    )


def _inside(x: Array, lambd: float) -> Array:
    return (x >= -lambd) & (x <= lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x moved by lambd towards 0 where |x| > lambd, else 0.

    Raises:  RuntimeError: lambd < 0
    """
    check_input(input, "softshrink")
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}")

    def function(x: Array) -> Array:
        xp = array_module(x)
        return xp.where(_inside(x, lambd), x.dtype.type(0), xp.where(x > 0, x - lambd, x + lambd))

    return Shrink.apply(input, function, lambda x: _inside(x, lambd), (0.0, 1.0))


def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x)."""
    check_input(input, "tanhshrink", "fiu")
    return input - tanh(input)


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|)."""
    check_input(input, "softsign", "fiu")
    return input / (abs(input) + 1)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b), a and b the two halves of the input along the axis `dim`.

    Raises:  RuntimeError: no axes, or an odd size; IndexError: there is no such axis
    Source:  Dauphin, Fan, Auli, Grangier 2016, arXiv 1612.08083
    """
    check_input(input, "glu")
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    axis = normalize_dim(dim, input.ndim)
    size = input.shape[axis]
    if size % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {axis} is size {size}: input {list(input.shape)}"
        )
    before = (slice(None),) * axis
    return input[(*before, slice(None, size // 2))] * sigmoid(input[(*before, slice(size // 2, None))])


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) along the axis `dim`, computed in `dtype` if one is given.

    Raises:  IndexError: there is no such axis; RuntimeError: the input is not floating point
    """
    return _along(Softmax, "softmax", input, dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of softmax along the axis `dim`, computed in `dtype` if one is given.

    Raises:  IndexError: there is no such axis; RuntimeError: the input is not floating point
    """
    return _along(LogSoftmax, "log_softmax", input, dim, dtype)


def _along(function: type[Function], name: str, input: Tensor, dim: int, dtype: Any) -> Tensor:
    if not isinstance(input, Tensor) or dim is None:
        raise TypeError(
            f"{name}(): expected a Tensor and an int, not {type(input).__name__} and {type(dim).__name__}"
        )
    if dtype is not None:
        input = input.to(dtype)
    if not input.is_floating_point():
        raise RuntimeError(f"{name}: input must be floating point, got {input.dtype}")
    axis = normalize_dim(dim, input.ndim)
    if input.ndim == 0:
        return function.apply(input.reshape((1,)), 0).reshape(())
    return function.apply(input, axis) if input.numel() else input.clone()
