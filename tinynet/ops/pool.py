"""Max-pooling and average pooling; both are linear once it is known where the maxima lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinynet import run_ahead
from tinynet.autograd import Function, delayed
from tinynet.backend import Array
from tinynet.kernels.generic import pool as kernels
from tinynet.tensor import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class MaxWindow:
    """The window of max-pooling, in pixels."""

    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair


@dataclass(frozen=True)
class AvgWindow:
    """The window of average pooling, in pixels."""

    kernel_size: Pair
    stride: Pair
    padding: Pair


class MaxPool2d(Function):
    """The maximum of each window, and its index h*W + w in the image, in int32 if that is enough."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: MaxWindow, size: Pair) -> tuple[Tensor, Tensor]:
        arrays = run_ahead.call(kernels.max_pool2d, delayed.unfinished(x), size=size, **vars(window))
        y, index = (delayed.running(array) for array in arrays)
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.set_materialize_grads(False)
        ctx.window, ctx.image = window, x.shape[2:]
        return y, index

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, _: None) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return MaxPool2dBackward.apply(grad_y, index, ctx.window, ctx.image), None, None


class MaxPool2dBackward(Function):
    """grad_x: each grad_y added where its maximum was found."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, index: Tensor, window: MaxWindow, image: Pair) -> Tensor:
        ctx.save_for_backward(index)
        ctx.window = window
        arrays = delayed.unfinished(grad_y), delayed.unfinished(index)
        return delayed.running(
            run_ahead.call(kernels.max_pool2d_backward, *arrays, image=image, **vars(window))
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        return MaxPool2dGather.apply(grad, index, ctx.window), None, None, None


class MaxPool2dGather(Function):
    """x at the index of each maximum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, window: MaxWindow) -> Tensor:
        ctx.save_for_backward(index)
        ctx.window, ctx.image = window, x.shape[2:]
        return Tensor(kernels.gather_pixels(x.array, index.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return MaxPool2dBackward.apply(grad, index, ctx.window, ctx.image), None, None


class AdaptiveMaxPool2d(Function):
    """The maximum of each region of a grid, and its index h*W + w in the image."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: Pair) -> tuple[Tensor, Tensor]:
        y, index = (Tensor(array) for array in kernels.adaptive_max_pool2d(x.array, size=size))
        ctx.save_for_backward(index)
        ctx.mark_non_differentiable(index)
        ctx.image = x.shape[2:]
        return y, index

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor, _: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return ScatterPixels.apply(grad_y, index, ctx.image, True), None


class ScatterPixels(Function):
    """Images of zeros with values put, or added, at their indices; both have the gradient of the sum."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, image: Pair, add: bool) -> Tensor:
        ctx.save_for_backward(index)
        return Tensor(kernels.scatter_pixels(values.array, index.array, image=image, add=add))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        (index,) = ctx.saved_tensors
        return GatherPixels.apply(grad, index), None, None, None


class GatherPixels(Function):
    """Pixels of images at indices."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.image = x.shape[2:]
        return Tensor(kernels.gather_pixels(x.array, index.array))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return ScatterPixels.apply(grad, index, ctx.image, True), None


class AvgPool2d(Function):
    """The sum of each window over its divisor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: AvgWindow, divisor: Array) -> Tensor:
        ctx.window, ctx.divisor, ctx.image = window, divisor, x.shape[2:]
        array = delayed.unfinished(x)
        return delayed.running(run_ahead.call(kernels.avg_pool2d, array, divisor, **vars(window)))

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, None, None]:
        return AvgPool2dBackward.apply(grad_y, ctx.window, ctx.divisor, ctx.image), None, None


class AvgPool2dBackward(Function):
    """grad_x: each grad_y over its divisor, spread over its window."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, window: AvgWindow, divisor: Array, image: Pair) -> Tensor:
        ctx.window, ctx.divisor = window, divisor
        array = delayed.unfinished(grad_y)
        return delayed.running(
            run_ahead.call(kernels.avg_pool2d_backward, array, divisor, image=image, **vars(window))
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return AvgPool2d.apply(grad, ctx.window, ctx.divisor), None, None, None


class MeanPixels(Function):
    """The mean of each image."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        array = delayed.unfinished(x)
        ctx.image = array.shape[2:]
        return delayed.running(run_ahead.call(kernels.mean_pixels, array))

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> Tensor:
        return MeanPixelsBackward.apply(grad_y, ctx.image)


class MeanPixelsBackward(Function):
    """grad_x: each grad_y over the number of pixels, at every pixel."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, image: Pair) -> Tensor:
        array = delayed.unfinished(grad_y)
        return delayed.running(run_ahead.call(kernels.mean_pixels_backward, array, image=image))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return MeanPixels.apply(grad), None


def max_pool2d(x: Tensor, window: MaxWindow, size: Pair) -> tuple[Tensor, Tensor]:
    """Return the maxima (N, C, OH, OW) of x (N, C, H, W) and their indices; arguments are checked in nn.functional."""
    return MaxPool2d.apply(x, window, size)


def avg_pool2d(x: Tensor, window: AvgWindow, divisor: Array) -> Tensor:
    """Return window sums of x over `divisor` (OH, OW); arguments are checked in nn.functional."""
    return AvgPool2d.apply(x, window, divisor)


def mean_pixels(x: Tensor) -> Tensor:
    """Return the mean (N, C, 1, 1) of each image of x (N, C, H, W)."""
    return MeanPixels.apply(x)


def adaptive_max_pool2d(x: Tensor, size: Pair) -> tuple[Tensor, Tensor]:
    """Return the maxima (N, C, OH, OW) over a grid of regions of x (N, C, H, W), and their indices."""
    return AdaptiveMaxPool2d.apply(x, size)


def max_unpool2d(x: Tensor, index: Tensor, image: Pair) -> Tensor:
    """Return images of zeros with x (N, C, OH, OW) at its indices; arguments are checked in nn.functional."""
    return ScatterPixels.apply(x, index, image, False)
