"""Smooth activations, each a kernel, the kernel of its backward, and its second derivative written with operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from tinynet.autograd import Function
from tinynet.backend import Array, array_module
from tinynet.kernels.generic import activation as kernels
from tinynet.ops.activation import check_input
from tinynet.ops.comparison import where
from tinynet.ops.elementwise import exp, sigmoid, tanh
from tinynet.ops.inplace import in_place
from tinynet.tensor import Tensor

__all__ = ["celu", "celu_", "selu", "selu_"]

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


class Smooth(Function):
    """A smooth function of each element.

    Arguments: x, the kernel of the function, that of its backward, and its second derivative written with operations.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        function: Callable[..., Array],
        backward: Callable[..., Array],
        curvature: Callable[[Tensor], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.derivatives = backward, curvature
        return Tensor(function(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return SmoothBackward.apply(grad, x, *ctx.derivatives), None, None, None


class SmoothBackward(Function):
    """grad_y * f'(x) of a smooth function f."""

    @staticmethod
    def forward(
        ctx: Any, grad_y: Tensor, x: Tensor, backward: Callable[..., Array], curvature: Callable[..., Tensor]
    ) -> Tensor:
        ctx.save_for_backward(grad_y, x)
        ctx.derivatives = backward, curvature
        return Tensor(backward(grad_y=grad_y.array, x=x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad_y, x = ctx.saved_tensors
        need_grad_y, need_x, *_ = ctx.needs_input_grad
        backward, curvature = ctx.derivatives
        return (
            SmoothBackward.apply(grad, x, backward, curvature) if need_grad_y else None,
            grad * grad_y * curvature(x) if need_x else None,
            None,
            None,
        )


class ELU(Smooth):
    """scale * x where x > 0, else scale * alpha * (exp(input_scale * x) - 1)."""


class SiLU(Smooth):
    """x * sigmoid(x)."""


class Mish(Smooth):
    """x * tanh(softplus(x))."""


class GELU(Smooth):
    """x * P(X <= x) of a standard normal X, or its approximation."""


class Hardswish(Smooth):
    """x * hardsigmoid(x)."""


class Softplus(Smooth):
    """log(1 + exp(beta * x)) / beta."""


class LogSigmoid(Smooth):
    """log(sigmoid(x))."""


def elu(input: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    """Return scale * x where x > 0, else scale * alpha * (exp(input_scale * x) - 1)."""
    check_input(input, "elu")
    options = {"alpha": alpha, "scale": scale, "input_scale": input_scale}

    def curvature(x: Tensor) -> Tensor:
        below = Tensor(x.array < 0)
        grown = exp(where(below, x, 0.0) * input_scale) * (scale * alpha * input_scale * input_scale)
        return where(below, grown, 0.0)

    return ELU.apply(
        input, partial(kernels.elu, **options), partial(kernels.elu_backward, **options), curvature
    )


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x / alpha) - 1).

    Raises:  RuntimeError: alpha is 0
    Source:  Barron 2017, arXiv 1704.07483
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return elu(input, alpha, 1.0, 1 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write `celu` over the input, and return it."""
    return in_place(input, celu(input, alpha))


def selu(input: Tensor) -> Tensor:
    """Return ELU, scaled so that layers keep mean 0 and variance 1.

    Source:  Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv 1706.02515
    """
    return elu(input, SELU_ALPHA, SELU_SCALE)


def selu_(input: Tensor) -> Tensor:
    """Write `selu` over the input, and return it."""
    return in_place(input, selu(input))


def silu(input: Tensor) -> Tensor:
    """Return x * sigmoid(x)."""
    check_input(input, "silu")

    def curvature(x: Tensor) -> Tensor:
        s = sigmoid(x)
        return s * (1 - s) * (2 + x * (1 - 2 * s))

    return SiLU.apply(input, kernels.silu, kernels.silu_backward, curvature)


def mish(input: Tensor) -> Tensor:
    """Return x * tanh(log(1 + exp(x)))."""
    check_input(input, "mish")

    def curvature(x: Tensor) -> Tensor:
        s, t = sigmoid(x), tanh(-logsigmoid(-x))
        slope = (1 - t * t) * s  # of t
        return slope * (2 + x * (1 - s - 2 * t * s))

    return Mish.apply(input, kernels.mish, kernels.mish_backward, curvature)


def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """Return x * P(X <= x) of a standard normal X; `approximate` "tanh" takes a formula with tanh for P.

    Raises:  RuntimeError: approximate is neither "none" nor "tanh"
    """
    check_input(input, "gelu")
    if approximate == "none":
        return GELU.apply(input, kernels.gelu, kernels.gelu_backward, _gelu_curvature)
    if approximate == "tanh":
        return GELU.apply(input, kernels.gelu_tanh, kernels.gelu_tanh_backward, _gelu_tanh_curvature)
    raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")


def _gelu_curvature(x: Tensor) -> Tensor:
    square = x * x
    return exp(square * -0.5) * (2 - square) * (1 / math.sqrt(2 * math.pi))


def _gelu_tanh_curvature(x: Tensor) -> Tensor:
    scale, cube = kernels.GELU_SCALE, kernels.GELU_CUBE
    square = x * x
    t = tanh(scale * (x + cube * (x * square)))
    slope = scale * (1 + 3 * cube * square)  # of the argument of tanh; its own slope is 6 * scale * cube * x
    return (1 - t * t) * (slope + x * (3 * scale * cube * x - t * slope * slope))


def hardswish(input: Tensor) -> Tensor:
    """Return x * min(max(x + 3, 0), 6) / 6."""
    check_input(input, "hardswish")

    def curvature(x: Tensor) -> Tensor:
        bent = (x.array > -3) & (x.array < 3)
        return Tensor(array_module(x.array).where(bent, x.dtype.type(1 / 3), x.dtype.type(0)))

    return Hardswish.apply(input, kernels.hardswish, kernels.hardswish_backward, curvature)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    check_input(input, "softplus")
    options = {"beta": beta, "threshold": threshold}

    def curvature(x: Tensor) -> Tensor:
        s = sigmoid(x * beta)
        return where(Tensor(x.array * beta >= threshold), 0.0, s * (1 - s) * beta)

    return Softplus.apply(
        input, partial(kernels.softplus, **options), partial(kernels.softplus_backward, **options), curvature
    )


def logsigmoid(input: Tensor) -> Tensor:
    """Return log(1 / (1 + exp(-x)))."""
    check_input(input, "logsigmoid")

    def curvature(x: Tensor) -> Tensor:
        s = sigmoid(x)
        return s * (s - 1)

    return LogSigmoid.apply(input, kernels.log_sigmoid, kernels.log_sigmoid_backward, curvature)
