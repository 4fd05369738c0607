"""Draw the images that a network is most sure of and wrong about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinynet.viz import figures, grid

NAME = "mistakes.png"
COLUMNS = 4
MOST = 20


def find(probabilities: np.ndarray, labels: np.ndarray, most: int = MOST) -> np.ndarray:
    """Return the positions of the wrong answers, those of the highest probability first.

    Shapes:  probabilities (N, classes); labels integers (N,); returns int64, at most (most,)
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]


def draw(
    images: np.ndarray,
    predicted: Sequence[str],
    probabilities: Sequence[float],
    true: Sequence[str],
    path: Path,
    title: str,
) -> Path:
    """Draw images, each with the predicted class, its probability and the true class, to a PNG.

    Shapes:  images uint8 (N, 3, H, W) or (N, 1, H, W), N at least 1; the others (N,), probabilities from 0 to 1
    Raises:  OutputError; ValueError: no image, or unequal lengths
    """
    if not len(images) or {len(predicted), len(probabilities), len(true)} != {len(images)}:
        raise ValueError(
            f"need a prediction, a probability and a true class for each of one or more images, got {len(predicted)}, "
            f"{len(probabilities)} and {len(true)} for {len(images)}"
        )
    captions = [
        f"{figures.shorten(guess, 14)} {100 * share:.1f} %\nis {figures.shorten(name, 18)}"
        for guess, share, name in zip(predicted, probabilities, true, strict=True)
    ]
    return grid.draw(images, captions, COLUMNS, path, title)
