"""Train a network: `python -m tinynet.train [RECIPE] [flags]`; `--help` explains all."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tinynet.training.cli import main as run
from tinynet.training.engine import TinynetEngine


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run(argv, "tinynet.train", TinynetEngine)


if __name__ == "__main__":
    sys.exit(main())
