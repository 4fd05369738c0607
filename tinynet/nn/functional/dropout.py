"""Dropout."""

from __future__ import annotations

import numpy as np

from tinynet import random
from tinynet.backend import to_device
from tinynet.tensor import Tensor


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to 0 with probability p and scale the others by 1 / (1 - p); nothing when not training.

    Raises:  ValueError: p is not in [0, 1]; RuntimeError: input is not floating point
    Source:  Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout, JMLR 15
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not input.is_floating_point():
        raise RuntimeError(f"dropout: input must be floating point, got {input.dtype}")
    if not training or p == 0:
        return input
    kept = random.next_generator("dropout").random(input.shape, np.float32) >= p
    scale = np.asarray(0 if p == 1 else 1 / (1 - p), input.dtype)
    return input * Tensor(to_device(np.asarray(kept * scale), input.device))
