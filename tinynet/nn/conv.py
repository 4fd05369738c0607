"""Convolution layers."""

from __future__ import annotations

from typing import Any

from tinynet.creation import empty
from tinynet.nn import functional as F
from tinynet.nn.functional.arguments import pair
from tinynet.nn.linear import reset_linear
from tinynet.nn.module import Module, Parameter
from tinynet.tensor import Tensor


class Conv2d(Module):
    """Cross-correlation of images with learned windows.

    Shapes:  input (N, C, H, W) or (C, H, W); weight (O, C/groups, KH, KW); bias (O,); output (N, O, OH, OW)
    Args:    in_channels C, out_channels O; kernel_size, stride, padding, dilation: int or (int, int), pixels;
             padding also "valid" or "same"; padding_mode: only "zeros"
    Raises:  ValueError: channels are not divisible by groups, or padding is an unknown name or "same" with a stride;
             NotImplementedError: another padding_mode
    """

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
        super().__init__()
        if groups <= 0 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"in_channels {in_channels} and out_channels {out_channels} must be divisible by groups {groups}"
            )
        if padding_mode != "zeros":
            raise NotImplementedError(f"padding_mode {padding_mode!r} is not implemented, only 'zeros'")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = pair(kernel_size, "kernel_size", 1)
        self.stride, self.dilation = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
        self.padding = padding if isinstance(padding, str) else pair(padding, "padding")
        if isinstance(padding, str) and padding not in ("valid", "same"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of 'valid', 'same'")
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f"padding='same' is not supported for strided convolutions, got stride {stride}")
        place = {"dtype": dtype or "float32", "device": device}
        self.weight = Parameter(empty(out_channels, in_channels // groups, *self.kernel_size, **place))
        self.register_parameter("bias", Parameter(empty(out_channels, **place)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-b, b), b = 1 / sqrt(number of inputs of one output)."""
        reset_linear(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of input with weight, plus bias."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """Return the arguments that differ from the defaults."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        for name, default in (("padding", (0, 0)), ("dilation", (1, 1)), ("groups", 1)):
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text + ("" if self.bias is not None else ", bias=False")
