"""Choose, create and check the folder of a run, before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError
from tinynet.training.files import write_atomically
from tinynet.training.parsing import to_yaml

RUNS = Path("runs")
CONFIG = "config.yaml"


def create(config: TrainConfig) -> Path:
    """Create the empty folder of a new run: --out, or the next free runs/RECIPE-N.

    Raises: ConfigError: --out is not empty, or cannot be created or written to
    """
    try:
        folder = _next_free(config.recipe) if config.out is None else _explicit(Path(config.out))
        _probe(folder)
    except OSError as error:
        where = f"--out {config.out}" if config.out is not None else f"the folder {RUNS.resolve()}"
        raise ConfigError(
            f"cannot write to {where}: {error.strerror or error}. Choose another place with --out"
        ) from error
    return folder


def existing(config: TrainConfig, prog: str) -> Path:
    """Return the folder of the run to resume. Raises ConfigError where there is none or it is read-only."""
    if config.out is None:
        runs = ", ".join(str(path.parent) for path in sorted(RUNS.glob("*/last.json")))
        raise ConfigError(f"--resume needs --out FOLDER; runs here: {runs or 'none'}")
    folder = Path(config.out)
    if folder.is_file():
        raise ConfigError(f"--resume: --out {folder} is a file; give the folder of the run")
    if not (folder / "last.json").is_file():
        raise ConfigError(f"--resume: {folder} holds no run (no last.json); start one with: python -m {prog}")
    try:
        _probe(folder)
    except OSError as error:
        raise ConfigError(f"cannot write to --out {folder}: {error.strerror or error}") from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from training in `folder` until the context, or this process, ends.

    The folder itself is locked, so that no file is left behind. Where the system or the file system has no such
    locks there is no protection.

    Raises: ConfigError: another process holds it
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"--out {folder}: another process is training there; wait until it ends, or stop it first"
                ) from None
        yield
    finally:
        os.close(descriptor)


def write_config(folder: Path, config: TrainConfig) -> None:
    """Write all values of a run as a file for --config, which begins the same run elsewhere. Raises OutputError."""
    write_atomically(folder / CONFIG, to_yaml(replace(config, out=None, resume=False)).encode())


def discard_if_empty(folder: Path) -> None:
    """Remove the folder of a run that failed before its first checkpoint."""
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [CONFIG]:
            (folder / CONFIG).unlink()
        folder.rmdir()


def _next_free(recipe: str) -> Path:
    RUNS.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = RUNS / f"{recipe}-{number}"
        try:
            # mkdir is atomic: two runs started together get two folders.
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _explicit(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "last.json").exists():
        raise ConfigError(
            f"--out {folder} already holds a run: continue it with --resume, or choose another folder"
        )
    if any(folder.iterdir()):
        raise ConfigError(f"--out {folder} is not empty: choose a new or an empty folder")
    return folder


def _probe(folder: Path) -> None:
    probe = folder / ".write-test"
    probe.touch()
    probe.unlink()
