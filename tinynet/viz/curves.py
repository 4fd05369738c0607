"""Draw the learning curves of runs from their metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinynet.training import metrics
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.viz import figures

NAME = "curves.png"
RESULTS = "results.json"
QUANTITIES = ("loss", "accuracy")
MARKED = 30
"""Epochs up to which each is marked by a dot."""


@dataclass(frozen=True)
class Run:
    """What is drawn of a run: lines of metrics.jsonl, and results.json or nothing."""

    name: str
    records: Sequence[dict[str, Any]]
    results: dict[str, Any] | None = None


def load(folders: Sequence[Path]) -> list[Run]:
    """Read runs; each has the name of its folder, or the whole path where two folders have one name.

    Raises:  ConfigError: no folder of a run, or nothing to draw; CheckpointError: a damaged file
    """
    return [
        Run(name, read_records(folder), read_results(folder))
        for folder, name in zip(folders, names(folders), strict=True)
    ]


def names(folders: Sequence[Path]) -> list[str]:
    """Return the names of folders, or their whole paths where two have one name."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder) for folder in folders]


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the epochs of a run, at least one.

    Raises:  ConfigError: no folder of a run, or nothing to draw; CheckpointError: a damaged file
    """
    path = folder / metrics.NAME
    if not path.is_file():
        there = "holds no" if folder.is_dir() else "is not the folder of a run, with a"
        raise ConfigError(f"{folder} {there} {metrics.NAME}: give the folder that a training wrote to")
    records = metrics.MetricsLog(folder).read()
    if not records:
        raise ConfigError(f"{path} is empty: no epoch of this run has ended")
    wanted = ("epoch", *(f"{part}_{q}" for part in ("train", "val") for q in QUANTITIES))
    for line in records:
        check(line, wanted, path)
        if line["epoch"] is None:
            raise CheckpointError(f"{path} is damaged: epoch is null in {line!r:.80}")
    return records


def read_results(folder: Path) -> dict[str, Any] | None:
    """Return what the run gave, None before its end. Raises CheckpointError: a damaged file."""
    path = folder / RESULTS
    if not path.is_file():
        return None
    try:
        results = json.loads(path.read_bytes())
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    check(results, tuple(f"test_{q}" for q in QUANTITIES), path)
    return results


def check(values: Any, wanted: Sequence[str], path: Path) -> None:
    """Refuse what does not hold the wanted numbers, of which null is one. Raises CheckpointError."""
    for name in wanted:
        if not isinstance(values, dict) or name not in values:
            raise CheckpointError(f"{path} is damaged: no {name!r} in {values!r:.80}")
        if not isinstance(values[name], int | float | None):
            raise CheckpointError(f"{path} is damaged: {name} is {values[name]!r:.80}, not a number")


def draw(runs: Sequence[Run], path: Path, title: str) -> Path:
    """Draw loss and, below, accuracy per epoch to a PNG: training, validation, and a star for the test set.

    One run has a colour for each of these; of several runs each has its own, and validation is dashed.

    Raises:  OutputError
    """
    from matplotlib.ticker import MaxNLocator

    figure = figures.new(figures.WIDTH, 6.4, title)
    epochs = {record["epoch"] for run in runs for record in run.records}
    for axes, quantity, label, factor in zip(
        figure.subplots(2, 1), QUANTITIES, ("Loss (nats)", "Accuracy (%)"), (1, 100), strict=True
    ):
        for i, run in enumerate(runs):
            _draw_run(axes, run, quantity, factor, colour=None if len(runs) == 1 else f"C{i}")
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(epochs) == 1:
            [epoch] = epochs
            axes.set_xlim(epoch - 1, epoch + 1)  # else the axis would show fractions of an epoch
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return figures.save(figure, path)


def _draw_run(axes: Any, run: Run, quantity: str, factor: int, colour: str | None) -> None:
    """Draw one run in one colour, or each of its parts in its own."""
    # In a legend "$" would begin a formula, and "_" in front keep the line out.
    prefix = (
        "" if colour is None else "\u200b" * run.name.startswith("_") + run.name.replace("$", r"\$") + ": "
    )
    epochs = [record["epoch"] for record in run.records]
    marker = "o" if len(epochs) <= MARKED else ""
    for part, words, own, style in (("train", "training", "C0", "-"), ("val", "validation", "C1", "--")):
        # A null (no validation set, or not finite) leaves a gap.
        found = [record[f"{part}_{quantity}"] for record in run.records]
        values = [float("nan") if value is None else factor * value for value in found]
        if any(value == value for value in values):
            axes.plot(
                epochs, values, marker=marker, markersize=4, label=prefix + words,
                color=colour or own, linestyle="-" if colour is None else style,
            )  # fmt: skip
    value = None if run.results is None else run.results[f"test_{quantity}"]
    if value is not None:
        words = f"{prefix}test, " + (f"{factor * value:.2f} %" if quantity == "accuracy" else f"{value:.4f}")
        axes.plot(
            epochs[-1:], [factor * value], label=words, marker="*", markersize=13, color=colour or "C2",
            linestyle="", markeredgecolor="black", markeredgewidth=0.6,
        )  # fmt: skip
