"""Convolution and its two adjoints, each the derivative of the others (see kernels/generic/conv.py), and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinynet import run_ahead
from tinynet.autograd import Function, delayed, delayed_gradients, is_grad_enabled
from tinynet.backend import Array
from tinynet.kernels.generic import conv as kernels
from tinynet.kernels.generic import fused
from tinynet.kernels.generic.im2col import Pair, col2im, im2col, output_size
from tinynet.memory import is_private
from tinynet.ops.normalization import ChannelSum
from tinynet.tensor import Tensor


class Geometry(NamedTuple):
    """How the window moves, in pixels, and into how many groups the channels fall."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of the kernels."""
        return self._asdict()


class Conv2d(Function):
    """y = x * weight + bias; bias may be None."""

    new_gradients = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        if not any(ctx.needs_input_grad):
            later = _later(x, weight, bias, geometry)
            if later is not None:
                return later
        shift = None if bias is None else bias.array
        array = delayed.unfinished(x)
        _save(ctx, x, weight, geometry)
        if is_private(array):
            found = run_ahead.call(kernels.conv2d, array, weight.array, shift, **geometry.options())
            return delayed.running(found)
        return Tensor(kernels.conv2d(x.array, weight.array, shift, **geometry.options()))

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias, _ = ctx.needs_input_grad
        image, kernel_size = ctx.planes
        if is_grad_enabled():
            grad_x = ConvGradInput.apply(grad_y, weight, ctx.geometry, image) if need_x else None
            grad_weight = ConvGradWeight.apply(x, grad_y, ctx.geometry, kernel_size) if need_weight else None
            return grad_x, grad_weight, ChannelSum.apply(grad_y) if need_bias else None, None
        # The same, but for what it takes to record them.
        array, options = delayed.unfinished(grad_y), ctx.geometry.options()
        grad_x = grad_weight = None
        if need_x and need_weight:
            arrays = delayed.unfinished(x), array, weight.array
            together = _kernel_of_both(*arrays, **options)
            if together is not None:
                grad_x, grad_weight = map(delayed.running, run_ahead.call(together, *arrays, **options))
        if need_x and grad_x is None:
            grad_x = delayed_gradients.of_some_pixels(array, weight.array, image, **options)
            if grad_x is None:
                found = run_ahead.call(kernels.conv2d_grad_input, array, weight.array, image=image, **options)
                grad_x = delayed.running(found)
        if need_weight and grad_weight is None:
            factors = delayed.unfinished(x), array
            grad_weight = delayed.running(
                run_ahead.call(kernels.conv2d_grad_weight, *factors, kernel_size=kernel_size, **options)
            )
        return grad_x, grad_weight, Tensor(fused.channel_sum(array)) if need_bias else None, None


def _kernel_of_both(x: Array, grad_y: Array, weight: Array, **options: Any) -> Callable[..., Any] | None:
    """Return the kernel that computes both gradients in less time than two kernels, None if there is none."""
    kernel = kernels.conv2d_gradients.kernel  # type: ignore[attr-defined]
    chosen = kernel.select(x, grad_y, weight, **options)
    return None if chosen is kernel.generic else chosen


