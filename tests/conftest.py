"""What every test may use: random numbers, each set of kernels, the number of threads."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tinynet
from tests import fake_cupy
from tests.processes import SMALL, spawn
from tinynet import kernels
from tinynet.kernels import registry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests whose names differ from process to process: pytest-xdist could not run them."""
    named = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named:
        raise pytest.UsageError(f"an object's address is part of the name of {named[0]}: give it an id")


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Compute in one thread: the arrays are tiny, and waiting for a second one costs more than it does."""
    tinynet.set_num_threads(1)


@pytest.fixture
def num_threads() -> Iterator[Callable[[int], None]]:
    """Set the number of threads for one test."""
    before = tinynet.get_num_threads()
    yield tinynet.set_num_threads
    tinynet.set_num_threads(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


def without_notice(errors: str) -> str:
    """Drop the line that the first use of a kernel on a machine prints: it compiles."""
    lines = errors.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("tinynet: compiling kernels"))


@pytest.fixture
def accelerated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let accelerated kernels run, also where the whole suite runs with TINYNET_KERNELS=generic."""
    monkeypatch.setattr(registry, "_use_accelerated", True)


@pytest.fixture(params=["stand-in", "gpu"] if tinynet.backend.cuda_is_available() else ["stand-in"])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let "cuda" mean the stand-in for CuPy; where there is a GPU, run the test once more on that.

    Only the stand-in notes in `fake_cupy.waits` what makes the host wait.
    """
    if request.param == "stand-in":
        for name, module in fake_cupy.modules().items():
            monkeypatch.setitem(sys.modules, name, module)
    fake_cupy.waits.clear()
    return str(request.param)


@pytest.fixture(params=["auto", "generic"])
def kernel_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test twice: with accelerated kernels where there are any, and with the generic ones alone."""
    if request.param == "generic":
        with kernels.generic_only():
            yield request.param
    else:
        yield request.param


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run, not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    process = spawn(folder, "tinynet.train", *SMALL, "--out", "run")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, without_notice(err)) == (0, ""), out
    return folder / "run"


@pytest.fixture
def trained(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the small run, as the folder `run`."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))
