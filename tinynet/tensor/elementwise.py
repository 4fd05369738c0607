"""Functions of each element as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ElementwiseMethods:
    """Functions of each element as methods."""

    __slots__ = ()

    def exp(self: Any) -> Tensor:
        """Return e to the power of each element."""
        return ops.exp(self)

    def log(self: Any) -> Tensor:
        """Return the natural logarithm of each element."""
        return ops.log(self)

    def sqrt(self: Any) -> Tensor:
        """Return the square root of each element."""
        return ops.sqrt(self)

    def abs(self: Any) -> Tensor:
        """Return the absolute value of each element."""
        return ops.abs(self)

    def tanh(self: Any) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        return ops.tanh(self)

    def sigmoid(self: Any) -> Tensor:
        """Return 1 / (1 + exp(-x)) of each element x."""
        return ops.sigmoid(self)

    def relu(self: Any) -> Tensor:
        """Return max(x, 0) of each element x."""
        return ops.relu(self)
