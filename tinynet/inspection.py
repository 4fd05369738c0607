"""What a value is, and what its dtype can hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.tensor import Tensor

finfo, iinfo = np.finfo, np.iinfo


def is_tensor(obj: Any) -> bool:
    """Return whether a value is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are real numbers."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.numel()
