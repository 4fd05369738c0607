"""Layers that put something around signals and images."""

from __future__ import annotations

from typing import Any

from tinynet.nn import functional as F
from tinynet.nn.functional.arguments import check_tensor
from tinynet.nn.module import Module
from tinynet.tensor import Tensor

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ZeroPad1d",
    "ZeroPad2d",
]


class _Pad(Module):
    """(before, after) of each axis, the last axis first; one int stands for all.

    Shapes:  input (N, C, W) or (C, W) of the layers of one axis, (N, C, H, W) or (C, H, W) of those of two
    Raises:  RuntimeError: the padding has another length, or does not fit the input
    """

    axes: int
    mode: str
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        given = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * (2 * self.axes)
        if len(given) != 2 * self.axes:
            raise ValueError(f"padding must be an int or {2 * self.axes} ints, but got {padding!r}")
        self.padding = given

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        check_tensor(input, type(self).__name__)
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """Return the padding."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """A constant around signals."""

    axes, mode = 1, "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """Return the padding and the constant."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """A constant around images."""

    axes = 2


class ZeroPad1d(_Pad):
    """Zeros around signals."""

    axes, mode, value = 1, "constant", 0.0


class ZeroPad2d(_Pad):
    """Zeros around images."""

    axes, mode, value = 2, "constant", 0.0


class ReflectionPad1d(_Pad):
    """Signals mirrored at their first and last elements, which are not repeated."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Images mirrored at their first and last rows and columns, which are not repeated."""

    axes, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """Signals whose first and last elements are repeated."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Images whose first and last rows and columns are repeated."""

    axes, mode = 2, "replicate"


class CircularPad1d(_Pad):
    """Signals that go on with their other end."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Images that go on with their other side."""

    axes, mode = 2, "circular"
