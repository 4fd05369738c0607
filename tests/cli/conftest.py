from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinynet
from tests.conftest import without_notice

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


@pytest.fixture
def start(tmp_path):
    """Return a function that starts `python -m MODULE WORDS` in an empty folder."""
    processes = []

    def begin(module, *words, **options):
        processes.append(spawn(tmp_path, module, *words, **options))
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        if process.stdout is None or not process.stdout.closed:
            process.communicate()
        process.stderr.close()


@pytest.fixture
def run(start):
    """Return a function that runs `python -m MODULE WORDS` and gives exit code, output and errors."""

    def finish(module, *words):
        process = start(module, *words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, without_notice(err)

    return finish


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """The folder of a small run, not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    process = spawn(folder, "tinynet.train", *SMALL, "--out", "run")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, without_notice(err)) == (0, ""), out
    return folder / "run"


@pytest.fixture
def trained(small_run, tmp_path):
    """A copy of the small run, as the folder `run`."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))
