"""Sums, products, quotients and powers of two sides, which broadcast: axes of size 1 or missing are repeated.

Dtypes meet as promotion.py says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.autograd import Function, delayed, is_grad_enabled
from tinynet.autograd.delayed import DelayedTensor
from tinynet.backend import Array, array_module
from tinynet.kernels.generic import fused
from tinynet.ops.promotion import array_of, operands, refuse_bools, shape_of
from tinynet.ops.reduce import sum_to
from tinynet.tensor import Tensor

__all__ = [
    "add",
    "addcdiv",
    "addcmul",
    "lerp",
    "mul",
    "multiply",
    "neg",
    "negative",
    "pow",
    "rsub",
    "sub",
    "subtract",
]


LARGE = 1 << 14
"""Elements from which a sum is worth a kernel of its own."""


class Add(Function):
    """x + y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        if isinstance(x, DelayedTensor) or isinstance(y, DelayedTensor):
            later = delayed.added(x, y)
            if later is not None:
                ctx.shapes = later.shape, later.shape
                return later
        a, b = array_of(x), array_of(y)
        ctx.shapes = shape_of(x), shape_of(y)
        if ctx.shapes[0] and ctx.shapes[0] == ctx.shapes[1] and a.size >= LARGE:
            return Tensor(fused.sum_of_two(a, other=b))
        return Tensor(a + b)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        need_x, need_y = ctx.needs_input_grad
        x, y = ctx.shapes
        if isinstance(grad, DelayedTensor):
            grad.shared = grad.shared or (need_x and need_y)
        return sum_to(grad, x) if need_x else None, sum_to(grad, y) if need_y else None


