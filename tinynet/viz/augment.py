"""What an augmentation makes of images: `python -m tinynet.viz augment`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import get_args

import numpy as np

from tinynet.training.cli import CommandParser, positive
from tinynet.training.config import Augmentation, suggest
from tinynet.training.errors import ConfigError
from tinynet.viz import figures, grid

PROG = "tinynet.viz augment"


def main(argv: Sequence[str]) -> int:
    """Draw images, each with views of it, and return the exit code."""
    from tinynet import data
    from tinynet.data.transforms import augmentation_for, describe
    from tinynet.training.output import say

    args = _parser().parse_args(argv)
    known = get_args(Augmentation)
    if args.augment not in known:
        raise ConfigError(f"--augment {args.augment}: {suggest(args.augment, known)}")
    train = data.fit(data.load(args.dataset, data_dir=args.data_dir).train)
    count = min(args.images, len(train))
    augment, cells, captions = augmentation_for(args.augment), [], []
    for i in range(count):
        image, index = train.images[i : i + 1], np.array([i])
        # An epoch for each view: what happens to an image depends on its own number and the epoch.
        views = [augment(image, seed=args.seed, epoch=epoch, indices=index)[0] for epoch in range(args.views)]
        cells += [image[0], *(_centred(view, image.shape[2:]) for view in views)]
        captions += [
            figures.shorten(train.classes[train.labels[i]], grid.letters(args.views + 1)),
            *[""] * args.views,
        ]
    path = grid.draw(
        np.stack(cells), captions, args.views + 1, args.out, f"{args.augment}: {describe(args.augment)}"
    )
    say(f"{count} images of {train.name}, each with {args.views} views: {path}")
    return 0


def _centred(view: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return a view of another size in the middle of white."""
    whole = np.full((len(view), *size), 255, view.dtype)
    top, left = ((a - b) // 2 for a, b in zip(size, view.shape[1:], strict=True))
    whole[:, top : top + view.shape[1], left : left + view.shape[2]] = view
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(PROG, "Draw a grid: in each row an image and what an augmentation makes of it.")
    parser.add_argument(
        "--augment", default="resized-crop-flip-jitter", metavar="NAME",
        help=f"{', '.join(get_args(Augmentation))} (resized-crop-flip-jitter)",
    )  # fmt: skip
    parser.add_dataset()
    parser.add_argument("--images", type=positive, default=6, metavar="N", help="rows (6)")
    parser.add_argument("--views", type=positive, default=7, metavar="N", help="views of each image (7)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of what happens to them (0)")
    parser.add_argument(
        "--out", type=figures.png, default="augment.png", metavar="FILE", help="PNG to write (augment.png)"
    )
    return parser
