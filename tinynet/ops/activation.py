"""Activations."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.kernels.generic import activation as kernels
from tinynet.ops.elementwise import exp
from tinynet.ops.reduce import normalize_dim
from tinynet.tensor import Tensor


class ReLU(Function):
    """max(x, 0), with slope 0 at 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = Tensor(kernels.relu(x.array))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return ReLUBackward.apply(grad_y, y.detach())


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


def relu(x: Tensor) -> Tensor:
    """Return max(x, 0) of each element x."""
    return ReLU.apply(x)


def log_softmax(x: Tensor, dim: int) -> Tensor:
    """Return the logarithm of softmax along the axis `dim`.

    Raises:  IndexError: there is no such axis; RuntimeError: x is not floating point
    """
    if not x.is_floating_point():
        raise RuntimeError(f"softmax: input must be floating point, got {x.dtype}")
    axis = normalize_dim(dim, x.ndim)
    if x.ndim == 0:
        return log_softmax(x.reshape((1,)), 0).reshape(())
    return LogSoftmax.apply(x, axis) if x.numel() else x.clone()


def softmax(x: Tensor, dim: int) -> Tensor:
    """Return exp(x) / sum(exp(x)) along the axis `dim`."""
    return exp(log_softmax(x, dim))
