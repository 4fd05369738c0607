"""Dropout layers: they drop in training only."""

from __future__ import annotations

from tinynet.nn import functional as F
from tinynet.nn.module import Module
from tinynet.tensor import Tensor

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class Dropout(Module):
    """In training, set each element to 0 with probability p and scale the others by 1 / (1 - p).

    Raises:  ValueError: p is not in [0, 1]
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """In training, set each channel of (N, C, L) to 0 with probability p and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(Dropout):
    """In training, set each channel of (N, C, H, W) to 0 with probability p and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(Dropout):
    """In training, set each channel of (N, C, D, H, W) to 0 with probability p and scale the others."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(Dropout):
    """In training, set elements to selu's least value with probability p, keeping mean 0 and variance 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(Dropout):
    """In training, set channels to selu's least value with probability p, keeping mean 0 and variance 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
