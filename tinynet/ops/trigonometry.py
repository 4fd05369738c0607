"""Functions of angles and of hyperbolas, and their inverses. Angles are in radians."""

from __future__ import annotations

import math

from tinynet.backend import Array, array_module
from tinynet.ops.arithmetic import Mul
from tinynet.ops.elementwise import rsqrt
from tinynet.ops.unary import Unary, real
from tinynet.tensor import Tensor

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "rad2deg",
    "sin",
    "sinh",
    "tan",
]


class Sin(Unary):
    """sin(x)."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).sin(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * array_module(z).cos(z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -sin(z)


class Cos(Unary):
    """cos(x)."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).cos(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return -grad * array_module(z).sin(z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -cos(z)


class Tan(Unary):
    """tan(x), with slope 1 + y**2."""

    keeps_output = True

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).tan(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * (1 + z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return 2 * z


class Asin(Unary):
    """The angle in [-pi/2, pi/2] of which x is the sine."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arcsin(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / array_module(z).sqrt(1 - z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        slope = rsqrt(1 - z * z)
        return z * (slope * slope * slope)


class Acos(Unary):
    """The angle in [0, pi] of which x is the cosine."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arccos(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return -grad / array_module(z).sqrt(1 - z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return -Asin.change(z)


class Atan(Unary):
    """The angle in [-pi/2, pi/2] of which x is the tangent."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arctan(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (1 + z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        below = 1 + z * z
        return -2 * z / (below * below)


class Sinh(Unary):
    """(exp(x) - exp(-x)) / 2."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).sinh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * array_module(z).cosh(z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return sinh(z)


class Cosh(Unary):
    """(exp(x) + exp(-x)) / 2."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).cosh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad * array_module(z).sinh(z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        return cosh(z)


class Asinh(Unary):
    """The number of which x is the hyperbolic sine."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arcsinh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / array_module(z).sqrt(z * z + 1)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        slope = rsqrt(z * z + 1)
        return -z * (slope * slope * slope)


class Acosh(Unary):
    """The number >= 0 of which x is the hyperbolic cosine."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arccosh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / array_module(z).sqrt(z * z - 1)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        slope = rsqrt(z * z - 1)
        return -z * (slope * slope * slope)


class Atanh(Unary):
    """The number of which x is the hyperbolic tangent."""

    @staticmethod
    def value(x: Array) -> Array:
        return array_module(x).arctanh(x)

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        return grad / (1 - z * z)

    @staticmethod
    def change(z: Tensor) -> Tensor:
        below = 1 - z * z
        return 2 * z / (below * below)


def sin(input: Tensor) -> Tensor:
    """Return the sine of each angle."""
    return Sin.apply(real(input, "sin"))


def cos(input: Tensor) -> Tensor:
    """Return the cosine of each angle."""
    return Cos.apply(real(input, "cos"))


def tan(input: Tensor) -> Tensor:
    """Return the tangent of each angle."""
    return Tan.apply(real(input, "tan"))


def asin(input: Tensor) -> Tensor:
    """Return the angle in [-pi/2, pi/2] that has each sine; NaN outside [-1, 1]."""
    return Asin.apply(real(input, "asin"))


def acos(input: Tensor) -> Tensor:
    """Return the angle in [0, pi] that has each cosine; NaN outside [-1, 1]."""
    return Acos.apply(real(input, "acos"))


def atan(input: Tensor) -> Tensor:
    """Return the angle in [-pi/2, pi/2] that has each tangent."""
    return Atan.apply(real(input, "atan"))


def sinh(input: Tensor) -> Tensor:
    """Return the hyperbolic sine of each element."""
    return Sinh.apply(real(input, "sinh"))


def cosh(input: Tensor) -> Tensor:
    """Return the hyperbolic cosine of each element."""
    return Cosh.apply(real(input, "cosh"))


def asinh(input: Tensor) -> Tensor:
    """Return the number that has each hyperbolic sine."""
    return Asinh.apply(real(input, "asinh"))


def acosh(input: Tensor) -> Tensor:
    """Return the number >= 0 that has each hyperbolic cosine; NaN below 1."""
    return Acosh.apply(real(input, "acosh"))


def atanh(input: Tensor) -> Tensor:
    """Return the number that has each hyperbolic tangent; NaN outside [-1, 1]."""
    return Atanh.apply(real(input, "atanh"))


def deg2rad(input: Tensor) -> Tensor:
    """Return each angle, given in degrees, in radians."""
    return Mul.apply(real(input, "deg2rad"), math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Return each angle, given in radians, in degrees."""
    return Mul.apply(real(input, "rad2deg"), 180 / math.pi)


arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
