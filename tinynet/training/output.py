"""Standard output, as the command lines use it: written at once, and lost with one clear message."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tinynet.training.errors import OutputError


def say(line: str) -> None:
    """Print a line at once, also into a pipe. Raises BrokenPipeError: nobody reads it; OutputError"""
    with _report_loss():
        print(line, flush=True)


def flush() -> None:
    """Write what is still in the buffer. Raises as `say`."""
    with _report_loss():
        if sys.stdout is not None:
            sys.stdout.flush()


@contextmanager
def _report_loss() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What is left in the buffer goes nowhere, or Python would complain about it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error
