"""A trained network of a second or two, for pictures of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import SMALL, spawn
from tests.conftest import without_notice
from tinynet.viz import pictures


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


@pytest.fixture(scope="session")
def drawn(small_run, tmp_path_factory):
    """All pictures of the small run, not to be changed."""
    folder = tmp_path_factory.mktemp("drawn") / "run"
    return pictures.make(Path(shutil.copytree(small_run, folder)), "run", threads=1)
