"""Arithmetic and choices between two sides, with broadcasting: both sides are repeated along axes of size 1 or missing.

Either side may be a Python number, which takes the tensor's dtype. Two tensors of different dtypes meet as in torch:
floating point before whole numbers before bool, then the wider; a tensor without axes yields to one of its kind
that has some.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import backend
from tinynet.autograd import Function
from tinynet.ops.elementwise import log
from tinynet.ops.reduce import sum_to
from tinynet.tensor import Tensor

__all__ = ["add", "div", "mul", "neg", "pow", "sub", "where"]

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2}  # dtype.kind: of two kinds the higher wins


def _array(value: Any) -> Any:
    return value.array if isinstance(value, Tensor) else value


def _shape(value: Any) -> tuple[int, ...]:
    return value.shape if isinstance(value, Tensor) else ()


class Add(Function):
    """x + y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.shapes = _shape(x), _shape(y)
        return Tensor(_array(x) + _array(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return tuple(
            sum_to(grad, shape) if needed else None
            for shape, needed in zip(ctx.shapes, ctx.needs_input_grad, strict=True)
        )


class Sub(Function):
    """x - y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.shapes = _shape(x), _shape(y)
        return Tensor(_array(x) - _array(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        need_x, need_y = ctx.needs_input_grad
        shape_x, shape_y = ctx.shapes
        return sum_to(grad, shape_x) if need_x else None, sum_to(-grad, shape_y) if need_y else None


class Mul(Function):
    """x * y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(x, y)
        return Tensor(_array(x) * _array(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        return (
            sum_to(grad * y, _shape(x)) if need_x else None,
            sum_to(grad * x, _shape(y)) if need_y else None,
        )


class Div(Function):
    """x / y."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(x, y)
        return Tensor(_array(x) / _array(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        return (
            sum_to(grad / y, _shape(x)) if need_x else None,
            sum_to(-grad * x / (y * y), _shape(y)) if need_y else None,
        )


class Pow(Function):
    """x ** y, whose derivative y * x**(y-1) is 0 where y is 0, and x**y * log(x) is 0 where x is 0 and y >= 0."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(x, y)
        return Tensor(_array(x) ** _array(y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        grad_x = grad_y = None
        if need_x:
            if isinstance(y, Tensor):
                slope = where(y == 0, 0.0, y * pow(x, y - 1))
            elif y == 0:
                slope = Tensor(backend.array_module(x.array).zeros_like(x.array))
            else:
                slope = y * pow(x, y - 1)
            grad_x = sum_to(grad * slope, _shape(x))
        if need_y:
            base = x if isinstance(x, Tensor) else Tensor(backend.array_module(y.array).full_like(y.array, x))
            vanishes = Tensor((base.array == 0) & (y.array >= 0))
            slope = where(vanishes, 0.0, pow(x, y) * log(where(vanishes, 1.0, base)))
            grad_y = sum_to(grad * slope, _shape(y))
        return grad_x, grad_y


class Neg(Function):
    """-x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return Tensor(-x.array)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


class Where(Function):
    """x where the condition holds, else y."""

    @staticmethod
    def forward(ctx: Any, condition: Tensor, x: Any, y: Any) -> Tensor:
        ctx.save_for_backward(condition)
        ctx.shapes = _shape(x), _shape(y)
        return Tensor(backend.array_module(condition.array).where(condition.array, _array(x), _array(y)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (condition,) = ctx.saved_tensors
        _, need_x, need_y = ctx.needs_input_grad
        shape_x, shape_y = ctx.shapes
        return (
            None,
            sum_to(where(condition, grad, 0), shape_x) if need_x else None,
            sum_to(where(condition, 0, grad), shape_y) if need_y else None,
        )


def result_type(x: np.dtype, y: np.dtype) -> np.dtype:
    """Return the dtype in which two tensors meet, if both or neither have axes."""
    rank_x, rank_y = _RANK[x.kind], _RANK[y.kind]
    if rank_x != rank_y:
        return x if rank_x > rank_y else y
    return np.promote_types(x, y)


def _operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Bring two operands to one dtype, and check that their shapes broadcast."""
    for value in (x, y):
        if not isinstance(value, Tensor | bool | int | float | np.number):
            raise TypeError(f"unsupported operand: expected a Tensor or a number, got {type(value).__name__}")
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        check_broadcast(x.shape, y.shape)
        if x.dtype == y.dtype:
            return x, y
        if (x.ndim == 0) != (y.ndim == 0) and _RANK[x.dtype.kind] == _RANK[y.dtype.kind]:
            dtype = x.dtype if x.ndim else y.dtype
        else:
            dtype = result_type(x.dtype, y.dtype)
        return x.to(dtype), y.to(dtype)
    if isinstance(x, Tensor):
        return _with_number(x, y)
    y, x = _with_number(y, x)
    return x, y


def _with_number(x: Tensor, number: Any) -> tuple[Tensor, bool | int | float]:
    """Return the tensor in a dtype that can hold the number's kind, and the number without a dtype of its own."""
    number = number.item() if isinstance(number, np.generic) else number
    if isinstance(number, float) and not x.is_floating_point():
        x = x.to(np.float32)
    elif x.dtype == np.bool_ and not isinstance(number, bool):
        x = x.to(np.int64)
    return x, number


def check_broadcast(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Refuse two shapes that do not broadcast to one.

    Raises:  RuntimeError: two sizes of the same axis, counted from the last, differ and neither is 1
    """
    for i in range(1, min(len(x), len(y)) + 1):
        if x[-i] != y[-i] and 1 not in (x[-i], y[-i]):
            raise RuntimeError(
                f"The size of tensor a ({x[-i]}) must match the size of tensor b ({y[-i]}) at non-singleton "
                f"dimension {max(len(x), len(y)) - i}: shapes {list(x)} and {list(y)}"
            )


def add(x: Any, y: Any) -> Tensor:
    """Return x + y."""
    return Add.apply(*_operands(x, y))


def sub(x: Any, y: Any) -> Tensor:
    """Return x - y."""
    return Sub.apply(*_operands(x, y))


def mul(x: Any, y: Any) -> Tensor:
    """Return x * y."""
    return Mul.apply(*_operands(x, y))


def div(x: Any, y: Any) -> Tensor:
    """Return x / y; whole numbers are divided as float32."""
    x, y = _operands(x, y)
    x, y = (v.to(np.float32) if isinstance(v, Tensor) and not v.is_floating_point() else v for v in (x, y))
    return Div.apply(x, y)


def pow(x: Any, y: Any) -> Tensor:
    """Return x to the power y."""
    return Pow.apply(*_operands(x, y))


def neg(x: Tensor) -> Tensor:
    """Return -x."""
    return Neg.apply(x)


def where(condition: Tensor, x: Any, y: Any) -> Tensor:
    """Return x where the condition (bool) holds, else y; all three broadcast.

    Raises:  TypeError: the condition is not bool, or neither x nor y is a tensor
    """
    if condition.dtype != np.bool_:
        raise TypeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        raise TypeError(f"where needs a tensor among its two choices, got {x!r} and {y!r}")
    x, y = _operands(x, y)
    for side in (x, y):
        check_broadcast(condition.shape, _shape(side))
    # A bare number would meet the other side in float64: give it the tensor's dtype.
    x, y = (v if isinstance(v, Tensor) else o.dtype.type(v) for v, o in ((x, y), (y, x)))
    return Where.apply(condition, x, y)


def compare(relation: str, x: Any, y: Any) -> Tensor:
    """Return where a relation, named as NumPy's ufunc ("equal", "less", ...), holds; has no gradient."""
    x, y = _operands(x, y)
    xp = backend.array_module(_array(x), _array(y))
    return Tensor(getattr(xp, relation)(_array(x), _array(y)))
