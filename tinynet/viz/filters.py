"""Draw the filters of a first layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinynet.viz import figures

NAME = "filters.png"
COLUMNS = 8
MOST = 64


def first(weights: dict[str, np.ndarray]) -> tuple[str, np.ndarray] | None:
    """Return name and array (O, C, KH, KW) of the first convolution that reads colours or grey, None without one."""
    for name, array in weights.items():
        if array.ndim == 4 and array.shape[1] in (1, 3):
            return name, array
    return None


def shown(weight: np.ndarray) -> np.ndarray:
    """Scale each filter alike by its largest absolute weight: 0 becomes 0.5, and one end of the range is reached.

    Shapes:  weight (O, C, KH, KW); returns float64 the same, in [0, 1]
    """
    weight = weight.astype(np.float64)
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * weight / np.where(largest > 0, largest, 1)


def draw(weight: np.ndarray, path: Path, title: str) -> Path:
    """Draw the first filters as small colour images to a PNG, grey being a weight of 0.

    Shapes:  weight (O, 3, KH, KW) or (O, 1, KH, KW)
    Raises:  OutputError; ValueError: another shape
    """
    if weight.ndim != 4 or not len(weight):
        raise ValueError(f"filters must be (O, C, KH, KW) with O at least 1, got {weight.shape}")
    images = np.stack([figures.pixels(each) for each in shown(weight[:MOST])])
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    figure = figures.new(figures.WIDTH, figures.WIDTH / COLUMNS * rows + 0.5, title)
    axes = figure.subplots()
    axes.axis("off")
    # Enlarged first, so that a gap can be narrower than a weight.
    large = images.repeat(8, axis=1).repeat(8, axis=2)
    axes.imshow(np.nan_to_num(figures.tile(large, columns, gap=4), nan=1.0), interpolation="nearest")
    return figures.save(figure, path)
