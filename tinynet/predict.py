"""Name what is on pictures: `python -m tinynet.predict CHECKPOINT image.png`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tinynet.training.cli import CheckpointParser, guard

PROG = "tinynet.predict"
TOP = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guard(PROG, lambda: predict(_parser().parse_args(argv)))


def predict(args: argparse.Namespace) -> int:
    """Print the most probable classes of each picture; return 2 if one could not be read."""
    from tinynet.data import DataError
    from tinynet.data.image import load_image
    from tinynet.training import inference
    from tinynet.training.output import say

    trained = inference.load(args.checkpoint, args.backend, args.threads)
    failed = False
    for path in args.images:
        try:
            image = load_image(path, trained.config.stored_size)
        except DataError as error:
            print(f"{PROG}: error: {error}", file=sys.stderr)
            failed = True
            continue
        probabilities = trained.predict(image[None])[0]
        best = probabilities.argsort()[::-1][:TOP]
        say(f"{path}: " + ", ".join(f"{trained.classes[i]} ({100 * probabilities[i]:.1f} %)" for i in best))
    return 2 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = CheckpointParser(PROG, f"The {TOP} most probable classes of each picture, with probabilities.")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="PNG or JPEG files of any size")
    return parser


if __name__ == "__main__":
    sys.exit(main())
