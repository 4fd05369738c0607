"""Activations."""

from __future__ import annotations

from tinynet import ops
from tinynet.tensor import Tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(x, 0) of each element; `inplace` is accepted and never needed: the input stays as it is."""
    return ops.relu(input)
