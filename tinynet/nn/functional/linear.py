"""Linear and bilinear maps."""

from __future__ import annotations

import math
from typing import Any

from tinynet import ops
from tinynet.autograd import delayed
from tinynet.tensor import Tensor

__all__ = ["bilinear", "linear"]


def _check_tensors(function: str, **arguments: Any) -> None:
    for position, (name, value) in enumerate(arguments.items(), 1):
        if not isinstance(value, Tensor) and not (name == "bias" and value is None):
            raise TypeError(
                f"{function}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}"
            )


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias.

    Shapes:  input (..., in_features); weight (out_features, in_features) or (in_features,), then without bias
             bias (out_features,), or what else broadcasts to the result, or None
    Raises:  TypeError: no Tensor; RuntimeError: in_features or dtypes differ, or another shape
    """
    _check_tensors("linear", input=input, weight=weight, bias=bias)
    if weight.ndim > 2 or (weight.ndim < 2 and bias is not None):
        raise RuntimeError(
            "linear: expected weight (out_features, in_features) and bias (out_features,), got weight of size "
            f"{list(weight.shape)}" + ("" if bias is None else f" and bias of size {list(bias.shape)}")
        )
    if bias is not None and bias.dtype != weight.dtype:
        raise RuntimeError(
            f"linear: weight ({weight.dtype}) and bias ({bias.dtype}) must have the same dtype"
        )
    if _is_layer(input, weight, bias):
        if delayed.outline(input).ndim == 2:
            return ops.linear_layer(input, weight, bias)
        shape = input.shape
        rows = ops.reshape(input, (math.prod(shape[:-1]), shape[-1]))
        return ops.reshape(ops.linear_layer(rows, weight, bias), (*shape[:-1], weight.shape[0]))
    y = ops.matmul(input, weight.T if weight.ndim == 2 else weight)
    if bias is None:
        return y
    missing = y.ndim - bias.ndim
    if missing < 0 or any(b not in (1, n) for b, n in zip(bias.shape, y.shape[missing:], strict=True)):
        raise RuntimeError(
            f"linear: bias of size {list(bias.shape)} does not broadcast to the result of weight of size "
            f"{list(weight.shape)}, {list(y.shape)}"
        )
    return y + bias


def _is_layer(input: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Return whether these are rows, and a layer's weight and bias: nothing to broadcast, nothing to refuse."""
    x, w = delayed.outline(input), weight.array
    return (
        x.ndim > 1
        and w.ndim == 2
        and x.shape[-1] == w.shape[1]
        and x.dtype == w.dtype
        and x.dtype.kind == "f"
        and (bias is None or bias.array.shape == w.shape[:1])
    )


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input1 @ weight[o] @ input2 + bias[o] for each output feature o.

    Shapes:  input1 (..., I), input2 (..., J), the same axes before the last; weight (O, I, J); bias (O,) or None
             returns (..., O)
    Raises:  TypeError: no Tensor; RuntimeError: sizes that do not fit
    """
    _check_tensors("bilinear", input1=input1, input2=input2, weight=weight, bias=bias)
    sizes = f"input1 {list(input1.shape)}, input2 {list(input2.shape)}, weight {list(weight.shape)}"
    if weight.ndim != 3 or (input1.shape[-1:], input2.shape[-1:]) != (weight.shape[1:2], weight.shape[2:]):
        raise RuntimeError(f"bilinear(): input sizes do not match weight size: {sizes}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: {sizes}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"bilinear(): bias size {list(bias.shape)} does not match weight size: {sizes}")
    rows = input1.unsqueeze(-2).unsqueeze(-2)  # (..., 1, 1, I)
    columns = input2.unsqueeze(-2).unsqueeze(-1)  # (..., 1, J, 1)
    y = (rows @ weight @ columns).squeeze(-1).squeeze(-1)
    return y if bias is None else y + bias
