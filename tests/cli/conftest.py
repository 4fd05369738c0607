from __future__ import annotations

import pytest

from tests.conftest import without_notice
from tests.processes import spawn


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
