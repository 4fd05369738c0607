"""The switch of NumPy's warnings, which goes through a private name of NumPy where that exists."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from tinynet import backend


@pytest.mark.parametrize("path", ["NumPy's own variable", "errstate"])
def test_warnings_go_off_and_come_back(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if path == "errstate":

        def missing(name: str) -> Any:
            raise ImportError(name)

        monkeypatch.setattr(importlib, "import_module", missing)
    off, back = backend._switch_of_warnings()
    with np.errstate(all="warn"):
        state = off()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.log(np.zeros(1))
            assert caught == []
            back(state)
            np.log(np.zeros(1))
        assert len(caught) == 1


def test_this_numpy_has_the_quick_switch() -> None:
    """Without it every operation costs a microsecond more: the figures of benchmarks/overhead.py would not hold."""
    assert backend.warnings_off.__class__.__name__ == "partial"
