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
    if "epoch" in results:  # those of earlier versions lack it
        check(results, ("epoch",), path)
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

    The star stands at the epoch whose weights were tested.
    One run has a colour for each of these; of several runs each has its own, and validation is dashed.

    Raises:  OutputError
    """
    from matplotlib.ticker import MaxNLocator

    several = len(runs) > 1
    figure = figures.new(figures.WIDTH, 6.4 + (0.22 * (len(runs) + 3) if several else 0), title)
    epochs = {record["epoch"] for run in runs for record in run.records}
    colours = figures.colours(len(runs)) if several else [None]
    for axes, quantity, label, factor in zip(
        figure.subplots(2, 1), QUANTITIES, ("Loss (nats)", "Accuracy (%)"), (1, 100), strict=True
    ):
        for run, colour in zip(runs, colours, strict=True):
            _draw_run(axes, run, quantity, factor, colour)
        if not axes.lines:
            words = f"no epoch has a {quantity} that is a finite number"
            axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center")
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if len(epochs) == 1:
            [epoch] = epochs
            axes.set_xlim(epoch - 1, epoch + 1)  # else the axis would show fractions of an epoch
        axes.grid(alpha=0.3)
        if axes.lines and not several:
            axes.legend()
    if several:
        _explain(figure, runs, colours)
    return figures.save(figure, path)


def _draw_run(axes: Any, run: Run, quantity: str, factor: int, colour: Any) -> None:
    """Draw one run in one colour, or each of its parts in its own."""
    epochs = [record["epoch"] for record in run.records]
    marker = "o" if len(epochs) <= MARKED else ""
    for part, words, own, style in (("train", "training", "C0", "-"), ("val", "validation", "C1", "--")):
        # A null (no validation set, or not finite) leaves a gap.
        found = [record[f"{part}_{quantity}"] for record in run.records]
        values = [float("nan") if value is None else factor * value for value in found]
        if any(value == value for value in values):
            several = colour is not None
            axes.plot(
                epochs, values, marker=marker, markersize=4, label=words, color=colour if several else own,
                linestyle=style if several else "-",
                markerfacecolor="white" if several and part == "val" else None,  # also of a single epoch
            )  # fmt: skip
    value = None if run.results is None else run.results[f"test_{quantity}"]
    if value is not None:
        words = "test, " + (f"{factor * value:.2f} %" if quantity == "accuracy" else f"{value:.4f}")
        # At the epoch whose weights were tested: the best of validation, not always the last.
        epoch = (run.results or {}).get("epoch") or epochs[-1]
        axes.plot([epoch], [factor * value], label=words, color="C2" if colour is None else colour, **_STAR)


_STAR: dict[str, Any] = {
    "marker": "*", "markersize": 13, "linestyle": "", "markeredgecolor": "black", "markeredgewidth": 0.6,
}  # fmt: skip


def _explain(figure: Any, runs: Sequence[Run], colours: Sequence[Any]) -> None:
    """Put one legend below both drawings: a colour for each run, with its test accuracy, then what the lines are."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=colour, linewidth=3, label=_label(run))
        for run, colour in zip(runs, colours, strict=True)
    ]
    lines.append(Line2D([], [], color="0.4", linestyle="-", label="training"))
    if any(record["val_loss"] is not None for run in runs for record in run.records):
        lines.append(Line2D([], [], color="0.4", linestyle="--", label="validation"))
    if any(run.results for run in runs):
        lines.append(Line2D([], [], color="0.4", label="test", **_STAR))
    short = max(len(_label(run)) for run in runs) <= 30
    figure.legend(handles=lines, loc="outside lower center", ncols=2 if short else 1)


def _label(run: Run) -> str:
    name = figures.plain(figures.shorten(run.name, 60))
    value = None if run.results is None else run.results["test_accuracy"]
    return name if value is None else f"{name}: test {100 * value:.2f} %"
