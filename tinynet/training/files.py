"""Write files so that a crash at any moment leaves the old content or the new one, never a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinynet.training.errors import OutputError

PARTIAL = ".partial"
"""Suffix of a file that is still being written."""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one move within its folder. Raises OutputError."""
    partial = path.with_name(path.name + PARTIAL)
    with report_errors(path):
        try:
            with open(partial, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            with suppress(OSError):
                partial.unlink()  # leaves a full disk as it was found
            raise
        _sync_folder(path.parent)


@contextmanager
def report_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while `path` is written into an OutputError that names it."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    # Makes the rename itself survive a power cut; Windows cannot open folders, and does not need it.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
