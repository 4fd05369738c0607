"""Pictures of runs: `python -m tinynet.viz RUN ...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinynet.training.cli import CommandParser, guard

PROG = "tinynet.viz"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guard(PROG, lambda: visualise(_parser().parse_args(argv)))


def visualise(args: argparse.Namespace) -> int:
    """Draw the learning curves of all runs into one picture, and print where it is."""
    from tinynet.training.output import say
    from tinynet.viz import curves

    runs = curves.load(args.runs)
    alone = args.runs[0] if len(args.runs) == 1 else Path()
    title = args.title or ", ".join(run.name for run in runs)
    say(f"Curves      {curves.draw(runs, args.out or alone / curves.NAME, title)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(PROG, "Draw loss and accuracy of one or several runs, epoch by epoch.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder that a training wrote to")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="PNG to write (curves.png in the run; of several runs, here)"
    )
    parser.add_argument("--title", metavar="TEXT", help="words above the curves (names of the runs)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
