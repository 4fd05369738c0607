"""Layers that join axes, or split one."""

from __future__ import annotations

from typing import Any

from tinynet.nn.module import Module
from tinynet.tensor import Tensor


class Flatten(Module):
    """Join the axes from start_dim to end_dim into one; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, reshaped."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the axis dim into axes of the sizes unflattened_size; one of them may be -1, what is left.

    Raises:  TypeError: a size that is no tuple or list of whole numbers; NotImplementedError: axes by name
             RuntimeError (forward): the sizes do not fit the axis
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if isinstance(dim, str):
            raise NotImplementedError(f"nn.Unflatten: axes have numbers only, got dim={dim!r}")
        if not isinstance(dim, int):
            raise TypeError(f"invalid argument type for dim parameter: {dim!r}")
        if not isinstance(unflattened_size, tuple | list):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}"
            )
        for i, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be a tuple of ints, "
                    f"but found element of type {type(size).__name__} at pos {i}"
                )
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the input, reshaped."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
