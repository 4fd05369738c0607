"""Rounding, signs, and what is not a finite number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import Array, array_module
from tinynet.ops.unary import not_a_tensor, refuse
from tinynet.tensor import Tensor

__all__ = [
    "ceil",
    "fix",
    "floor",
    "frac",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "nan_to_num",
    "positive",
    "round",
    "sgn",
    "sign",
    "signbit",
    "trunc",
]


class Flat(Function):
    """A function of each element that is constant in pieces: its gradient is zero.

    Arguments: x, the function from array to array.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Array], Array]) -> Tensor:
        return Tensor(function(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return Tensor(array_module(grad.array).zeros_like(grad.array)), None


class Sign(Flat):
    """-1, 0 or 1."""


class Floor(Flat):
    """x rounded down."""


class Ceil(Flat):
    """x rounded up."""


class Round(Flat):
    """x rounded to the nearest."""


class Trunc(Flat):
    """x rounded towards 0."""


class Frac(Function):
    """x - trunc(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return Tensor(x.array - array_module(x.array).trunc(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class NanToNum(Function):
    """x, and numbers in the place of NaN and of the infinities, where the slope is 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, nan: float, posinf: float, neginf: float) -> Tensor:
        ctx.save_for_backward(x)
        z, number = x.array, x.array.dtype.type
        where = array_module(z).where
        y = where(z == np.inf, number(posinf), where(z == -np.inf, number(neginf), z))
        return Tensor(where(z != z, number(nan), y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return NanToNumBackward.apply(grad, *ctx.saved_tensors), None, None, None


class NanToNumBackward(Function):
    """grad_y where x is finite, else 0 * grad_y: linear in grad_y, constant in x."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(x.detach())
        return Tensor(grad_y.array * array_module(x.array).isfinite(x.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return NanToNumBackward.apply(grad, *ctx.saved_tensors), None


def sign_of(x: Array) -> Array:
    """Return -1, 0 or 1; 0 for NaN, as in torch."""
    return array_module(x).subtract(x > 0, x < 0, dtype=x.dtype)


def sign(input: Tensor) -> Tensor:
    """Return -1 for elements below 0, 1 above, else 0."""
    refuse(input, "sign", "")
    return input.clone() if input.array.dtype.kind == "b" else Sign.apply(input, sign_of)


def _rounded(function: type[Flat], input: Tensor, name: str, rounding: Callable[[Array], Array]) -> Tensor:
    refuse(input, name, "b")
    if input.array.dtype.kind != "f":
        return input.clone()
    return function.apply(input, rounding)


def floor(input: Tensor) -> Tensor:
    """Return the largest whole number not above each element.

    Raises:  NotImplementedError: bool
    """
    return _rounded(Floor, input, "floor", lambda x: array_module(x).floor(x))


def ceil(input: Tensor) -> Tensor:
    """Return the smallest whole number not below each element.

    Raises:  NotImplementedError: bool
    """
    return _rounded(Ceil, input, "ceil", lambda x: array_module(x).ceil(x))


def trunc(input: Tensor) -> Tensor:
    """Return each element without what is behind the decimal point.

    Raises:  NotImplementedError: bool
    """
    return _rounded(Trunc, input, "trunc", lambda x: array_module(x).trunc(x))


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Return the nearest number with so many decimals, the even one of two; negative: multiples of 10, 100, ...

    Raises:  TypeError: decimals is no whole number
             NotImplementedError: bool, or whole numbers and decimals other than 0
    """
    if not isinstance(decimals, int):
        raise TypeError(f"round(): argument 'decimals' must be int, not {type(decimals).__name__}")
    if decimals == 0:
        return _rounded(Round, input, "round", lambda x: array_module(x).rint(x))
    refuse(input, "round", "biu")
    power = input.array.dtype.type(10.0 ** abs(decimals))

    def nearest(x: Array) -> Array:
        xp = array_module(x)
        return xp.rint(x * power) / power if decimals > 0 else xp.rint(x / power) * power

    return Round.apply(input, nearest)


def frac(input: Tensor) -> Tensor:
    """Return what is behind the decimal point of each element, with its sign.

    Raises:  NotImplementedError: not floating point
    """
    refuse(input, "frac", "biu")
    return Frac.apply(input)


def _test(input: Any, name: str, condition: Callable[[Array], Array]) -> Tensor:
    if not isinstance(input, Tensor):
        raise not_a_tensor(input, name)
    return Tensor(condition(input.array))


def isnan(input: Tensor) -> Tensor:
    """Return whether each element is NaN."""
    return _test(input, "isnan", lambda x: x != x)


def isinf(input: Tensor) -> Tensor:
    """Return whether each element is inf or -inf."""
    return _test(input, "isinf", lambda x: array_module(x).isinf(x))


def isfinite(input: Tensor) -> Tensor:
    """Return whether each element is neither NaN nor infinite."""
    return _test(input, "isfinite", lambda x: array_module(x).isfinite(x))


def isposinf(input: Tensor) -> Tensor:
    """Return whether each element is inf."""
    return _test(input, "isposinf", lambda x: x == np.inf)


def isneginf(input: Tensor) -> Tensor:
    """Return whether each element is -inf."""
    return _test(input, "isneginf", lambda x: x == -np.inf)


def signbit(input: Tensor) -> Tensor:
    """Return whether each element has a minus sign, as -0.0 has."""
    return _test(input, "signbit", lambda x: array_module(x).signbit(x) if x.dtype.kind == "f" else x < 0)


def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Return the input with `nan` (0) for NaN, and `posinf` and `neginf` (the dtype's largest) for the infinities.

    Raises:  TypeError: one of them is no number
    """
    refuse(input, "nan_to_num", "")
    for name, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
        if value is not None and not isinstance(value, int | float):
            raise TypeError(f"nan_to_num(): argument '{name}' must be float, not {type(value).__name__}")
    if input.array.dtype.kind != "f":
        return input.clone()
    largest = float(np.finfo(input.array.dtype).max)
    return NanToNum.apply(
        input,
        0.0 if nan is None else nan,
        largest if posinf is None else posinf,
        -largest if neginf is None else neginf,
    )


def positive(input: Tensor) -> Tensor:
    """Return the input itself.

    Raises:  RuntimeError: bool
    """
    refuse(input, "positive", "")
    if input.array.dtype.kind == "b":
        raise RuntimeError(
            f"The `+` operator, on a bool tensor is not supported, got an input of size {list(input.array.shape)}"
        )
    return input


sgn, fix = sign, trunc
