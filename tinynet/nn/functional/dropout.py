"""Dropout of elements and of whole channels. Masks come from tinynet.random, keyed by the step and the call."""

from __future__ import annotations

import math
import warnings

import numpy as np

from tinynet import ops, random
from tinynet.backend import to_device
from tinynet.tensor import Tensor

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

ALPHA = 1.7580993408473766  # selu's value at minus infinity, negated


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to 0 with probability p and scale the others by 1 / (1 - p); nothing when not training.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: input is not floating point
    Source:  Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout, JMLR 15
    """
    if not _wanted(input, p, training, "dropout"):
        return input
    return _drop(input, p, input.shape, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each channel of (N, C, L) or (C, L) to 0 with probability p and scale the others by 1 / (1 - p).

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: other axes, or input is not floating point
    Source:  Tompson, Goroshin, Jain, LeCun, Bregler 2014, arXiv 1411.4280 (also of dropout2d and dropout3d)
    """
    return _drop_channels(input, p, training, inplace, "dropout1d", 1)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each channel of (N, C, H, W) to 0 with probability p and scale the others by 1 / (1 - p).

    Another number of axes warns, as in torch: the first two are taken as N and C.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: below 2 axes, or input is not floating point
    """
    wanted = _wanted(input, p, training, "dropout2d")
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired - input is interpreted as shape (N, C, L). Use dropout1d for it.",
            stacklevel=2,
        )
    elif input.ndim != 4:
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is deprecated and will result in an "
            "error in a future release: expected (N, C, H, W) or (N, C, L).",
            stacklevel=2,
        )
    return _drop(input, p, _channels(input, "dropout2d"), inplace) if wanted else input


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each channel of (N, C, D, H, W) or (C, D, H, W) to 0 with probability p and scale the others.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: below 2 axes, or input is not floating point
    """
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is deprecated and will result in an "
            "error in a future release: expected (N, C, D, H, W) or (C, D, H, W).",
            stacklevel=2,
        )
        wanted = _wanted(input, p, training, "dropout3d")
        return _drop(input, p, _channels(input, "dropout3d"), inplace) if wanted else input
    return _drop_channels(input, p, training, inplace, "dropout3d", 3)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set each element to selu's least value with probability p, then scale and shift to keep mean 0 and variance 1.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: input is not floating point
    Source:  Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv 1706.02515
    """
    if not _wanted(input, p, training, "alpha_dropout"):
        return input
    return _drop_to_alpha(input, p, input.shape, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Drop whole channels of (N, C, ...) as `alpha_dropout` drops elements.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: below 2 axes, or input is not floating point
    """
    if not _wanted(input, p, training, "feature_alpha_dropout"):
        return input
    return _drop_to_alpha(input, p, _channels(input, "feature_alpha_dropout"), inplace)


def _wanted(input: Tensor, p: float, training: bool, name: str) -> bool:
    """Check the arguments, and return whether anything is dropped."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if training and p > 0 and not input.is_floating_point():
        raise RuntimeError(
            f"{name}: input must be floating point, got {input.dtype} of size {list(input.shape)}"
        )
    return training and p > 0


def _channels(input: Tensor, name: str) -> tuple[int, ...]:
    """Return the shape of a mask with one element a channel of (N, C, ...)."""
    if input.ndim < 2:
        raise RuntimeError(
            f"{name}: Feature dropout requires at least 2 dimensions in the input, got {list(input.shape)}"
        )
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool, name: str, space: int) -> Tensor:
    """Drop channels of (N, C, ...) or (C, ...), where `space` axes follow C."""
    wanted = _wanted(input, p, training, name)
    if input.ndim not in (space + 1, space + 2):
        raise RuntimeError(
            f"{name}: Expected {space + 1}D or {space + 2}D input, but received a {input.ndim}D input: "
            f"{list(input.shape)}"
        )
    return _drop(input, p, (*input.shape[:-space], *(1,) * space), inplace) if wanted else input


def _kept(p: float, shape: tuple[int, ...]) -> np.ndarray:
    """Return where nothing is dropped, on the host."""
    return np.asarray(random.next_generator("dropout").random(shape, np.float32) >= p)


def _drop(input: Tensor, p: float, shape: tuple[int, ...], inplace: bool) -> Tensor:
    scale = np.asarray(0 if p == 1 else 1 / (1 - p), input.dtype)
    factor = Tensor(to_device(np.asarray(_kept(p, shape) * scale), input.device))
    result = input * factor
    return ops.in_place(input, result) if inplace else result


def _drop_to_alpha(input: Tensor, p: float, shape: tuple[int, ...], inplace: bool) -> Tensor:
    kept = _kept(p, shape)
    scale = 0.0 if p == 1 else 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    factor = Tensor(to_device(np.asarray(kept * scale, input.dtype), input.device))
    shift = np.asarray(ALPHA * scale * (kept - (1 - p)), input.dtype)
    result = ops.in_place(input, input * factor) if inplace else input * factor
    shifted = result + Tensor(to_device(shift, input.device))
    return ops.in_place(input, shifted) if inplace else shifted
