"""The dtype of tensors made from Python's floats, and of those made without saying which."""

from __future__ import annotations

from typing import Any

import numpy as np

_DEFAULT = [np.dtype(np.float32)]


def get_default_dtype() -> np.dtype:
    """Return the dtype that creation functions take when none is given, float32 unless it was set."""
    return _DEFAULT[0]


def set_default_dtype(d: Any) -> None:
    """Set the dtype that creation functions take when none is given.

    Raises:  TypeError: not a floating-point dtype
    """
    if not isinstance(d, np.dtype) or d.kind != "f" or d.itemsize > 8:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _DEFAULT[0] = d
