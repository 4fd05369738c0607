"""A look at a data set: `python -m tinynet.viz samples`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tinynet.training.cli import CommandParser, positive
from tinynet.viz import figures, grid

PROG = "tinynet.viz samples"


def main(argv: Sequence[str]) -> int:
    """Print how many images each class has, draw some with their labels, and return the exit code."""
    from tinynet import data
    from tinynet.random import generator
    from tinynet.training.output import say

    args = _parser().parse_args(argv)
    splits = data.load(args.dataset, data_dir=args.data_dir)
    counts = [data.class_counts(part) for part in splits]
    width = max(map(len, splits.train.classes))
    say(f"{'class':<{width}}  training      test")
    for name in splits.train.classes:
        say(f"{name:<{width}}  {counts[0][name]:>8,}  {counts[1][name]:>8,}")
    say(f"{'all':<{width}}  {len(splits.train):>8,}  {len(splits.test):>8,}")
    train = splits.train
    order = generator("samples", seed=args.seed).permutation(len(train))[: args.images]
    captions = [
        figures.shorten(train.classes[label], grid.letters(args.columns)) for label in train.labels[order]
    ]
    path = grid.draw(train.images[order], captions, args.columns, args.out, f"{train.name}, training images")
    say(f"{len(order)} of them: {path}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(PROG, "Count the images of each class, and draw some of them with their labels.")
    parser.add_dataset()
    parser.add_argument("--images", type=positive, default=40, metavar="N", help="how many (40)")
    parser.add_argument("--columns", type=positive, default=8, metavar="N", help="in a row (8)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of which (0)")
    parser.add_argument(
        "--out", type=figures.png, default="samples.png", metavar="FILE", help="PNG to write (samples.png)"
    )
    return parser
