"""Draw the loss landscape over learning rates: `python -m tinynet.viz landscape`.

For runs that differ in their learning rate, the band between the smallest and the largest training loss at each
step says how much the loss changes with the length of the steps, along the way that training takes.

Source: Santurkar, Tsipras, Ilyas, Madry 2018, arXiv 1805.11604, figure 4 (a)
"""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.training.cli import CommandParser, positive
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.training.output import say
from tinynet.training.parsing import read_file
from tinynet.training.run_folder import CONFIG
from tinynet.viz import curves, figures

NAME = "landscape.png"
STEPS = "steps.jsonl"
PROG = "tinynet.viz landscape"

EXAMPLES = """\
Examples
  python -m tinynet.viz landscape --group VGG-A runs/vgg-a-? --group "VGG-A with BN" runs/vgg-a-bn-?
  python -m tinynet.viz landscape --group LeNet runs/lenet-1 runs/lenet-2 --smooth 5 --out lenet.png

The runs of a group share network and data and differ in their learning rate; each has been trained with
the same --record-every N, which writes the mean loss of each N mini-batches to steps.jsonl."""


@dataclass(frozen=True)
class Band:
    """The smallest and the largest loss of a group of runs at each step; all three (S,), NaN where no run has one."""

    name: str
    steps: np.ndarray
    low: np.ndarray
    high: np.ndarray


