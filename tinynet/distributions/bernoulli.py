"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from tinynet.ops import bernoulli, log, sigmoid
from tinynet.ops.values import as_tensor
from tinynet.tensor import Size, Tensor


class Bernoulli:
    """1 with probability probs, else 0.

    Args:    probs in [0, 1], or logits = log(probs / (1 - probs)): a number or a Tensor of independent variables
    Raises:  ValueError: both or neither are given, or a number outside of [0, 1]
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self.probs: Tensor = sigmoid(as_tensor(logits)) if probs is None else as_tensor(probs)
        if not isinstance(probs, Tensor | None) and not 0 <= probs <= 1:
            raise ValueError(f"Expected probs within [0, 1], got {probs}")

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        return self.probs

    @property
    def variance(self) -> Tensor:
        """The expected squared distance from the mean."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw values, of shape sample_shape + the shape of probs; no gradient."""
        return bernoulli(self.probs.detach().expand(Size(sample_shape) + self.probs.shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of each value, 0 or 1."""
        return log(value * self.probs + (1 - value) * (1 - self.probs))
