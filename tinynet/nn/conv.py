"""Convolution layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.creation import empty
from tinynet.nn import functional as F
from tinynet.nn.functional.arguments import sizes
from tinynet.nn.functional.conv import padding_of_output_size, same_padding
from tinynet.nn.linear import reset_linear
from tinynet.nn.module import Module, Parameter
from tinynet.tensor import Tensor

__all__ = [
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
]


class _ConvNd(Module):
    """What all convolutions share: the window, its weight and bias, and the text."""

    axes: int
    """How many axes the window has; set by each layer."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"in_channels {in_channels} and out_channels {out_channels} must be divisible by groups {groups}"
            )
        modes = ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {modes}, but got padding_mode={padding_mode!r}")
        if transposed and padding_mode != "zeros":
            raise ValueError(
                f"Only 'zeros' padding mode is supported for {type(self).__name__}, got {padding_mode!r}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes(kernel_size, "kernel_size", self.axes, 1)
        self.stride = sizes(stride, "stride", self.axes, 1)
        self.dilation = sizes(dilation, "dilation", self.axes, 1)
        self.padding: Any = padding if isinstance(padding, str) else sizes(padding, "padding", self.axes)
        self.output_padding = sizes(output_padding, "output_padding", self.axes)
        self.transposed, self.padding_mode = transposed, padding_mode
        if isinstance(padding, str) and padding not in ("valid", "same"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of 'valid', 'same'")
        if padding == "same" and max(self.stride) > 1:
            raise ValueError(f"padding='same' is not supported for strided convolutions, got stride {stride}")
        place = {"dtype": dtype or "float32", "device": device}
        inward, outward = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(empty(inward, outward // groups, *self.kernel_size, **place))
        self.register_parameter("bias", Parameter(empty(out_channels, **place)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-b, b), b = 1 / sqrt(fan_in), fan_in = the elements of weight[0]."""
        reset_linear(self.weight, self.bias)

    def _pad_and_convolve(
        self, function: Callable[..., Tensor], input: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Return function(input, weight, bias, ...), having padded first unless with zeros."""
        if self.padding_mode == "zeros":
            return function(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._widths(), mode=self.padding_mode)
        return function(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """List how much is padded before and after, last axis first, as F.pad takes it."""
        if isinstance(self.padding, tuple):
            both = tuple((p, p) for p in self.padding)
        elif self.padding == "same":
            both = same_padding(self.kernel_size, self.dilation)
        else:
            both = ((0, 0),) * self.axes
        return [width for widths in reversed(both) for width in widths]

    def extra_repr(self) -> str:
        """Return the arguments that differ from the defaults."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        defaults = {"padding": 0, "dilation": 1, "output_padding": 0}
        for name, default in defaults.items():
            if getattr(self, name) != (default,) * self.axes:
                text += f", {name}={getattr(self, name)}"
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Conv(_ConvNd):
    """Convolutions forward: arguments in torch's order."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        window = (kernel_size, stride, padding, dilation)
        super().__init__(
            in_channels, out_channels, *window, False, 0, groups, bias, padding_mode, device, dtype
        )


class Conv1d(_Conv):
    """Cross-correlation of signals with learned windows.

    Shapes:  input (N, C, W) or (C, W); weight (O, C/groups, KW); bias (O,); output (N, O, OW)
    Args:    as Conv2d, with one size in place of two
    Raises:  as Conv2d
    """

    axes = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of input with weight, plus bias."""
        own = self._parameters
        return self._conv_forward(input, self._tensor(own, "weight"), self._tensor(own, "bias"))

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._pad_and_convolve(F.conv1d, input, weight, bias)


class Conv2d(_Conv):
    """Cross-correlation of images with learned windows.

    Shapes:  input (N, C, H, W) or (C, H, W); weight (O, C/groups, KH, KW); bias (O,); output (N, O, OH, OW)
    Args:    in_channels C, out_channels O; kernel_size, stride, padding, dilation: int or (int, int), pixels;
             padding also "valid" or "same"; padding_mode: "zeros", "reflect", "replicate" or "circular"
    Raises:  ValueError: channels are not divisible by groups, padding or padding_mode is an unknown name, or "same"
             with a stride
    """

    axes = 2

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of input with weight, plus bias."""
        own = self._parameters
        return self._conv_forward(input, self._tensor(own, "weight"), self._tensor(own, "bias"))

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._pad_and_convolve(F.conv2d, input, weight, bias)


class _ConvTransposeNd(_ConvNd):
    """Transposed convolutions: arguments in torch's order, and the size of the output on demand."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        window = (kernel_size, stride, padding, dilation)
        super().__init__(
            in_channels,
            out_channels,
            *window,
            True,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _transpose(self, function: Callable[..., Tensor], input: Tensor, output_size: Any) -> Tensor:
        extra = self.output_padding
        if output_size is not None:
            extra = padding_of_output_size(
                output_size, input, self.kernel_size, self.stride, self.padding, self.dilation
            )
        return function(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of Conv1d, with a bias of its own.

    Shapes:  input (N, C, W) or (C, W); weight (C, O/groups, KW); bias (O,); output (N, O, OW)
    Raises:  ValueError: as ConvTranspose2d
    """

    axes = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return signals, of length output_size if that is given."""
        return self._transpose(F.conv_transpose1d, input, output_size)


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of Conv2d, with a bias of its own.

    Shapes:  input (N, C, H, W) or (C, H, W); weight (C, O/groups, KH, KW); bias (O,); output (N, O, OH, OW)
    Args:    as Conv2d; output_padding: rows and columns more than the smallest image
    Raises:  ValueError: channels are not divisible by groups, padding_mode is not "zeros", or output_size is out of
             reach
    """

    axes = 2

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return images, of size output_size if that is given."""
        return self._transpose(F.conv_transpose2d, input, output_size)
