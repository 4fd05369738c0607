"""`metrics.jsonl`: one JSON line for each epoch of a run."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinynet.training.errors import CheckpointError
from tinynet.training.files import report_errors, write_atomically

NAME = "metrics.jsonl"


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


class MetricsLog:
    """The file `metrics.jsonl` of a run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def append(self, record: EpochRecord) -> None:
        """Add one line and flush it. Raises OutputError."""
        with report_errors(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record.to_json(), allow_nan=False) + "\n")

    def keep(self, epochs: int) -> None:
        """Drop all lines past the first `epochs` epochs, which a resumed run will write again."""
        kept = [line for line in self.read() if line["epoch"] <= epochs]
        write_atomically(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def read(self) -> list[dict[str, Any]]:
        """Return all lines. A last line that was cut by a crash is left out. Raises CheckpointError."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").split("\n")
        if lines[-1]:
            lines.pop()
        try:
            return [json.loads(line) for line in lines if line]
        except ValueError as error:
            raise CheckpointError(f"{self.path} is damaged: {error}") from error
