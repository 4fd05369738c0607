"""What a picture looks like, in numbers."""

from __future__ import annotations

import numpy as np
from PIL import Image


def pixels(path):
    """The pixels of a PNG, (H, W, 3), as integers that can be subtracted."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def colours(path):
    """How many colours a PNG has."""
    return len(np.unique(pixels(path) @ [1 << 16, 1 << 8, 1]))


def differ(first, second):
    """Whether two PNGs of one size differ in more than a few pixels."""
    a, b = pixels(first), pixels(second)
    assert a.shape == b.shape
    return (a != b).any(axis=2).sum() > 20


def has(path, colour):
    """Whether a PNG has a colour, nearly."""
    return bool((np.abs(pixels(path) - colour).sum(axis=2) < 12).any())
