"""What a run says on the screen: plain lines on standard output."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tinynet.data.datasets import ArrayDataset, class_counts
from tinynet.training.batches import Batches
from tinynet.training.config import TrainConfig, flags
from tinynet.training.errors import OutputError
from tinynet.training.finetuning import is_within
from tinynet.training.measure import LISTED
from tinynet.training.metrics import EpochRecord, StepRecord
from tinynet.training.output import say
from tinynet.training.recipes import find

_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


class Report:
    """Print the course of a run of `prog`."""

    def __init__(self, prog: str, config: TrainConfig) -> None:
        self.prog, self.config = prog, config
        self._width = len(str(config.epochs))

    def start(
        self, *, framework: str, device: str, weights: dict[str, np.ndarray], batches: Batches, folder: Path
    ) -> None:
        """Say what is about to run, on which data, and where results go."""
        config = self.config
        train, val, test = batches.train.dataset, batches.val, batches.test.dataset
        parameters = count_parameters(weights)
        held_back = 0 if val is None else len(val.dataset)
        say(
            f"{framework}: recipe {config.recipe}, model {config.model} ({parameters:,} parameters), {device}"
        )
        if config.dataset == "cifar10-sample":
            say(
                f"Data: a sample of real CIFAR-10 ({len(train) + held_back:,} training and {len(test):,} "
                "test images) inside the package, not the full data set"
            )
        else:
            say(f"Data: {config.dataset}")
        say(f"      {len(train):,} images to train, {held_back:,} to validate, {len(test):,} to test")
        for line in _class_counts(train, test):
            say(f"      {line}")
        if config.train_only:
            moving = count_parameters({n: w for n, w in weights.items() if is_within(n, config.train_only)})
            say(
                f"Training only {', '.join(config.train_only)}: {moving:,} parameters; all others stay as they are"
            )
            if lost := [name for name in config.reset if not is_within(name, config.train_only)]:
                say(f"  {', '.join(lost)}: starts anew, and is not among these, so that it stays random")
        say(f"Results go to {folder}")

    def epoch(self, record: EpochRecord) -> None:
        """Print the line of one epoch."""
        val = ""
        if record.val_loss is not None and record.val_accuracy is not None:
            val = f"  val loss {record.val_loss:.4f} acc {100 * record.val_accuracy:5.2f} %"
        say(
            f"epoch {record.epoch:>{self._width}}/{self.config.epochs}"
            f"  train loss {record.train_loss:.4f} acc {100 * record.train_accuracy:5.2f} %{val}"
            f"  lr {record.lr:.2e}  {record.seconds:.1f} s  {record.images_per_second:,.0f} images/s"
        )

    def mini_batch(self, record: StepRecord) -> None:
        """Print the line of --log-every."""
        loss = "not finite" if record.loss is None else f"{record.loss:.4f}"
        say(
            f"{record.seconds:9.1f} s  epoch {record.epoch:>{self._width}}  mini-batch {record.batch:>6,}  loss {loss}"
        )

    def resumed(self, folder: Path, epoch: int, step: int, steps: int) -> None:
        """Say where a resumed run goes on."""
        over = "; nothing is left to train" if epoch == self.config.epochs else ""
        say(f"Resumed from {folder / 'last.json'}: {self._place(epoch, step, steps)}{over}")

    def stopped(self, folder: Path, epoch: int, step: int, steps: int) -> None:
        """Say where the run was interrupted and how to go on."""
        say(f"Stopped: {self._place(epoch, step, steps)}; saved in {folder / 'last.json'}")
        say(f"Continue exactly there with: {self.resume_command(folder)}")

    def _place(self, epoch: int, step: int, steps: int) -> str:
        if step:
            return f"{step} of {steps} steps into epoch {epoch + 1} of {self.config.epochs}"
        return f"{epoch} of {self.config.epochs} epochs done"

    def cut_short(self, folder: Path, done: int, whole: int) -> None:
        """Say that --max-steps ended the run before its schedule did."""
        say(
            f"Stopped by --max-steps after {done:,} of {whole:,} steps, before its schedule ran out.\n"
            f"Continue with: {self.resume_command(folder)} --max-steps {whole}"
        )

    def unwritable(self, error: OutputError, folder: Path) -> OutputError:
        """Return `error` with what to do."""
        if not (folder / "last.json").exists():
            return OutputError(f"{error}\nMake room, or choose another place with --out")
        return OutputError(
            f"{error}\nMake room, or put right what is wrong there, then continue with: {self.resume_command(folder)}"
        )

    def abandoned(self, folder: Path) -> None:
        """Say, on standard error, that the run ended because nobody reads its output."""
        print(
            f"{self.prog}: stopped, since nobody reads the output any more; continue after the last complete "
            f"epoch with: {self.resume_command(folder)}",
            file=sys.stderr,
        )

    def resume_command(self, folder: Path) -> str:
        """Return the command that continues the run."""
        return shlex.join(["python", "-m", *self.prog.split(), "--resume", "--out", str(folder)])

    def command(self, threads: int) -> str:
        """Return the command that repeats the run bit for bit on this machine."""
        base = find(self.config.recipe).config
        words = flags(self.config, base, skip=("out", "resume", "save_minutes", "seed", "threads"))
        exact = ["--seed", str(self.config.seed), "--threads", str(threads)]
        return shlex.join(["python", "-m", *self.prog.split(), self.config.recipe, *words, *exact])

    def classes(self, lines: Sequence[str]) -> None:
        """Print the accuracy of each class."""
        for line in ("Accuracy on the test set, by class", *lines):
            say(line)

    def end(self, lines: dict[str, str]) -> None:
        """Print a table of names and values."""
        for name, value in lines.items():
            say(f"{name:<12}{value}")


def _class_counts(train: ArrayDataset, test: ArrayDataset) -> list[str]:
    """Return how many images each class has to train and to test; of many classes the smallest and the largest."""
    counts = [class_counts(part) for part in (train, test)]
    classes = f"{len(train.classes)} classes"
    if len(train.classes) > LISTED or all(len(set(each.values())) == 1 for each in counts):
        to_train, to_test = (_range(list(each.values())) for each in counts)
        return [f"{classes}, of each {to_train} to train and {to_test} to test"]
    named = (f"{name} {counts[0][name]:,} and {counts[1][name]:,}" for name in train.classes)
    words = f"{classes}, to train and to test: " + ", ".join(named)
    return textwrap.wrap(words, 100, break_on_hyphens=False)


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def count_parameters(weights: Mapping[str, np.ndarray]) -> int:
    """Return how many numbers of a state dict are learnt: all but the statistics of batch normalisation."""
    return sum(array.size for name, array in weights.items() if not name.endswith(_BUFFERS))


def duration(seconds: float) -> str:
    """Return seconds in words, as in "1 h 02 min 03 s"."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    head = f"{hours} h {minutes:02} min " if hours else f"{minutes} min " if minutes else ""
    return f"{head}{whole % 60:02} s" if head else f"{seconds:.1f} s"
