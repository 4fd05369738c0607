"""Functions of each element, and its copies in another dtype or on another device."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import backend
from tinynet.autograd import Function
from tinynet.tensor import Tensor

__all__ = ["abs", "exp", "log", "sigmoid", "sqrt", "tanh"]


class Exp(Function):
    """e**x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(backend.array_module(x.array).exp(x.array))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad * y


class Log(Function):
    """The natural logarithm of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return Tensor(backend.array_module(x.array).log(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad / x


class Sqrt(Function):
    """The square root of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(backend.array_module(x.array).sqrt(x.array))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad / (2 * y)


class Abs(Function):
    """|x|, with slope 0 at 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        xp = backend.array_module(x.array)
        ctx.save_for_backward(Tensor(xp.sign(x.array)))
        return Tensor(xp.abs(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (sign,) = ctx.saved_tensors
        return grad * sign


class Tanh(Function):
    """The hyperbolic tangent of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(backend.array_module(x.array).tanh(x.array))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad * (1 - y * y)


class Sigmoid(Function):
    """1 / (1 + e**-x), computed as (1 + tanh(x/2)) / 2, which does not overflow."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        xp = backend.array_module(x.array)
        y = Tensor(xp.tanh(x.array * x.dtype.type(0.5)) * x.dtype.type(0.5) + x.dtype.type(0.5))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return grad * (y * (1 - y))


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


class Clone(Function):
    """A copy of x, in the same memory order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return Tensor(x.array.copy(order="K"))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


def _real(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.to(np.float32)


def exp(x: Tensor) -> Tensor:
    """Return e to the power of each element."""
    return Exp.apply(_real(x))


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of each element."""
    return Log.apply(_real(x))


def sqrt(x: Tensor) -> Tensor:
    """Return the square root of each element."""
    return Sqrt.apply(_real(x))


def abs(x: Tensor) -> Tensor:
    """Return the absolute value of each element."""
    return Abs.apply(x)


def tanh(x: Tensor) -> Tensor:
    """Return the hyperbolic tangent of each element."""
    return Tanh.apply(_real(x))


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e**-x) of each element x."""
    return Sigmoid.apply(_real(x))


def cast(x: Tensor, dtype: np.dtype) -> Tensor:
    """Return x in another dtype."""
    return Cast.apply(x, dtype)


def to_device(x: Tensor, target: backend.device) -> Tensor:
    """Return x on another device."""
    return ToDevice.apply(x, backend.require_device(target))


def clone(x: Tensor) -> Tensor:
    """Return a copy of x."""
    return Clone.apply(x)
