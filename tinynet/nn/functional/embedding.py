"""Embedding: numbers become rows of a matrix."""

from __future__ import annotations

import numpy as np

from tinynet import ops
from tinynet.autograd import no_grad
from tinynet.backend import array_module, check_on_host
from tinynet.ops import embedding as embedding_ops
from tinynet.tensor import Tensor

__all__ = ["embedding"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of weight that the input numbers.

    Shapes:  input (...), int64 or int32; weight (V, D); returns (..., D)
    Args:    padding_idx: a row without gradient; scale_grad_by_freq: divide a row's gradient by how often it is used
             max_norm: shorten used rows of weight above this norm_type-norm to it, in place and for good
    Raises:  RuntimeError: the input is no whole number, weight is no matrix; AssertionError: padding_idx not in [-V, V)
             IndexError: a number not in [0, V), checked on the CPU only; NotImplementedError: sparse
    """
    if sparse:
        raise NotImplementedError("embedding: sparse gradients are not supported, got sparse=True")
    if input.dtype not in (np.int64, np.int32):
        raise RuntimeError(f"embedding: expected input to be int64 or int32, but got {input.dtype}")
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got {list(weight.shape)}")
    V = weight.shape[0]
    padding_idx = check_padding_idx(padding_idx, V)
    numbers = check_on_host(input.array)
    if numbers is not None and ((numbers < 0) | (numbers >= V)).any():
        wrong = numbers[(numbers < 0) | (numbers >= V)]
        raise IndexError(f"index out of range in self: {wrong.flat[0]} is not in [0, {V})")
    if max_norm is not None:
        _shorten(weight, input, max_norm, norm_type)
    return embedding_ops.embedding(weight, input, padding_idx, scale_grad_by_freq)


def check_padding_idx(padding_idx: int | None, rows: int) -> int | None:
    """Return padding_idx counted from 0.

    Raises:  AssertionError: it is not in [-rows, rows)
    """
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings, got {padding_idx} for {rows}")
    return padding_idx % rows


def _shorten(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows of weight that are used and longer than max_norm to it."""
    array = weight.array
    xp = array_module(array)
    if np.isinf(norm_type):
        norm = xp.abs(array).max(axis=1)
    else:
        norm = (xp.abs(array) ** norm_type).sum(axis=1) ** (1 / norm_type)
    used = xp.zeros(array.shape[0], bool)
    used[input.array] = True
    factor = xp.where(used & (norm > max_norm), max_norm / (norm + 1e-7), array.dtype.type(1))
    with no_grad():
        ops.in_place(weight, Tensor(array * xp.expand_dims(factor, 1)))
