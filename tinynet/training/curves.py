"""Draw the learning curves of a run from its metrics."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from tinynet.training.files import write_atomically

NAME = "curves.png"


def draw(records: list[dict[str, Any]], folder: Path, title: str) -> Path:
    """Draw loss and accuracy per epoch, training and validation, to `folder`/curves.png.

    Args:    records: lines of metrics.jsonl
    Raises:  OutputError
    """
    # The figure is made without pyplot: no global state, no window system, and a faster import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    epochs = [record["epoch"] for record in records]
    marker = "o" if len(records) <= 30 else ""
    for axes, name, label, factor in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("Loss (nats)", "Accuracy (%)"), (1, 100), strict=True
    ):
        for part, words, colour in (("train", "training", "tab:blue"), ("val", "validation", "tab:orange")):
            # A null (no validation set, or not finite) leaves a gap.
            values = [float("nan") if (y := r[f"{part}_{name}"]) is None else factor * y for r in records]
            if any(y == y for y in values):
                axes.plot(epochs, values, marker=marker, markersize=4, color=colour, label=words)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(set(epochs)) == 1:
            axes.set_xlim(epochs[0] - 1, epochs[0] + 1)  # else the axis would show fractions of an epoch
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    picture = BytesIO()
    figure.savefig(picture, dpi=120)
    write_atomically(folder / NAME, picture.getvalue())
    return folder / NAME
