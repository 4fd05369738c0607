"""Draw the loss along random directions from trained weights: `python -m tinynet.viz directions`.

Each filter of a direction is scaled to the norm of the network's own filter, so that networks of different scale can
be compared. Biases and the weights of batch normalisation stay as they are, as in the paper; its running statistics
too: they are those of the trained network at every point, and are not estimated again.

Source: Li, Xu, Taylor, Studer, Goldstein 2018, arXiv 1712.09913, section 4
"""

from __future__ import annotations

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinynet.random import generator
from tinynet.training.cli import CheckpointParser, positive
from tinynet.training.engine import Engine
from tinynet.training.errors import ConfigError
from tinynet.training.output import say
from tinynet.viz import figures

if TYPE_CHECKING:
    from tinynet.data.datasets import ArrayDataset
    from tinynet.training.inference import Trained

NAME = "directions.png"
NAME_OF_TWO = "directions_two.png"
PROG = "tinynet.viz directions"
BATCH = 250
POINTS, RANGE, IMAGES = 21, 1.0, 500
"""Points along a direction, the distance at either end, and images, unless said."""

EXAMPLES = """\
Examples
  python -m tinynet.viz directions runs/resnet20-1
  python -m tinynet.viz directions runs/resnet20-1 --two --points 11 --range 0.5

A direction has the norm of the network's own weights, filter by filter: at distance 1 the random part is
as large as the trained one. Biases, the weights of batch normalisation and its running statistics stay
those of the trained network."""


def random_direction(weights: dict[str, np.ndarray], number: int, seed: int) -> dict[str, np.ndarray]:
    """Draw a random filter-normalised direction: the norm of each filter is that of the weights' own.

    A filter is a slice along the first axis: of a linear layer, the weights of one output. Arrays of one dimension
    (biases, batch normalisation and its statistics) get none, and are left out.

    Args:    number: 0 for the first direction, 1 for the second; seed: any integer
    Returns: float64 arrays under the names of the weights of two or more dimensions
    """
    return {
        name: _like(weight, generator(f"direction/{name}", number, seed=seed).standard_normal(weight.shape))
        for name, weight in weights.items()
        if weight.ndim >= 2
    }


