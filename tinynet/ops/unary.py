"""What the smooth functions of each element share: a forward, a fused backward, and a second derivative."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.backend import Array
from tinynet.default_dtype import get_default_dtype
from tinynet.ops.arithmetic import Mul
from tinynet.tensor import Tensor


class Unary(Function):
    """A function of each element: subclasses say its values, its slope, and how the slope changes.

    The slope is a function of z: of the output if `keeps_output`, else of the input.
    """

    keeps_output = False

    @staticmethod
    def value(x: Array) -> Array:
        """Return the function of each element."""
        raise NotImplementedError

    @staticmethod
    def scale(grad: Array, z: Array) -> Array:
        """Return grad times the slope."""
        raise NotImplementedError

    @staticmethod
    def change(z: Tensor) -> Any:
        """Return the derivative of the slope in z, a Tensor made by operations or a number."""
        raise NotImplementedError

    @classmethod
    def forward(cls, ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(cls.value(x.array))
        ctx.save_for_backward(y if cls.keeps_output else x)
        return y

    @classmethod
    def backward(cls, ctx: Any, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return UnaryBackward.apply(grad, z, cls)


class UnaryBackward(Function):
    """grad times the slope at z of a `Unary` function."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, z: Tensor, function: type[Unary]) -> Tensor:
        ctx.function_of_z = function
        ctx.save_for_backward(grad_y, z)
        return Tensor(function.scale(grad_y.array, z.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad_y, z = ctx.saved_tensors
        need_grad_y, need_z, _ = ctx.needs_input_grad
        function = ctx.function_of_z
        return (
            UnaryBackward.apply(grad, z, function) if need_grad_y else None,
            Mul.apply(Mul.apply(grad, grad_y), function.change(z)) if need_z else None,
            None,
        )


def real(input: Any, name: str) -> Tensor:
    """Return the input, whole numbers and bools in the default dtype.

    Raises:  TypeError: no Tensor
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor(input, name)
    return input if input.array.dtype.kind == "f" else input.to(get_default_dtype())


def not_a_tensor(input: Any, name: str) -> TypeError:
    """Return the error of an argument that is no Tensor."""
    return TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")


def refuse(input: Any, name: str, kinds: str) -> None:
    """Refuse what is no Tensor, and the kinds of number that a function is not defined for.

    Args:    kinds: those of dtype.kind that are refused
    Raises:  TypeError: no Tensor; NotImplementedError: a kind that is refused
    """
    if not isinstance(input, Tensor):
        raise not_a_tensor(input, name)
    dtype = input.array.dtype
    if dtype.kind in kinds:
        raise NotImplementedError(
            f'"{name}" not implemented for {dtype}, got an input of size {list(input.array.shape)}'
        )
