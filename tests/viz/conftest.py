"""The pictures of a small run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tinynet.viz import pictures


@pytest.fixture(scope="session")
def drawn(small_run, tmp_path_factory):
    """All pictures of the small run, not to be changed."""
    folder = tmp_path_factory.mktemp("drawn") / "run"
    return pictures.make(Path(shutil.copytree(small_run, folder)), "run", threads=1)
