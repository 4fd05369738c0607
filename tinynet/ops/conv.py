"""Convolution and its two adjoints, each the derivative of the others (see kernels/generic/conv.py)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tinynet.autograd import Function
from tinynet.kernels.generic import conv as kernels
from tinynet.tensor import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How the window moves, in pixels, and into how many groups the channels fall."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


class Conv2d(Function):
    """y = x * weight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return Tensor(kernels.conv2d(x.array, weight.array, **asdict(geometry)))

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        return (*_grads(ctx, x, weight, grad_y), None)


class ConvGradInput(Function):
    """grad_x from grad_y and weight, for images of height and width `image`."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, weight: Tensor, geometry: Geometry, image: Pair) -> Tensor:
        ctx.save_for_backward(grad_y, weight)
        ctx.geometry = geometry
        return Tensor(kernels.conv2d_grad_input(grad_y.array, weight.array, image=image, **asdict(geometry)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        grad_y, weight = ctx.saved_tensors
        need_y, need_weight, *_ = ctx.needs_input_grad
        return (
            Conv2d.apply(grad, weight, ctx.geometry) if need_y else None,
            ConvGradWeight.apply(grad, grad_y, ctx.geometry, weight.shape[2:]) if need_weight else None,
            None,
            None,
        )


class ConvGradWeight(Function):
    """grad_weight from x and grad_y, for a window of height and width `kernel_size`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grad_y: Tensor, geometry: Geometry, kernel_size: Pair) -> Tensor:
        ctx.save_for_backward(x, grad_y)
        ctx.geometry = geometry
        return Tensor(
            kernels.conv2d_grad_weight(x.array, grad_y.array, kernel_size=kernel_size, **asdict(geometry))
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, grad_y = ctx.saved_tensors
        need_x, need_y, *_ = ctx.needs_input_grad
        return (
            ConvGradInput.apply(grad_y, grad, ctx.geometry, x.shape[2:]) if need_x else None,
            Conv2d.apply(x, grad, ctx.geometry) if need_y else None,
            None,
            None,
        )


def _grads(ctx: Any, x: Tensor, weight: Tensor, grad_y: Tensor) -> tuple[Tensor | None, Tensor | None]:
    need_x, need_weight, *_ = ctx.needs_input_grad
    return (
        ConvGradInput.apply(grad_y, weight, ctx.geometry, x.shape[2:]) if need_x else None,
        ConvGradWeight.apply(x, grad_y, ctx.geometry, weight.shape[2:]) if need_weight else None,
    )


def conv2d(x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Cross-correlate x (N, C, H, W) with weight (O, C/groups, KH, KW); arguments are checked in nn.functional."""
    return Conv2d.apply(x, weight, geometry)