class Sub(Function):
    """x - y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        a, b = array_of(x), array_of(y)
        ctx.shapes = shape_of(x), shape_of(y)
        return Tensor(a - b)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        need_x, need_y = ctx.needs_input_grad
        x, y = ctx.shapes
        return sum_to(grad, x) if need_x else None, sum_to(Neg.apply(grad), y) if need_y else None


class Mul(Function):
    """x * y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        need_x, need_y = ctx.needs_input_grad
        if need_x or need_y:
            ctx.save_for_backward(x if need_y else None, y if need_x else None)
            ctx.shapes = shape_of(x), shape_of(y)
        return Tensor(array_of(x) * array_of(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        shape_x, shape_y = ctx.shapes
        return (
            sum_to(Mul.apply(grad, y), shape_x) if need_x else None,
            sum_to(Mul.apply(grad, x), shape_y) if need_y else None,
        )


class Div(Function):
    """x / y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        need_x, need_y = ctx.needs_input_grad
        if need_x or need_y:
            ctx.save_for_backward(x if need_y else None, y)
            ctx.shapes = shape_of(x), shape_of(y)
        return Tensor(array_of(x) / array_of(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        shape_x, shape_y = ctx.shapes
        return (
            sum_to(Div.apply(grad, y), shape_x) if need_x else None,
            sum_to(DivByDenominator.apply(grad, x, y), shape_y) if need_y else None,
        )


class DivByDenominator(Function):
    """-grad * x / y**2, the slope of x / y in y."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, x: Any, y: Tensor) -> Tensor:
        ctx.save_for_backward(grad, x, y)
        return Tensor(-grad.array / y.array * (array_of(x) / y.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad_z, x, y = ctx.saved_tensors
        need_grad, need_x, need_y = ctx.needs_input_grad
        return (
            sum_to(-grad * x / (y * y), grad_z.array.shape) if need_grad else None,
            sum_to(-grad * grad_z / (y * y), shape_of(x)) if need_x else None,
            sum_to(2 * grad * grad_z * x / (y * y * y), y.array.shape) if need_y else None,
        )


class Pow(Function):
    """x ** y, whose derivative y * x**(y-1) is 0 where y is 0, and x**y * log(x) is 0 where x is 0 and y >= 0."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(x, y)
        a, b = array_of(x), array_of(y)
        if isinstance(y, Tensor) and b.dtype.kind == "i":
            return Tensor(_whole_power(a, b))
        return Tensor(a**b)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        return (
            sum_to(grad * _slope_of_power(x, y), shape_of(x)) if need_x else None,
            sum_to(grad * _slope_of_exponential(x, y), shape_of(y)) if need_y else None,
        )


def _whole_power(x: Any, y: Array) -> Array:
    """Return x ** y of whole numbers; where y < 0 that is 1 / x**-y rounded towards zero, and 0 of 0, as in torch."""
    xp = array_module(y)
    power = x ** xp.maximum(y, 0)
    inverse = xp.where(x == 1, 1, xp.where(x == -1, 1 - 2 * (y % 2), 0))
    return xp.where(y < 0, inverse, power).astype(power.dtype, copy=False)


def _slope_of_power(x: Tensor, y: Any) -> Tensor:
    from tinynet.ops.comparison import where

    if isinstance(y, Tensor):
        return where(y == 0, 0.0, y * pow(x, y - 1))
    if y == 0:
        return Tensor(array_module(x.array).zeros_like(x.array))
    return x * 2 if y == 2 else y * pow(x, y - 1)


def _slope_of_exponential(x: Any, y: Tensor) -> Tensor:
    from tinynet.ops.comparison import where
    from tinynet.ops.elementwise import log

    base = x if isinstance(x, Tensor) else Tensor(array_module(y.array).full_like(y.array, x))
    vanishes = Tensor((base.array == 0) & (y.array >= 0))
    return where(vanishes, 0.0, pow(x, y) * log(where(vanishes, 1.0, base)))


class Neg(Function):
    """-x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return Tensor(-x.array)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return Neg.apply(grad)


def _scaled(input: Any, other: Any, alpha: Any) -> tuple[Any, Any]:
    """Return input and alpha * other, in the dtype in which the two meet.

    Raises:  RuntimeError: alpha is not whole, but both operands are
    """
    floating = any(
        isinstance(v, float) or (isinstance(v, Tensor) and v.is_floating_point()) for v in (input, other)
    )
    if isinstance(alpha, float) and not floating:
        raise RuntimeError(
            f"For integral input tensors, argument alpha must not be a floating point number, got {alpha}"
        )
    x, y = operands(input, other)
    return x, y * alpha


def _alike(x: Tensor, y: Tensor) -> bool:
    """Return whether two tensors have one shape and dtype."""
    first, second = delayed.outline(x), delayed.outline(y)
    return first.shape == second.shape and first.dtype == second.dtype


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """Return input + alpha * other."""
    if alpha != 1:
        input, other = _scaled(input, other, alpha)
    if (
        (isinstance(input, DelayedTensor) and isinstance(other, Tensor))
        or (isinstance(other, DelayedTensor) and isinstance(input, Tensor))
    ) and _alike(input, other):
        if not is_grad_enabled():  # as in ops.conv.conv2d
            later = delayed.added(input, other)
            if later is not None:
                return later
        return Add.apply(input, other)  # `operands` would ask for the values
    return Add.apply(*operands(input, other))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """Return input - alpha * other.

    Raises:  RuntimeError: both are bool: use logical_xor
    """
    if alpha != 1:
        input, other = _scaled(input, other, alpha)
    x, y = operands(input, other)
    if x.dtype == np.bool_ if isinstance(x, Tensor) else y.dtype == np.bool_:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use `^` or `logical_xor` instead."
        )
    return Sub.apply(x, y)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """Return other - alpha * input."""
    return sub(other, input, alpha=alpha)


def mul(input: Any, other: Any) -> Tensor:
    """Return input * other."""
    return Mul.apply(*operands(input, other))


def pow(input: Any, exponent: Any) -> Tensor:
    """Return input to the power of the exponent.

    Raises:  RuntimeError: a whole number to a negative whole number; NotImplementedError: both are bool
    """
    x, y = operands(input, exponent)
    refuse_bools("pow", x, y)
    if (x if isinstance(x, Tensor) else y).array.dtype.kind in "iu" and not isinstance(y, Tensor) and y < 0:
        raise RuntimeError(f"Integers to negative integer powers are not allowed, got exponent {y}")
    return Pow.apply(x, y)


def neg(input: Tensor) -> Tensor:
    """Return -input.

    Raises:  RuntimeError: input is bool
    """
    if input.array.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. Use `~` or `logical_not()` instead."
        )
    return Neg.apply(input)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """Return input + weight * (end - input); weight a number or a Tensor."""
    return input + weight * (end - input)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """Return input + value * tensor1 * tensor2."""
    product = tensor1 * tensor2
    return input + (product if value == 1 else product * value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """Return input + value * tensor1 / tensor2."""
    quotient = tensor1 / tensor2
    return input + (quotient if value == 1 else quotient * value)


subtract, multiply, negative = sub, mul, neg
