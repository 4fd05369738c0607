"""Rows of a matrix, chosen by number."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.backend import array_module, scatter_add_
from tinynet.tensor import Tensor


class Embedding(Function):
    """The rows of weight that the indices name; the gradient of row `padding_idx` is zero.

    With scale_grad_by_freq the gradient of a row is divided by how often its index occurs.
    """

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, index: Tensor, padding_idx: int | None, scale_grad_by_freq: bool
    ) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = weight.shape[0]
        ctx.options = padding_idx, scale_grad_by_freq
        return Tensor(weight.array[index.array])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (index,) = ctx.saved_tensors
        padding_idx, scale_grad_by_freq = ctx.options
        if padding_idx is not None or scale_grad_by_freq:
            grad = grad * _share(index.array, grad, ctx.rows, padding_idx, scale_grad_by_freq)
        return EmbeddingBackward.apply(grad, index, ctx.rows), None, None, None


class EmbeddingBackward(Function):
    """The sum, in each row, of the gradients that carry its index."""

    @staticmethod
    def forward(ctx: Any, grad: Tensor, index: Tensor, rows: int) -> Tensor:
        ctx.save_for_backward(index)
        weight = array_module(grad.array).zeros((rows, grad.shape[-1]), grad.dtype)
        scatter_add_(weight, index.array, grad.array)
        return Tensor(weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return Embedding.apply(grad, index, None, False), None, None


def _share(index: Any, grad: Tensor, rows: int, padding_idx: int | None, by_frequency: bool) -> Tensor:
    """Return what part of each gradient counts: 0 for padding, 1 / the number of equal indices if by_frequency."""
    xp = array_module(index)
    share = xp.ones(index.shape, grad.dtype)
    if by_frequency:
        counts = xp.zeros(rows, grad.dtype)
        scatter_add_(counts, index, share)
        share = share / counts[index]
    if padding_idx is not None:
        share = xp.where(index == padding_idx, share.dtype.type(0), share)
    return Tensor(xp.expand_dims(share, -1))


def embedding(
    weight: Tensor, index: Tensor, padding_idx: int | None = None, scale_grad_by_freq: bool = False
) -> Tensor:
    """Return the rows of weight that the indices name.

    Shapes:  weight (V, D); index (...); returns (..., D)
    """
    return Embedding.apply(weight, index, padding_idx, scale_grad_by_freq)
