"""Activations as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ActivationMethods:
    """Activations as methods; a name that ends in an underscore changes the tensor itself."""

    __slots__ = ()

    def relu(self: Any) -> Tensor:
        """Return max(x, 0) of each element x."""
        return ops.relu(self)

    def relu_(self: Any) -> Tensor:
        """Write max(x, 0) over each element x."""
        return ops.relu_(self)

    def prelu(self: Any, weight: Tensor) -> Tensor:
        """Return x where x > 0, else weight * x."""
        return ops.prelu(self, weight)

    def hardshrink(self: Any, lambd: float = 0.5) -> Tensor:
        """Return x where |x| > lambd, else 0."""
        return ops.hardshrink(self, lambd)

    def softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        """Return exp(x) / sum(exp(x)) along the axis `dim`."""
        return ops.softmax(self, dim, dtype)

    def log_softmax(self: Any, dim: int, dtype: Any = None) -> Tensor:
        """Return the logarithm of softmax along the axis `dim`."""
        return ops.log_softmax(self, dim, dtype)
