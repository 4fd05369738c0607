"""Memory that is asked for ahead: each line of it once, whatever the number of requests."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cpu.machine import run
from tinynet.kernels.cpu.codegen.ahead import LINE, Ahead, ask_for
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.values import Pointer


@pytest.fixture(autouse=True)
def requests_leave_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count a request for a line in its first numbers: the hardware keeps no record."""

    def mark(place: Pointer, *, write: bool = False) -> None:
        place.store(place.load() + (100.0 if write else 1.0))

    monkeypatch.setattr(Pointer, "prefetch", mark)


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 50])
@pytest.mark.parametrize("write", [False, True])
def test_each_line_is_asked_for_once(turns: int, write: bool) -> None:
    lines = 10
    memory = np.zeros((lines + 3, LINE), np.float32)

    def kernel(code: Code) -> None:
        (start,) = code.pointers(1)
        floats, turns = code.integers(2)
        ahead = Ahead(code, turns)
        ahead.add(start, floats, write=write)
        for _ in code.range(turns.maximum(1) + 5):
            ahead.ask()

    run(kernel, memory, lines * LINE + 1, turns, lanes=4)
    assert memory[:, 0].tolist() == [100 if write else 1] * lines + [0] * 3


def test_requests_are_spread_over_the_turns() -> None:
    memory = np.zeros((12, LINE), np.float32)

    def kernel(code: Code) -> None:
        (start,) = code.pointers(1)
        ahead = Ahead(code, 5)
        ahead.add(start, code.int(12 * LINE))
        for _ in code.range(2):
            ahead.ask()

    run(kernel, memory, lanes=4)
    assert memory[:, 0].tolist() == [1] * 6 + [0] * 6


def test_what_comes_behind_goes_on() -> None:
    memory = np.zeros((5, LINE), np.float32)

    def kernel(code: Code) -> None:
        (start,) = code.pointers(1)
        ask_for(ask_for(start, 2), 1)

    run(kernel, memory, lanes=4)
    assert memory[:, 0].tolist() == [1, 1, 1, 0, 0]