def read(folder: Path, max_steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return steps (S,), rising, and losses (S,) of a run; a loss that was no finite number is NaN.

    A last line that was cut is left out, and of two lines for a step, as a resumed run may write them, the later
    one counts.

    Args:    max_steps: leave out what comes after so many steps
    Raises:  ConfigError: no such file, or nothing in it; CheckpointError: a damaged file
    """
    path = folder / STEPS
    if not path.is_file():
        raise ConfigError(
            f"{folder} holds no {STEPS}: train it with --record-every N, which writes this file"
        )
    losses: dict[int, float] = {}
    *lines, _ = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged: line {number}: {error}") from error
        curves.check(record, ("step", "loss"), path)
        if record["step"] is None:
            raise CheckpointError(f"{path} is damaged: line {number}: step is null")
        losses[record["step"]] = np.nan if record["loss"] is None else float(record["loss"])
    if not losses:
        raise ConfigError(f"{path} is empty: no N mini-batches of --record-every N have been trained")
    steps = sorted(step for step in losses if max_steps is None or step <= max_steps)
    if not steps:
        raise ConfigError(f"{path} begins at step {min(losses)}, after --max-steps {max_steps}")
    return np.array(steps), np.array([losses[step] for step in steps])


def smoothed(losses: np.ndarray, window: int) -> np.ndarray:
    """Return the mean over up to `window` losses around each, NaN where it is one and counting only the others.

    Shapes:  losses (S,); returns float64 (S,)
    Args:    window: at least 1; half of it lies on either side, and at the ends of the run there are fewer
    """
    there = np.isfinite(losses)
    before, after = window // 2, window - window // 2
    places = np.arange(len(losses))
    first, end = np.maximum(places - before, 0), np.minimum(places + after, len(losses))
    sums, numbers = (
        np.concatenate([[0], np.cumsum(values)]) for values in (np.where(there, losses, 0.0), there)
    )
    return np.where(there, (sums[end] - sums[first]) / np.maximum(numbers[end] - numbers[first], 1), np.nan)


def band(name: str, runs: Sequence[tuple[np.ndarray, np.ndarray]], smooth: int = 1) -> Band:
    """Return the band of runs, each smoothed first, at every step that all runs which got that far have recorded.

    A run that stopped earlier counts up to its end, and a loss that is no finite number does not count.

    Args:    runs: at least one (steps, losses), as `read` returns them
    Raises:  ValueError: the runs have no step in common
    """
    last = np.array([steps[-1] for steps, _ in runs])
    known = [
        dict(zip(steps.tolist(), smoothed(losses, smooth).tolist(), strict=True)) for steps, losses in runs
    ]
    union = sorted(set().union(*known))
    kept = [
        step
        for step in union
        if all(step in run for run, end in zip(known, last, strict=True) if step <= end)
    ]
    if not any(step <= last.min() for step in kept):
        raise ValueError(
            f"the runs of {name} have no step in common: they recorded every "
            f"{', '.join(str(steps[0]) for steps, _ in runs)} steps"
        )
    table = np.array([[run.get(step, np.nan) for step in kept] for run in known])
    there = np.isfinite(table)
    some = there.any(axis=0)
    low = np.where(some, np.where(there, table, np.inf).min(axis=0), np.nan)
    high = np.where(some, np.where(there, table, -np.inf).max(axis=0), np.nan)
    return Band(name, np.array(kept), low, high)


def draw(bands: Sequence[Band], path: Path, title: str, smooth: int = 1) -> Path:
    """Draw bands over the steps to a PNG; peaks far above all the rest are cut off, and the axis says so.

    Args:    smooth: over how many records each loss is a mean, for the axis
    Raises:  OutputError; ValueError: no band, or no finite loss in any
    """
    highest = np.concatenate([each.high[np.isfinite(each.high)] for each in bands]) if bands else np.zeros(0)
    if not highest.size:
        raise ValueError("no band with a finite loss to draw")
    figure = figures.new(figures.WIDTH, 4.4, title)
    axes = figure.subplots()
    for each, colour in zip(bands, figures.colours(len(bands)), strict=True):
        axes.fill_between(
            each.steps,
            each.low,
            each.high,
            color=colour,
            alpha=0.35,
            linewidth=0,
            label=figures.plain(each.name),
        )
        for edge in (each.low, each.high):
            axes.plot(each.steps, edge, color=colour, linewidth=1)
    axes.set_xlabel("Step (mini-batches)")
    label = "Training loss (nats)" + (f",\nmean over {smooth} records" if smooth > 1 else "")
    usual = float(np.quantile(highest, 0.98))
    if np.max(highest) > 3 * usual:
        axes.set_ylim(0, 1.3 * usual)
        label += f", cut; the peak is {np.max(highest):.3g}"
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend()
    return figures.save(figure, path)


def main(argv: Sequence[str]) -> int:
    """Run the command line. Raises what the user can put right."""
    args = _parser().parse_args(argv)
    bands = []
    for name, *words in args.group:
        if not words:
            raise ConfigError(f"--group {name}: give its name and then the folders of its runs")
        _check_alike(name, words)
        runs = [read(Path(word), args.max_steps) for word in words]
        try:
            bands.append(band(name, runs, args.smooth))
        except ValueError as error:
            raise ConfigError(f"--group {name}: {error}; train them with the same --record-every") from error
        _describe(bands[-1], words, runs)
    if not any(np.isfinite(each.high).any() for each in bands):
        raise ConfigError("no run has a finite loss: there is nothing to draw")
    say(f"Landscape   {draw(bands, args.out, args.title, args.smooth)}")
    return 0


def _check_alike(name: str, words: Sequence[str]) -> None:
    """Refuse runs of different networks or data, as far as their folders say. Raises ConfigError."""
    found: dict[tuple[Any, ...], str] = {}
    for word in words:
        path = Path(word) / CONFIG
        if path.is_file():
            config = read_file(path)
            found.setdefault((config.get("model"), config.get("dataset")), word)
    if len(found) > 1:
        listed = ", ".join(f"{word} {model} on {dataset}" for (model, dataset), word in found.items())
        raise ConfigError(f"--group {name}: the runs of a band share network and data, but here is {listed}")


def _describe(found: Band, words: Sequence[str], runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Say how wide a band is, and which runs are not in all of it."""
    say(
        f"{found.name}: {len(runs)} runs, {len(found.steps)} steps up to {found.steps[-1]:,}, "
        f"width {np.nanmean(found.high - found.low):.4f} nats in the mean"
        if np.isfinite(found.high).any()
        else f"{found.name}: {len(runs)} runs, none with a finite loss"
    )
    for word, (steps, losses) in zip(words, runs, strict=True):
        if steps[-1] < found.steps[-1]:
            say(f"  {word} ends at step {steps[-1]:,}: not in the band from there on")
        if gaps := np.count_nonzero(~np.isfinite(losses)):
            say(f"  {word} has {gaps} losses that are no finite number: not in the band there")


def _parser() -> CommandParser:
    parser = CommandParser(
        PROG,
        "Draw, for groups of runs, the band between the smallest and the largest training loss\n"
        "at every step: the loss landscape over learning rates of Santurkar et al. 2018.",
    )
    parser.epilog, parser.formatter_class = EXAMPLES, RawDescriptionHelpFormatter
    parser.add_argument(
        "--group",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME", "RUN"),
        help="name of a band and the folders of its runs; once for each band",
    )
    parser.add_argument(
        "--out", type=figures.png, default=NAME, metavar="FILE", help=f"PNG to write ({NAME} here)"
    )
    parser.add_argument(
        "--smooth", type=positive, default=1, metavar="N", help="mean over N recorded losses of each run (1)"
    )
    parser.add_argument(
        "--max-steps", type=positive, metavar="N", help="leave out what comes after so many steps"
    )
    parser.add_argument(
        "--title", default="Training loss over learning rates", metavar="TEXT", help="words above the picture"
    )
    return parser
