"""What is said and written down within an epoch: the mean loss of every so many mini-batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinynet.training import metrics
from tinynet.training.engine import Totals
from tinynet.training.metrics import JsonLines, StepRecord


class Window:
    """The mini-batches since the last record, at most `every`; a new epoch begins a new one.

    State:   start: totals of the epoch at its first
    """

    def __init__(self, every: int | None, use: Callable[[StepRecord], None]) -> None:
        self.every, self.use, self.start = every, use, Totals()

    def is_full(self, batch: int) -> bool:
        """Return whether mini-batch `batch` of an epoch, from 1, is the last of its window."""
        return self.every is not None and batch % self.every == 0

    def close(self, totals: Totals, *, epoch: int, batch: int, step: int, seconds: float) -> None:
        """Record the mean loss, and begin the next window."""
        images = max(totals.images - self.start.images, 1)
        loss = (totals.loss - self.start.loss) / images
        self.use(StepRecord(epoch, batch, step, loss if math.isfinite(loss) else None, seconds))
        self.start = totals


class StepLog:
    """The windows of `--log-every`, whose records are said, and of `--record-every`, which go into steps.jsonl.

    To close a window the loop waits for the device; mini-batches in between wait for nothing.
    """

    def __init__(
        self, folder: Path, log_every: int | None, record_every: int | None, say: Callable[[StepRecord], None]
    ) -> None:
        self._file = JsonLines(folder / metrics.STEPS)
        self._windows = {
            "log": Window(log_every, say),
            "record": Window(record_every, lambda record: self._file.write(asdict(record))),
        }

    def begin_epoch(self) -> None:
        """Forget what is left of the last epoch."""
        for window in self._windows.values():
            window.start = Totals()

    def is_due(self, batch: int) -> bool:
        """Return whether mini-batch `batch` fills a window."""
        return any(window.is_full(batch) for window in self._windows.values())

    def after(self, batch: int, totals: Callable[[], Totals], **place: Any) -> None:
        """Close the windows that mini-batch `batch` fills.

        Args:    totals: waits for the device and returns those of the epoch; place: as `Window.close`
        """
        for window in self._windows.values():
            if window.is_full(batch):
                window.close(totals(), batch=batch, **place)

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {
            name: {"every": window.every, "start": asdict(window.start)}
            for name, window in self._windows.items()
        }

    def restore(self, state: dict[str, Any], partial: Totals, steps_done: int) -> None:
        """Continue from `state`, and drop records of later steps; a window of another length begins here.

        Args:    partial: totals of the epoch so far
        """
        for name, window in self._windows.items():
            before = state.get(name, {})
            window.start = Totals(**before["start"]) if before.get("every") == window.every else partial
        if self._file.path.exists():
            self._file.keep(steps_done, "step")
