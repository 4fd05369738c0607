"""Draw which classes a network takes for which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.viz import figures

NAME = "confusion.png"
MOST_NUMBERED = 20
"""Classes up to which every cell shows its number."""


def counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count how often each class (row) was taken for each (column).

    Shapes:  labels, predicted: integers (N,) in [0, classes); returns int64 (classes, classes)
    """
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def shares(table: np.ndarray) -> np.ndarray:
    """Divide each row of `counts` by its sum; the row of a class without images is NaN."""
    images = table.sum(axis=1, keepdims=True)
    return np.where(images > 0, table / np.maximum(images, 1), np.nan)


def draw(table: np.ndarray, classes: Sequence[str], path: Path, title: str) -> Path:
    """Draw counts, the darker the larger their share of the true class, and the accuracy of each class to a PNG.

    Shapes:  table (classes, classes): rows are true classes, columns predictions
    Raises:  OutputError; ValueError: another shape
    """
    size = len(classes)
    if table.shape != (size, size):
        raise ValueError(f"{size} classes need a table of {(size, size)}, got {table.shape}")
    numbered = size <= MOST_NUMBERED
    width = figures.WIDTH if size <= 12 else 10.0 if size <= 40 else 13.0
    figure = figures.new(width, 0.8 * width + 0.6, title)
    axes, bars = figure.subplots(1, 2, sharey=True, width_ratios=(5, 1))
    _draw_table(figure, axes, table, numbered)
    _draw_accuracies(bars, np.diag(shares(table)), numbered)
    names = [figures.shorten(name, 16) for name in classes]
    font = 9 if size <= 12 else 8 if numbered else 7 * min(1, 100 / size)
    axes.set_xticks(range(size), names, rotation=90 if size > 4 else 0, fontsize=font, parse_math=False)
    axes.set_yticks(range(size), names, fontsize=font, parse_math=False)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    return figures.save(figure, path)


def _draw_table(figure: Any, axes: Any, table: np.ndarray, numbered: bool) -> None:
    from matplotlib.colors import PowerNorm

    share = shares(table)
    # The root of the share: mistakes are rare, and a few in a hundred must not look like none.
    picture = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1), aspect="auto")
    if not numbered:
        figure.colorbar(
            picture, ax=axes, label="Share of the true class", location="top", shrink=0.5, aspect=40
        )
        return
    for (row, column), count in np.ndenumerate(table):
        axes.text(
            column, row, f"{count:,}", ha="center", va="center",
            fontsize=9 if len(table) <= 12 else 7, color="white" if share[row, column] > 0.35 else "black",
        )  # fmt: skip


def _draw_accuracies(axes: Any, accuracies: np.ndarray, numbered: bool) -> None:
    axes.barh(range(len(accuracies)), 100 * accuracies, color="C2", alpha=0.6, height=0.8)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Accuracy (%)")
    axes.tick_params(left=False, labelleft=False)
    axes.spines[["top", "right"]].set_visible(False)
    if not numbered:
        axes.grid(axis="x", alpha=0.3)
        return
    for row, accuracy in enumerate(accuracies):
        words = "–" if np.isnan(accuracy) else f"{100 * accuracy:.1f}"
        axes.text(4, row, words, va="center", fontsize=9 if len(accuracies) <= 12 else 8)
