"""The error function, and the inverse of sigmoid."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import Array, array_module
from tinynet.kernels.generic import error_function as kernels
from tinynet.ops.comparison import where
from tinynet.ops.elementwise import exp, reciprocal
from tinynet.ops.unary import Unary, real
from tinynet.tensor import Tensor

__all__ = ["erf", "erfc", "logit"]

SLOPE_OF_ERF = 2 / math.sqrt(math.pi)  # at 0


class Erf(Unary):
    """2 / sqrt(pi) * the integral of exp(-t**2) from 0 to x."""

    @staticmethod
    def value(x: Array) -> Array:
        return _in_single(kernels.erf, x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return SLOPE_OF_ERF * array_module(z).exp(-z * z) * grad

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return (-2 * SLOPE_OF_ERF) * z * exp(-z * z)


class Erfc(Unary):
    """1 - erf(x)."""

    @staticmethod
    def value(x: Array) -> Array:
        return _in_single(kernels.erfc, x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return -Erf.scale(grad, z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -Erf.change(z)


class Logit(Function):
    """log(x / (1 - x)), x first moved to between eps and 1 - eps if eps is not None."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float | None) -> Tensor:
        ctx.save_for_backward(x)
        ctx.eps = eps
        z = x.array
        if eps is not None:
            xp, (low, high) = array_module(z), _bounds(z, eps)
            z = xp.where(z < low, low, xp.where(z > high, high, z))
        return Tensor(_in_single(_log_of_odds, z))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return LogitBackward.apply(grad, *ctx.saved_tensors, ctx.eps), None


class LogitBackward(Function):
    """grad_y / (x * (1 - x)); where x was moved 0, without eps outside [0, 1] NaN."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, x: Tensor, eps: float | None) -> Tensor:
        ctx.save_for_backward(grad_y, x)
        ctx.eps = eps
        z, (low, high) = x.array, _bounds(x.array, eps)
        # + 0.0: at -0.0 the slope is inf as at 0.0
        inner = grad_y.array / (z * (1 - z) + z.dtype.type(0))
        return Tensor(array_module(z).where((z < low) | (z > high), z.dtype.type(_outside(eps)), inner))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        grad_y, x = ctx.saved_tensors
        need_grad_y, need_x, _ = ctx.needs_input_grad
        return (
            LogitBackward.apply(grad, x, ctx.eps) if need_grad_y else None,
            grad * grad_y * _change_of_slope(x, ctx.eps) if need_x else None,
            None,
        )


def _change_of_slope(x: Tensor, eps: float | None) -> Tensor:
    low, high = _bounds(x.array, eps)
    moved = Tensor((x.array < low) | (x.array > high))
    z = where(moved, 0.5, x)  # away from the poles, whose NaN would reach the next derivative
    slope = reciprocal(z * (1 - z))
    return where(moved, _outside(eps), (2 * z - 1) * (slope * slope))


def _bounds(x: Array, eps: float | None) -> tuple[Any, Any]:
    low = x.dtype.type(0 if eps is None else eps)
    return low, 1 - low


def _outside(eps: float | None) -> float:
    """Return the slope where x is not between the bounds."""
    return math.nan if eps is None else 0.0


def _log_of_odds(x: Array) -> Array:
    return array_module(x).log(x / (1 - x))


def _in_single(function: Callable[[Array], Array], x: Array) -> Array:
    """Return function(x), that of half precision computed in single."""
    if x.dtype.itemsize >= 4:
        return function(x)
    return function(x.astype(np.float32)).astype(x.dtype)


def erf(input: Tensor) -> Tensor:
    """Return the error function of each element.

    Source:  Cody 1969, Rational Chebyshev approximations for the error function, Mathematics of Computation 23
    """
    return Erf.apply(real(input, "erf"))


def erfc(input: Tensor) -> Tensor:
    """Return 1 - erf(x) of each element x, exact also where it is small.

    Source:  Cody 1969, Rational Chebyshev approximations for the error function, Mathematics of Computation 23
    """
    return Erfc.apply(real(input, "erfc"))


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return log(x / (1 - x)) of each element x, which is first moved to between eps and 1 - eps.

    Without eps, or with a negative one, it is not moved: NaN outside [0, 1].

    Raises:  TypeError: eps is no number
    """
    if not (eps is None or isinstance(eps, int | float)):
        raise TypeError(f"logit(): argument 'eps' must be float, not {type(eps).__name__}")
    return Logit.apply(real(input, "logit"), None if eps is None or eps < 0 else eps)
