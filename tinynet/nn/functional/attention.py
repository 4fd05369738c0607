"""Attention: weighted means of values, the weights from the products of queries and keys."""

from __future__ import annotations

import math

import numpy as np

from tinynet import ops
from tinynet.backend import array_module
from tinynet.nn.functional.dropout import dropout
from tinynet.tensor import Tensor

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(query @ key.T * scale + mask) @ value; a query that may see nothing gets 0.

    Shapes:  query (..., L, E); key (..., S, E); value (..., S, V); attn_mask broadcasts to (..., L, S)
             returns (..., L, V)
    Args:    attn_mask: bool, True where a query may see a key, or a number to add; is_causal: query i sees keys 0 to i
             scale: default 1 / sqrt(E); dropout_p: share of weights to drop, whether in training or not
    Raises:  RuntimeError: attn_mask together with is_causal, below 2 axes, sizes or dtypes that do not fit
             NotImplementedError: enable_gqa
    Source:  Vaswani et al. 2017, arXiv 1706.03762, equation 1
    """
    if enable_gqa:
        raise NotImplementedError("scaled_dot_product_attention: enable_gqa is not supported")
    if attn_mask is not None and is_causal:
        raise RuntimeError("Explicit attn_mask should not be set when is_causal=True")
    if min(query.ndim, key.ndim, value.ndim) < 2 or not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "scaled_dot_product_attention: expected query, key and value of one dtype with at least 2 axes, got "
            + ", ".join(f"{x.dtype} {list(x.shape)}" for x in (query, key, value))
        )
    scores = ops.matmul(
        query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale), key.transpose(-2, -1)
    )
    if is_causal:
        L, S = scores.shape[-2:]
        xp = array_module(scores.array)
        attn_mask = Tensor(xp.arange(S) <= xp.arange(L).reshape(L, 1))
    weights = ops.softmax(scores, -1) if attn_mask is None else _masked_softmax(scores, attn_mask)
    return ops.matmul(dropout(weights, dropout_p), value)


def _masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    scores = add_mask(scores, mask)
    blind = Tensor((scores.array == -math.inf).all(axis=-1, keepdims=True))
    return ops.where(blind, 0.0, ops.softmax(ops.where(blind, 0.0, scores), -1))


def add_mask(scores: Tensor, mask: Tensor) -> Tensor:
    """Return scores + mask, or -inf where a mask of bools is False.

    Raises:  RuntimeError: the mask has another dtype, or does not broadcast to the scores
    """
    if mask.dtype == np.bool_:
        return ops.where(mask, scores, -math.inf)
    if mask.dtype != scores.dtype:
        raise RuntimeError(
            f"expected a mask of bools or {scores.dtype}, like the query, but got {mask.dtype}"
        )
    return scores + mask
