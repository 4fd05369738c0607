from __future__ import annotations

import io
import sys

import pytest

from tinynet.training import progress
from tinynet.training.engine import Totals


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("columns", [40, 60, 72, 120])
def test_one_line_within_the_terminal(monkeypatch, clock, columns):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", "24")
    with progress.Bar("epoch 12/300", 45000, done=128) as bar:
        clock[0] += 10
        bar.add(6272)
        bar.show(Totals(loss=8000.0, correct=3200, images=6400))
    drawn = [line for line in screen.getvalue().replace("\n", "\r").split("\r") if line.strip()]
    assert max(map(len, drawn)) < columns
    wide = ("epoch 12/300", "14%", "loss 1.250", "acc 50.0%", "627 images/s", "left")
    for words in wide if columns >= 72 else ("12/300", "14%", "loss 1.25", "acc 50%"):
        assert words in drawn[-1]


def test_nothing_where_nobody_watches(monkeypatch, capsys):
    with progress.Bar("epoch 1/2", 100) as bar:
        bar.add(10)
        bar.show(Totals(1.0, 1, 10))
    assert capsys.readouterr() == ("", "")


def test_nothing_where_standard_error_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with progress.Bar("epoch 1/2", 100) as bar:
        bar.add(10)
        bar.show(Totals(1.0, 1, 10))


def test_due_at_intervals_only(clock):
    with progress.Bar("epoch 1/2", 100) as bar:
        due = []
        for _ in range(8):
            clock[0] += progress.INTERVAL / 2 + 0.01
            due.append(bar.add(1))
            if due[-1]:
                bar.show()
    assert due == [False, True] * 4
