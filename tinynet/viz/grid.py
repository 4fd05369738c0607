"""A grid of small images, each with words below, as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinynet.training.errors import ConfigError
from tinynet.viz import figures

MOST = 500
"""Images of a grid: matplotlib takes some 30 ms for each."""
MOST_COLUMNS = 20
"""Images of a row, a third of an inch each."""
_LINE = 0.19
"""Inches of a line."""
_LETTERS = 100
"""Letters of one point to an inch, as wide as an n."""


def letters(columns: int) -> int:
    """Return how many letters of a caption find room above an image, in rows of so many."""
    return max(int(_LETTERS * figures.WIDTH / columns / _font(columns)), 1)


def _font(columns: int) -> int:
    """Return the size of captions in points."""
    return 9 if columns <= 4 else 8


def draw(images: np.ndarray, captions: Sequence[str], columns: int, path: Path, title: str) -> Path:
    """Draw images side by side, row by row, pixels as squares.

    Shapes:  images uint8 (N, C, H, W), C 1 or 3, N at least 1; captions (N,), "" for none
    Raises:  ValueError: no images, or another number of captions; ConfigError: more than MOST; OutputError
    """
    if columns > MOST_COLUMNS:
        raise ConfigError(
            f"{columns} images in a row: at most {MOST_COLUMNS}, or nothing could be seen of them"
        )
    if len(images) > MOST:
        raise ConfigError(f"{len(images):,} images in one picture: at most {MOST}, ask for fewer")
    if not len(images) or len(captions) != len(images):
        raise ValueError(
            f"a grid needs one or more images and a caption each, got {len(images)}, {len(captions)}"
        )
    rows = -(-len(images) // columns)
    lines = max(len(caption.splitlines()) for caption in captions)
    height = figures.WIDTH / columns + _LINE * lines + 0.03
    figure = figures.new(figures.WIDTH, rows * height + 0.5, title)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in places:
        axes.set_axis_off()
    for axes, image, caption in zip(places, images, captions, strict=False):
        axes.imshow(figures.pixels(image), interpolation="nearest")
        axes.set_title(caption, fontsize=_font(columns), pad=2, parse_math=False)
    return figures.save(figure, path)