def _later(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor | None:
    """Return what Conv2d would, to be computed later; None if it is to be now."""
    array, shift = delayed.unfinished(x), None if bias is None else bias.array
    size = output_size(array.shape[2:], weight.array.shape[2:], *geometry[:3])
    return delayed.convolved(array, weight.array, shift, size, geometry)


class ConvGradInput(Function):
    """grad_x from grad_y and weight, for images of height and width `image`."""

    @staticmethod
    def forward(ctx: Any, grad_y: Tensor, weight: Tensor, geometry: Geometry, image: Pair) -> Tensor:
        _save(ctx, grad_y, weight, geometry)
        return Tensor(
            kernels.conv2d_grad_input(grad_y.array, weight.array, image=image, **geometry.options())
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        grad_y, weight = ctx.saved_tensors
        need_y, need_weight, *_ = ctx.needs_input_grad
        return (
            Conv2d.apply(grad, weight, None, ctx.geometry) if need_y else None,
            ConvGradWeight.apply(grad, grad_y, ctx.geometry, ctx.planes[1]) if need_weight else None,
            None,
            None,
        )


class ConvGradWeight(Function):
    """grad_weight from x and grad_y, for a window of height and width `kernel_size`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grad_y: Tensor, geometry: Geometry, kernel_size: Pair) -> Tensor:
        _save(ctx, x, grad_y, geometry)
        return Tensor(
            kernels.conv2d_grad_weight(x.array, grad_y.array, kernel_size=kernel_size, **geometry.options())
        )

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, grad_y = ctx.saved_tensors
        need_x, need_y, *_ = ctx.needs_input_grad
        return (
            ConvGradInput.apply(grad_y, grad, ctx.geometry, ctx.planes[0]) if need_x else None,
            Conv2d.apply(x, grad, None, ctx.geometry) if need_y else None,
            None,
            None,
        )


def _save(ctx: Any, first: Tensor, second: Tensor, geometry: Geometry) -> None:
    """Keep of the two factors of a product what the gradient of the other needs, and the planes of both."""
    need_first, need_second, *_ = ctx.needs_input_grad
    ctx.save_for_backward(first if need_second else None, second if need_first else None)
    ctx.geometry = geometry
    ctx.planes = delayed.outline(first).shape[2:], delayed.outline(second).shape[2:]


class Im2Col(Function):
    """The windows of images as columns (N, C*KH*KW, OH*OW)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel_size: Pair, geometry: Geometry) -> Tensor:
        ctx.kernel_size, ctx.geometry, ctx.image = kernel_size, geometry, x.shape[2:]
        columns = im2col(x.array, kernel_size, geometry.stride, geometry.padding, geometry.dilation)
        N, OH, OW, KH, KW, C = columns.shape
        return Tensor(columns.transpose(0, 5, 3, 4, 1, 2).reshape(N, C * KH * KW, OH * OW))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Col2Im.apply(grad, ctx.image, ctx.kernel_size, ctx.geometry), None, None


class Col2Im(Function):
    """Images (N, C, H, W) in which every window of columns (N, C*KH*KW, OH*OW) is added in its place."""

    @staticmethod
    def forward(ctx: Any, columns: Tensor, image: Pair, kernel_size: Pair, geometry: Geometry) -> Tensor:
        ctx.kernel_size, ctx.geometry = kernel_size, geometry
        N, width, _ = columns.shape
        (KH, KW), stride, padding, dilation = (
            kernel_size,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
        )
        OH, OW = output_size(image, kernel_size, stride, padding, dilation)
        windows = columns.array.reshape(N, width // (KH * KW), KH, KW, OH, OW).transpose(0, 4, 5, 2, 3, 1)
        return Tensor(col2im(windows, image, stride, padding, dilation))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return Im2Col.apply(grad, ctx.kernel_size, ctx.geometry), None, None, None


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Cross-correlate x (N, C, H, W) with weight (O, C/groups, KH, KW), add bias (O,); checked in nn.functional."""
    # Where nothing is recorded, to set up a Function takes as long as to say what is to be computed.
    if not is_grad_enabled():
        later = _later(x, weight, bias, geometry)
        if later is not None:
            return later
    return Conv2d.apply(x, weight, bias, geometry)


def conv_transpose2d(x: Tensor, weight: Tensor, geometry: Geometry, image: Pair) -> Tensor:
    """Return the adjoint of conv2d: images (N, C, *image) whose convolution has the shape of x."""
    return ConvGradInput.apply(x, weight, geometry, image)


def unfold(x: Tensor, kernel_size: Pair, geometry: Geometry) -> Tensor:
    """Return the windows of x (N, C, H, W) as columns; arguments are checked in nn.functional."""
    return Im2Col.apply(x, kernel_size, geometry)


def fold(columns: Tensor, image: Pair, kernel_size: Pair, geometry: Geometry) -> Tensor:
    """Return the adjoint of unfold; arguments are checked in nn.functional."""
    return Col2Im.apply(columns, image, kernel_size, geometry)
