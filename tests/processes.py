"""Commands in processes of their own, as a user starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tinynet

SMALL = ("--model", "lenet", "--batch-size", "50", "--threads", "1", "--val-size", "50", "--max-steps", "3")
"""A run of a second or two."""


def spawn(folder, module, *words, stdout=subprocess.PIPE):
    """Start `python -m MODULE WORDS` in `folder`, with the tinynet that pytest runs, warnings being errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", module, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(tinynet.__file__).parents[1])},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
