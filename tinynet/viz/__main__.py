"""Pictures of runs: `python -m tinynet.viz RUN ...`, and commands for others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from tinynet.training.cli import CommandParser, guard, positive
from tinynet.training.config import Backend
from tinynet.training.errors import ConfigError
from tinynet.viz import augment, directions, figures, landscape, samples

PROG = "tinynet.viz"

COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "landscape": (landscape.main, "the band of losses over learning rates, of groups of runs"),
    "augment": (augment.main, "what an augmentation makes of images"),
    "samples": (samples.main, "images of a data set with their labels, and how many each class has"),
    "directions": (directions.main, "the loss along random directions from trained weights"),
}
"""What the first word may be in place of the folder of a run (./NAME is the folder): function, explanation."""

EXAMPLES = """\
Examples
  python -m tinynet.viz runs/quick-1
  python -m tinynet.viz runs/resnet20-1 --image cat.jpg
  python -m tinynet.viz runs/lenet-1 runs/resnet20-1 --out compared.png

Commands (each has its own --help)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        command, _ = COMMANDS[words[0]]
        return guard(f"{PROG} {words[0]}", lambda: command(words[1:]))
    return guard(PROG, lambda: visualise(_parser().parse_args(words)))


def visualise(args: argparse.Namespace) -> int:
    """Make pictures and a report of each run, one picture of all their curves, and say what could not be made.

    Returns: the exit code: 2 where a file was damaged, else 0
    """
    from tinynet.training.output import say
    from tinynet.viz import curves, pictures, report

    _check(args.runs)
    code = 0
    names = curves.names(args.runs)
    several = len(args.runs) > 1
    for folder, name in zip(args.runs, names, strict=True):
        run = pictures.make(
            folder,
            name,
            image=args.image,
            data_dir=args.data_dir,
            backend=args.backend,
            threads=args.threads,
        )
        for picture in run.made:
            say(f"{picture.heading:<36}{picture.path}")
        say(f"{'Report':<36}{report.write(run)}")
        for reason in run.missing:
            print(f"{PROG}: {folder}: not made: {reason}", file=sys.stderr)
        code = 2 if run.damaged else code
    if several or args.out:
        path = args.out or Path(curves.NAME)
        say(f"{'Curves':<36}{curves.draw(curves.load(args.runs), path, args.title or ', '.join(names))}")
    return code


def _check(runs: Sequence[Path]) -> None:
    """Refuse what is no run, before anything is drawn. Raises ConfigError."""
    from tinynet.viz import pictures

    for i, run in enumerate(runs):
        try:
            pictures.check_run(run)
        except ConfigError as error:
            close = get_close_matches(str(run), COMMANDS, n=1, cutoff=0.6)
            hint = f"; did you mean the command {close[0]}?" if close and i == 0 and not run.exists() else ""
            raise ConfigError(f"{error}{hint}") from error


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        PROG,
        "Make all pictures of each run and a page with them, report.html, into its folder;\n"
        "of several runs also one picture of all their curves.",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES + "\n".join(f"  {name:<14}{words}" for name, (_, words) in COMMANDS.items())
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder that a training wrote to")
    parser.add_argument(
        "--out",
        type=figures.png,
        metavar="FILE",
        help="PNG for the curves of all runs (of several: curves.png here)",
    )
    parser.add_argument("--title", metavar="TEXT", help="words above these curves (names of the runs)")
    parser.add_argument(
        "--image", type=Path, metavar="FILE", help="picture for the feature maps (the first test image)"
    )
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder of the data set's files")
    parser.add_argument(
        "--backend", choices=get_args(Backend), default="auto", help="numpy: CPU; cupy: GPU; auto: GPU if any"
    )
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads (all available cores)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
