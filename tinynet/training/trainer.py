"""The training loop, the same for every framework behind `Engine`."""

from __future__ import annotations

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.loader import BatchLoader
from tinynet.training import checkpoint
from tinynet.training.batches import Batches
from tinynet.training.checkpoint import Checkpoint
from tinynet.training.config import TrainConfig
from tinynet.training.engine import Engine, Totals
from tinynet.training.errors import TrainingDiverged
from tinynet.training.metrics import EpochRecord, MetricsLog
from tinynet.training.progress import Bar
from tinynet.training.report import Report
from tinynet.training.signals import StopRequest
from tinynet.training.step_log import StepLog


class Trainer:
    """Train, validate, record and save, epoch by epoch.

    State:   epoch: complete epochs; step: steps into the current one; partial: totals of these steps
             best: epoch and validation accuracy of the best complete epoch, None before the first
    """

    def __init__(
        self,
        config: TrainConfig,
        engine: Engine,
        batches: Batches,
        folder: Path,
        report: Report,
        stop: StopRequest,
    ) -> None:
        self.config, self.engine, self.batches, self.folder = config, engine, batches, folder
        self.report, self.stop, self.log = report, stop, MetricsLog(folder)
        self.steps = StepLog(folder, config.log_every, config.record_every, report.mini_batch)
        self.epoch, self.step, self.partial = 0, 0, Totals()
        self.best: dict[str, Any] | None = None
        self._seconds = 0.0
        self.steps_per_epoch = len(batches.train)
        self.last_step = min(config.epochs * self.steps_per_epoch, config.max_steps or math.inf)
        self._since = self._saved_at = time.monotonic()

    @property
    def steps_done(self) -> int:
        """Optimiser steps since the start of the run."""
        return self.epoch * self.steps_per_epoch + self.step

    def elapsed(self) -> float:
        """Return the seconds spent on the run until now, earlier sessions included."""
        now = time.monotonic()
        self._seconds, self._since = self._seconds + now - self._since, now
        return self._seconds

    def restore(self, saved: Checkpoint) -> None:
        """Continue from `saved`, the `last` checkpoint of this run, whose weights must fit the model."""
        state = saved.state
        self.engine.load_weights(saved.weights)
        self.engine.load_optimizer_state(saved.optimizer, state["optimizer"])
        self.epoch, self.step, self.partial = state["epoch"], state["step"], Totals(**state["partial"])
        self.best, self._seconds = state["best"], state["seconds"]
        self.log.keep(self.epoch, "epoch")
        self.steps.restore(state.get("step_log", {}), self.partial, self.steps_done)

    # What overflows shows as a loss that is not finite, which ends the run with a better message than a warning.
    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def run(self) -> None:
        """Train to the last step, or until a stop is requested, and leave `last` and `best` behind.

        Raises: TrainingDiverged: the loss is not finite; OutputError: a file cannot be written
        """
        if self.steps_done == 0:
            # So that a run killed in its first epoch can be resumed too.
            self._save_last()
        # An epoch that was saved half-way is taken up again even if no step is left: validation may lack.
        halfway = self.step > 0
        while (halfway or self.steps_done < self.last_step) and not self.stop:
            halfway = False
            self._run_epoch()

    def evaluate(self, loader: BatchLoader, title: str) -> Totals:
        """Return the totals of one pass without learning; incomplete if a stop was requested."""
        self.engine.start(training=False)
        with Bar(title, len(loader.dataset)) as bar:
            for images, labels in loader.epoch(0):
                self.engine.eval_step(images, labels)
                if bar.add(len(labels)):
                    bar.show()
                if self.stop:
                    break
        return self.engine.totals()

    def _run_epoch(self) -> None:
        began, images_before = time.monotonic(), self.partial.images
        totals = self._train_epoch()
        trained = time.monotonic() - began
        complete = self.step == self.steps_per_epoch
        if self.stop or not complete:
            self._save_last()
        if self.stop:
            return
        val = self.evaluate(self.batches.val, "validation") if self.batches.val is not None else None
        if self.stop:
            self._save_last()
            return
        record = EpochRecord(
            epoch=self.epoch + 1,
            step=self.steps_done,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            val_loss=None if val is None else val.mean_loss,
            val_accuracy=None if val is None else val.accuracy,
            lr=self.engine.learning_rate(),
            seconds=time.monotonic() - began,
            images_per_second=(totals.images - images_before) / max(trained, 1e-9),
            complete=complete,
        )
        self.log.append(record)
        if not record.finite:
            raise self._diverged(record.train_loss, record.val_loss)
        # Saved before it is said: a screen or a pipe that is gone costs no epoch.
        self._finish_epoch(record)
        self.report.epoch(record)

    def _train_epoch(self) -> Totals:
        """Train from `self.step` to the end of the epoch, the last step of the run, or a stop."""
        loader, images = self.batches.train, len(self.batches.train.dataset)
        self.engine.start(training=True)
        self.engine.set_totals(self.partial)
        if self.step == 0:
            self.steps.begin_epoch()
        title = f"epoch {self.epoch + 1}/{self.config.epochs}"
        with Bar(title, images, done=self.partial.images) as bar:
            for batch, labels in (
                loader.epoch(self.epoch, self.step) if self.steps_done < self.last_step else ()
            ):
                self.engine.set_progress(self.epoch, self.step)
                self.engine.train_step(batch, labels)
                self.step += 1
                if self.steps.is_due(self.step):
                    bar.clear()
                    place = {"epoch": self.epoch + 1, "step": self.steps_done, "seconds": self.elapsed()}
                    self.steps.after(self.step, self.engine.totals, **place)
                if bar.add(len(labels)):
                    bar.show(self._checked_totals())
                if self.stop or self.steps_done >= self.last_step:
                    break
                if time.monotonic() - self._saved_at > 60 * self.config.save_minutes:
                    self.partial = self._checked_totals()
                    self._save_last()
        self.partial = self._checked_totals()
        return self.partial

    def _finish_epoch(self, record: EpochRecord) -> None:
        """Move on to the next epoch and save. `best` goes first: `last` must never be ahead of it."""
        if record.complete:
            self.engine.end_epoch()
            self.epoch, self.step, self.partial = self.epoch + 1, 0, Totals()
        accuracy = record.val_accuracy
        # An epoch cut short by --max-steps counts only before the first complete one, and is not remembered.
        if accuracy is not None and (
            self.best is None or (record.complete and accuracy > self.best["val_accuracy"])
        ):
            best = {"epoch": record.epoch, "val_accuracy": accuracy}
            checkpoint.save(self.folder, "best", self.engine.weights(), {}, self._state({"best": best}))
            if record.complete:
                self.best = best
        if record.complete:
            self._save_last(record.to_json())

    def _save_last(self, metrics: dict[str, Any] | None = None) -> None:
        weights = self.engine.weights()
        # The loss of a step is measured before its update, so a ruined update may not show in it yet.
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise self._diverged(math.nan, None)
        arrays, optimizer = self.engine.optimizer_state()
        state = self._state({"best": self.best, "optimizer": optimizer, "metrics": metrics})
        checkpoint.save(self.folder, "last", weights, arrays, state)
        self._saved_at = time.monotonic()

    def _state(self, more: dict[str, Any]) -> dict[str, Any]:
        return {
            "config": self.config.to_json(),
            "framework": self.engine.name,
            "versions": self.engine.versions(),
            "classes": list(self.batches.classes),
            "normalisation": self.batches.normalisation,
            "epoch": self.epoch,
            "step": self.step,
            "steps_per_epoch": self.steps_per_epoch,
            "partial": asdict(self.partial),
            "step_log": self.steps.state(),
            "seconds": self.elapsed(),
            **more,
        }

    def _checked_totals(self) -> Totals:
        totals = self.engine.totals()
        if not math.isfinite(totals.loss):
            self.log.append(
                EpochRecord(
                    epoch=self.epoch + 1,
                    step=self.steps_done,
                    train_loss=totals.mean_loss,
                    train_accuracy=totals.accuracy,
                    val_loss=None,
                    val_accuracy=None,
                    lr=self.engine.learning_rate(),
                    seconds=0.0,
                    images_per_second=0.0,
                    complete=False,
                )
            )
            raise self._diverged(totals.mean_loss, None)
        return totals

    def _diverged(self, train_loss: float, val_loss: float | None) -> TrainingDiverged:
        return TrainingDiverged(
            f"the loss is not finite any more (training {train_loss}, validation {val_loss}): "
            f"epoch {self.epoch + 1}, noticed at step {self.steps_done}, "
            f"learning rate {self.engine.learning_rate():.3g}.\n"
            "Try a smaller --lr or a longer --warmup, in another --out: this run can only be resumed as it was. "
            f"Its last good checkpoint is {self.folder / 'last.json'}."
        )
