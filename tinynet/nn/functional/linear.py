"""Linear maps."""

from __future__ import annotations

from tinynet import ops
from tinynet.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias.

    Shapes:  input (..., in_features); weight (out_features, in_features); bias (out_features,) or None
    Raises:  RuntimeError: in_features or dtypes differ, or another shape (torch broadcasts bias)
    """
    if weight.ndim > 2 or (bias is not None and bias.shape != weight.shape[:-1]):
        raise RuntimeError(
            "linear: expected weight (out_features, in_features) and bias (out_features,), got weight of size "
            f"{list(weight.shape)}" + ("" if bias is None else f" and bias of size {list(bias.shape)}")
        )
    if bias is not None and bias.dtype != weight.dtype:
        raise RuntimeError(
            f"linear: weight ({weight.dtype}) and bias ({bias.dtype}) must have the same dtype"
        )
    y = ops.matmul(input, weight.T)
    return y if bias is None else y + bias