def _like(weight: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Scale the slices of `noise` to the norms of those of `weight`."""
    axes = tuple(range(1, weight.ndim))
    wanted, given = (
        np.sqrt((array.astype(np.float64) ** 2).sum(axis=axes, keepdims=True)) for array in (weight, noise)
    )
    return noise * (wanted / given)


def moved(
    weights: dict[str, np.ndarray], directions: Sequence[dict[str, np.ndarray]], distances: Sequence[float]
) -> dict[str, np.ndarray]:
    """Return the weights, moved by a distance along each direction; dtypes are kept."""
    new = dict(weights)
    for distance, direction in zip(distances, directions, strict=True):
        for name, step in direction.items():
            new[name] = new[name] + distance * step
    return {name: array.astype(weights[name].dtype, copy=False) for name, array in new.items()}


def measure(engine: Engine, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return mean loss (nats) and accuracy (0 to 1) of an engine's network in evaluation mode.

    Shapes:  images float32 (N, C, H, W), normalised; labels int64 (N,)
    """
    from tinynet.training.inference import log_probabilities

    loss, hits = 0.0, 0
    for start in range(0, len(labels), BATCH):
        scores = engine.logits(images[start : start + BATCH])
        target = labels[start : start + BATCH]
        hits += int((scores.argmax(axis=1) == target).sum())
        with np.errstate(invalid="ignore"):  # scores may overflow far away: the loss is NaN there
            loss -= float(log_probabilities(scores)[np.arange(len(target)), target].sum())
    return loss / len(labels), hits / len(labels)


def along(
    trained: Trained,
    part: ArrayDataset,
    directions: Sequence[dict[str, np.ndarray]],
    distances: np.ndarray,
    *,
    images: int = IMAGES,
    seed: int = 0,
) -> np.ndarray:
    """Measure a network at every point of one or two directions; it has its own weights again afterwards.

    Args:    part: the images to measure on, of which `images` are drawn, as many of each class
             distances: (P,), those of every direction
    Returns: loss (nats) and accuracy (0 to 1) along the last axis: (P, 2), or (P, P, 2) of two directions
    Raises:  ConfigError: the loss is nowhere finite
    """
    from tinynet.data.datasets import stratified
    from tinynet.training.progress import Bar

    chosen = part.subset(stratified(part.labels, min(images, len(part)), "directions", seed))
    pixels, weights = trained.prepared(chosen.images), trained.saved.weights
    found = np.empty((*[len(distances)] * len(directions), 2))
    try:
        with Bar("directions", found.size // 2 * len(chosen)) as bar:
            for place in np.ndindex(*found.shape[:-1]):
                trained.engine.load_weights(moved(weights, directions, distances[list(place)].tolist()))
                found[place] = measure(trained.engine, pixels, chosen.labels)
                if bar.add(len(chosen)):
                    bar.show()
    finally:
        trained.engine.load_weights(weights)
    if not np.isfinite(found[..., 0]).any():
        raise ConfigError(f"{trained.saved.path}: the loss is nowhere a finite number; try a smaller --range")
    return found


def draw(distances: np.ndarray, losses: np.ndarray, accuracies: np.ndarray, path: Path, title: str) -> Path:
    """Draw loss and, below, accuracy along one direction to a PNG; 0 is the trained network.

    Shapes:  all (P,); accuracies from 0 to 1
    Raises:  OutputError
    """
    figure = figures.new(figures.WIDTH, 5.6, title)
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, values, colour, label in (
        (above, losses, "C0", "Loss (nats)"),
        (below, 100 * accuracies, "C1", "Accuracy (%)"),
    ):
        axes.plot(distances, values, color=colour, marker="o", markersize=3)
        axes.axvline(0, color="0.5", linewidth=1, linestyle=":")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    finite = losses[np.isfinite(losses)]
    if finite.size and finite.min() > 0 and finite.max() > 50 * finite.min():
        above.set_yscale("log")
    below.set_ylim(0, 100)
    below.set_xlabel("Distance along the direction (1: as large as the weights)")
    return figures.save(figure, path)


def draw_two(distances: np.ndarray, losses: np.ndarray, path: Path, title: str) -> Path:
    """Draw the loss over the plane of two directions as lines of equal loss to a PNG; the star is the trained network.

    Shapes:  distances (P,), those of both directions; losses (P, P), the first direction along the rows
    Raises:  OutputError; ValueError: no finite loss
    """
    from matplotlib.colors import LogNorm

    finite = losses[np.isfinite(losses)]
    if not finite.size:
        raise ValueError("no finite loss to draw")
    low, high = float(finite.min()), float(finite.max())
    wide = low > 0 and high > 10 * low
    levels = np.geomspace(low, high, 15) if wide else np.linspace(low, high, 15)
    figure = figures.new(figures.WIDTH, 5.6, title)
    axes = figure.subplots()
    # matplotlib takes rows as the vertical axis.
    table = np.ma.masked_invalid(losses.T)
    if high > low:
        filled = axes.contourf(distances, distances, table, levels, norm=LogNorm() if wide else None)
        bar = figure.colorbar(filled, ax=axes, label="Loss (nats)", ticks=levels[::2], format="%.3g")
        bar.minorticks_off()
        lines = axes.contour(distances, distances, table, levels, colors="white", linewidths=0.6)
        axes.clabel(lines, levels[1::3], fontsize=8, fmt="%.3g")
    axes.plot(0, 0, marker="*", markersize=14, color="white", markeredgecolor="black")
    axes.set_aspect("equal")
    axes.set_xlabel("Distance along the first direction")
    axes.set_ylabel("Distance along the second direction")
    return figures.save(figure, path)


def main(argv: Sequence[str]) -> int:
    """Run the command line. Raises what the user can put right."""
    args = _parser().parse_args(argv)
    from tinynet.training import inference

    trained = inference.load(args.checkpoint, args.backend, args.threads)
    config = trained.config
    part = trained.parts(args.data_dir)[args.split]
    if not len(part):
        raise ConfigError(
            f"--split {args.split}: {trained.saved.path} is of a run with --val-size 0, which has none"
        )
    directions = [random_direction(trained.saved.weights, i, args.seed) for i in range(2 if args.two else 1)]
    distances = np.linspace(-args.range, args.range, args.points)
    found = along(trained, part, directions, distances, images=args.images, seed=args.seed)
    losses, accuracies = found[..., 0], found[..., 1]
    middle = (args.points // 2,) * len(directions)
    say(
        f"{config.model} on {min(args.images, len(part)):,} images of the {args.split} set: loss "
        f"{losses[middle]:.4f}, accuracy {100 * accuracies[middle]:.2f} %; within {args.range:g}, loss from "
        f"{np.nanmin(losses):.4f} to {np.nanmax(losses):.4g}"
    )
    say("Biases, batch normalisation and its running statistics are those of the trained network")
    path = args.out or trained.saved.path.parent / (NAME_OF_TWO if args.two else NAME)
    title = f"{config.model} along {'two random directions' if args.two else 'a random direction'}"
    if args.two:
        say(f"Directions  {draw_two(distances, losses, path, title)}")
    else:
        say(f"Directions  {draw(distances, losses, accuracies, path, title)}")
    return 0


def _parser() -> CheckpointParser:
    parser = CheckpointParser(
        PROG, "Draw loss and accuracy along random filter-normalised directions (Li et al. 2018)."
    )
    parser.epilog, parser.formatter_class = EXAMPLES, RawDescriptionHelpFormatter
    parser.add_argument(
        "--points", type=_odd, default=POINTS, metavar="N", help=f"points along a direction, odd ({POINTS})"
    )
    parser.add_argument(
        "--range", type=_distance, default=RANGE, metavar="X", help=f"distance at either end ({RANGE})"
    )
    parser.add_argument(
        "--images", type=positive, default=IMAGES, metavar="N", help=f"images to measure on ({IMAGES})"
    )
    parser.add_argument(
        "--two", action="store_true", help="lines of equal loss over two directions, N x N points"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of directions and images (0)")
    parser.add_argument(
        "--split", choices=("train", "val", "test"), default="train", help="images of (train)"
    )
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder of the data set's files")
    parser.add_argument(
        "--out", type=figures.png, metavar="FILE", help=f"PNG to write ({NAME} or {NAME_OF_TWO} in the run)"
    )
    return parser


def _odd(word: str) -> int:
    number = positive(word)
    if number < 3 or number % 2 == 0:
        raise ArgumentTypeError(
            f"{number}: must be odd and at least 3, the trained network being in the middle"
        )
    return number


def _distance(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{word}: must be a number above 0")
    return number
