"""`metrics.jsonl`: one JSON line for each epoch of a run; `steps.jsonl`: one for every few mini-batches."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinynet.training.errors import CheckpointError
from tinynet.training.files import report_errors, write_atomically

NAME = "metrics.jsonl"
STEPS = "steps.jsonl"


@dataclass(frozen=True)
class EpochRecord:
    """Figures of one epoch.

    epoch counts from 1, step from the start of the run; losses are means in nats, accuracies shares from 0 to
    1, None without a validation set; lr is the learning rate after the epoch's last step.
    """

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float
    images_per_second: float
    complete: bool = True

    @property
    def finite(self) -> bool:
        """Whether both losses are finite numbers."""
        return all(math.isfinite(loss) for loss in (self.train_loss, self.val_loss) if loss is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the line; JSON has no NaN: numbers that are not finite become null, and `finite` says so."""
        values = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
        return {**values, "finite": self.finite}


@dataclass(frozen=True)
class StepRecord:
    """Mean loss, in nats, of the last few mini-batches of a run.

    epoch, batch (within the epoch) and step (within the run) count from 1; seconds are those spent on the run so far,
    loss is None if it is not finite.
    """

    epoch: int
    batch: int
    step: int
    loss: float | None
    seconds: float


class JsonLines:
    """A file of JSON lines in the folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, line: dict[str, Any]) -> None:
        """Add one line and flush it. Raises OutputError."""
        with report_errors(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return all lines. A last line that was cut by a crash is left out. Raises CheckpointError."""
        if not self.path.exists():
            return []
        *lines, _ = self.path.read_bytes().split(b"\n")
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found += [json.loads(line)] if line else []
            except ValueError as error:
                raise CheckpointError(f"{self.path} is damaged: line {number}: {error}") from error
        return found

    def keep(self, up_to: int, count: str) -> None:
        """Drop all lines with a larger `count`, which a resumed run will write again."""
        kept = [line for line in self.read() if line[count] <= up_to]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())


class MetricsLog(JsonLines):
    """The file `metrics.jsonl` of a run."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME)

    def append(self, record: EpochRecord) -> None:
        """Add the line of an epoch. Raises OutputError."""
        self.write(record.to_json())
