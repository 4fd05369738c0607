"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.creation import empty
from tinynet.default_dtype import get_default_dtype
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.linear import Linear
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, under the name that torch prints for the output of attention."""


class MultiheadAttention(Module):
    """Attention of num_heads heads, each on its share of linear maps of query, key and value.

    Shapes:  query (L, N, E), key and value (S, N, E), with batch_first (N, L, E) and (N, S, E); or without N
             returns the output, shaped as query, and the weights (N, L, S), (N, num_heads, L, S) of each head, or None
    Raises:  AssertionError: embed_dim is not divisible by num_heads; NotImplementedError: kdim or vdim other than
             embed_dim, add_bias_kv, add_zero_attn
    Source:  Vaswani et al. 2017, arXiv 1706.03762
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads}"
            )
        if embed_dim % num_heads:
            raise AssertionError(f"embed_dim {embed_dim} must be divisible by num_heads {num_heads}")
        if add_bias_kv or add_zero_attn or kdim not in (None, embed_dim) or vdim not in (None, embed_dim):
            raise NotImplementedError(
                f"MultiheadAttention: add_bias_kv={add_bias_kv}, add_zero_attn={add_zero_attn}, kdim={kdim}, "
                f"vdim={vdim}, embed_dim={embed_dim} is not supported"
            )
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.dropout, self.batch_first = dropout, batch_first
        place = {"dtype": dtype or get_default_dtype(), "device": device}
        self.in_proj_weight = Parameter(empty(3 * embed_dim, embed_dim, **place))
        self.register_parameter("in_proj_bias", Parameter(empty(3 * embed_dim, **place)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **place)
        init.xavier_uniform_(self.in_proj_weight)
        if bias:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output and, if need_weights, the weights, averaged over the heads or of each.

        Args:    key_padding_mask (N, S), attn_mask (L, S) or (N * num_heads, L, S): bool, True where a key is not to be
                 seen, or numbers to add; is_causal: a hint that attn_mask is causal
        """
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        single = query.ndim == 2
        self._check(query, key, value)
        q, k, v = (self._by_batch(x, single) for x in (query, key, value))  # (N, L or S, E)
        q, k, v = self._projected(q, k, v)  # (N, num_heads, L or S, head_dim)
        mask = self._mask(attn_mask, key_padding_mask, q, single)
        rate = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = ops.matmul(q * (1 / math.sqrt(self.head_dim)), k.transpose(-2, -1))
            weights = F.dropout(ops.softmax(scores if mask is None else scores + mask, -1), rate)
            heads = ops.matmul(weights, v)
        else:
            heads = F.scaled_dot_product_attention(q, k, v, mask, rate)
        y = self.out_proj(heads.transpose(1, 2).reshape((q.shape[0], q.shape[2], self.embed_dim)))
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if single:
            return y.squeeze(0), None if weights is None else weights.squeeze(0)
        return y if self.batch_first else y.transpose(0, 1), weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        sizes = f"query {list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
        if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
            raise AssertionError(f"expected query, key and value to be all 3-D or all 2-D, got {sizes}")
        if query.shape[-1] != self.embed_dim or key.shape[-1] != self.embed_dim or key.shape != value.shape:
            raise AssertionError(
                f"expected the last size {self.embed_dim} and key and value alike, got {sizes}"
            )

    def _by_batch(self, x: Tensor, single: bool) -> Tensor:
        """Return a sequence as (N, L, E)."""
        if single:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def _projected(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return query, key and value of each head, (N, num_heads, L, head_dim)."""
        E = self.embed_dim
        parts = []
        for i, x in enumerate(inputs):
            rows = slice(i * E, (i + 1) * E)
            bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
            y = F.linear(x, self.in_proj_weight[rows], bias)
            parts.append(y.reshape((*x.shape[:2], self.num_heads, self.head_dim)).transpose(1, 2))
        return tuple(parts)

    def _mask(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, q: Tensor, single: bool
    ) -> Tensor | None:
        """Return the sum of both masks, which broadcasts to (N, num_heads, L, S)."""
        mask = None
        if attn_mask is not None:
            mask = _numbers(attn_mask, q)
            if mask.ndim == 3:
                mask = mask.reshape((-1, self.num_heads, *mask.shape[1:]))
        if key_padding_mask is not None:
            padding = _numbers(key_padding_mask, q)
            padding = (padding.unsqueeze(0) if single else padding).unsqueeze(1).unsqueeze(1)
            mask = padding if mask is None else mask + padding
        return mask


def _numbers(mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask as numbers to add: -inf where a mask of bools is True."""
    if mask.dtype == np.bool_:
        return ops.where(mask, -math.inf, Tensor(np.zeros((), like.dtype)).to(like.device))
    if not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of masks are supported, got {mask.dtype}")
    return mask.to(like.dtype)
