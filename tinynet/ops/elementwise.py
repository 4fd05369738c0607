"""Exponentials, logarithms, roots and absolute values of each element, and copies in another dtype or device.

Angles are in trigonometry.py, rounding and signs in rounding.py, the error function in special.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet import backend
from tinynet.autograd import Function
from tinynet.backend import Array, array_module
from tinynet.ops.arithmetic import Div, Mul
from tinynet.ops.rounding import sign_of
from tinynet.ops.unary import Unary, real, refuse
from tinynet.tensor import Tensor

__all__ = [
    "abs",
    "absolute",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sqrt",
    "square",
    "tanh",
]

LN2, LN10 = math.log(2), math.log(10)


class Exp(Function):
    """e**x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(array_module(x.array).exp(x.array))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return Mul.apply(grad, *ctx.saved_tensors)


class Exp2(Unary):
    """2**x."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).exp2(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * z * LN2

    @staticmethod
    def change(z: Tensor) -> float:
        return LN2


class Expm1(Unary):
    """e**x - 1, exact near 0."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).expm1(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * (z + 1)

    @staticmethod
    def change(z: Tensor) -> float:
        return 1.0


class Log(Function):
    """The natural logarithm of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return Tensor(array_module(x.array).log(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return Div.apply(grad, *ctx.saved_tensors)


class Log1p(Unary):
    """The natural logarithm of 1 + x, exact near 0."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).log1p(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (z + 1)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -1 / square(z + 1)


class Log2(Unary):
    """The logarithm of x to base 2."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).log2(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (z * LN2)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -1 / (z * z * LN2)


class Log10(Unary):
    """The logarithm of x to base 10."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).log10(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (z * LN10)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -1 / (z * z * LN10)


class Sqrt(Unary):
    """The square root of x, with slope 1 / (2 * y)."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).sqrt(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (2 * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -0.5 / (z * z)


class Rsqrt(Unary):
    """1 / sqrt(x), with slope -y**3 / 2."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return 1 / array_module(x).sqrt(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return -0.5 * grad * (z * z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -1.5 * (z * z)


class Reciprocal(Unary):
    """1 / x, with slope -y**2."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return 1 / x

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return -grad * (z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -2 * z


class Square(Unary):
    """x**2."""

    @staticmethod
    def value(x: Array) -> Array:
        return x * x

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * (2 * z)

    @staticmethod
    def change(z: Tensor) -> float:
        return 2.0


class Abs(Unary):
    """|x|, with slope 0 at 0."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).abs(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * sign_of(z)

    @staticmethod
    def change(z: Tensor) -> float:
        return 0.0


class Tanh(Unary):
    """The hyperbolic tangent of x, with slope 1 - y**2."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).tanh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * (1 - z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -2 * z


class Sigmoid(Unary):
    """1 / (1 + e**-x), with slope y * (1 - y): where e**-x overflows it is 0."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return 1 / (1 + array_module(x).exp(-x))

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * (z * (1 - z))

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return 1 - 2 * z


class Cast(Function):
    """x in another dtype."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dtype: np.dtype) -> Tensor:
        ctx.dtype = x.dtype
        return Tensor(x.array.astype(dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.to(ctx.dtype), None


class ToDevice(Function):
    """x on another device."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: backend.device) -> Tensor:
        ctx.device = x.device
        return Tensor(backend.to_device(x.array, target))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.to(ctx.device), None


def exp(input: Tensor) -> Tensor:
    """Return e to the power of each element."""
    return Exp.apply(real(input, "exp"))


def exp2(input: Tensor) -> Tensor:
    """Return 2 to the power of each element."""
    return Exp2.apply(real(input, "exp2"))


def expm1(input: Tensor) -> Tensor:
    """Return e to the power of each element, less 1, exact near 0."""
    return Expm1.apply(real(input, "expm1"))


def log(input: Tensor) -> Tensor:
    """Return the natural logarithm of each element; NaN below 0."""
    return Log.apply(real(input, "log"))


def log1p(input: Tensor) -> Tensor:
    """Return the natural logarithm of 1 + x of each element x, exact near 0; NaN below -1."""
    return Log1p.apply(real(input, "log1p"))


def log2(input: Tensor) -> Tensor:
    """Return the logarithm of each element to base 2; NaN below 0."""
    return Log2.apply(real(input, "log2"))


def log10(input: Tensor) -> Tensor:
    """Return the logarithm of each element to base 10; NaN below 0."""
    return Log10.apply(real(input, "log10"))


def sqrt(input: Tensor) -> Tensor:
    """Return the square root of each element; NaN below 0."""
    return Sqrt.apply(real(input, "sqrt"))


def rsqrt(input: Tensor) -> Tensor:
    """Return 1 / sqrt(x) of each element x; NaN below 0."""
    return Rsqrt.apply(real(input, "rsqrt"))


def reciprocal(input: Tensor) -> Tensor:
    """Return 1 / x of each element x."""
    return Reciprocal.apply(real(input, "reciprocal"))


def square(input: Tensor) -> Tensor:
    """Return x * x of each element x; whole numbers stay whole, bools become int64."""
    refuse(input, "square", "")
    return Square.apply(input.to(np.int64) if input.array.dtype.kind == "b" else input)


def abs(input: Tensor) -> Tensor:
    """Return the absolute value of each element, with slope 0 at 0.

    Raises:  NotImplementedError: bool
    """
    refuse(input, "abs", "b")
    return Abs.apply(input)


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element."""
    return Tanh.apply(real(input, "tanh"))


def sigmoid(input: Tensor) -> Tensor:
    """Return 1 / (1 + e**-x) of each element x."""
    return Sigmoid.apply(real(input, "sigmoid"))


def cast(x: Tensor, dtype: np.dtype) -> Tensor:
    """Return x in another dtype."""
    return Cast.apply(x, dtype)


def to_device(x: Tensor, target: backend.device) -> Tensor:
    """Return x on another device."""
    return ToDevice.apply(x, backend.require_device(target))


absolute = abs
