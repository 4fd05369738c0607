"""Types of command-line arguments that `reference` and `benchmarks` share."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Read a whole number of at least 1.

    Raises:  argparse.ArgumentTypeError: it is something else
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
