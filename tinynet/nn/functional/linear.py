"""Linear maps."""

from __future__ import annotations

from tinynet import ops
from tinynet.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias.

    Shapes:  input (..., in_features); weight (out_features, in_features); bias (out_features,) or None
    Raises:  RuntimeError: in_features or dtypes differ
    """
    y = ops.matmul(input, weight.T)
    return y if bias is None else y + bias
