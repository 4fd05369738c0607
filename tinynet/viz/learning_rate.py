"""Draw the learning rate of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinynet.viz import figures

NAME = "learning_rate.png"
MARKED = 30
"""Epochs up to which each is marked by a dot."""


def draw(epochs: Sequence[int], rates: Sequence[float], path: Path, title: str) -> Path:
    """Draw the rate of the last step of each epoch to a PNG.

    The axis is logarithmic for a rate that stays and drops by factors, so that also the last drops are seen.

    Raises:  OutputError; ValueError: no epoch, or as many rates as epochs are not there
    """
    from matplotlib.ticker import MaxNLocator

    if not epochs or len(epochs) != len(rates):
        raise ValueError(f"need a rate for each of one or more epochs, got {len(rates)} for {len(epochs)}")
    figure = figures.new(figures.WIDTH, 3.4, title)
    axes = figure.subplots()
    axes.plot(epochs, rates, marker="o" if len(epochs) <= MARKED else "", markersize=4)
    if 1 < len(set(rates)) <= len(rates) / 2 and min(rates) > 0:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("Epoch")
    axes.set_ylabel("Learning rate")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(set(epochs)) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)
    axes.grid(alpha=0.3)
    return figures.save(figure, path)
