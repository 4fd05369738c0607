"""Checks that several layers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.tensor import Tensor

Size2 = int | tuple[int, int]
Pair = tuple[int, int]


def pair(value: Any, name: str, least: int = 0) -> Pair:
    """Return an int or a pair of ints as a pair.

    Raises:  TypeError: neither; RuntimeError: a number below `least`
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) == 1:
        values = values * 2
    if len(values) != 2 or not all(
        isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values
    ):
        raise TypeError(f"{name} must be an int or a pair of ints, but got {value!r}")
    if min(values) < least:
        raise RuntimeError(f"{name} must be at least {least}, but got {value!r}")
    return int(values[0]), int(values[1])


def images(x: Tensor, function: str) -> tuple[Tensor, bool]:
    """Return x as a batch (N, C, H, W), and whether it was a single image (C, H, W).

    Raises:  RuntimeError: other axes, or H or W is 0
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument 'input' must be Tensor, not {type(x).__name__}")
    if x.ndim not in (3, 4):
        raise RuntimeError(
            f"Expected 3D (unbatched) or 4D (batched) input to {function}, but got input of size: {list(x.shape)}"
        )
    if 0 in x.shape[-2:]:
        raise RuntimeError(
            f"Expected input with non-zero height and width to {function}, but got input of size: {list(x.shape)}"
        )
    return (x.unsqueeze(0), True) if x.ndim == 3 else (x, False)


def check_output(function: str, image: Any, size: Pair, kernel: Pair) -> None:
    """Refuse a window that does not fit into the image.

    Raises:  RuntimeError: OH or OW < 1
    """
    if min(size) < 1:
        raise RuntimeError(
            f"{function}: Calculated output size {list(size)} is too small: "
            f"kernel size {list(kernel)} can't be greater than the padded input, of size {list(image)} without padding"
        )
