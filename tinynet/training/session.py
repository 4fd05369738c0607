"""One run from its configuration to its test accuracy."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.threads import available_cores
from tinynet.training import batches as data
from tinynet.training import checkpoint, run_folder
from tinynet.training.checkpoint import Checkpoint
from tinynet.training.config import EPOCH_FREE_SCHEDULES, TrainConfig, flag, text
from tinynet.training.engine import Engine
from tinynet.training.errors import CheckpointError, ConfigError, OutputError
from tinynet.training.files import write_atomically
from tinynet.training.finetuning import read_weights, starting_weights
from tinynet.training.measure import LISTED, Measured, measure
from tinynet.training.report import Report, duration
from tinynet.training.signals import StopRequest
from tinynet.training.trainer import Trainer
from tinynet.viz import curves

MAY_CHANGE = ("out", "resume", "threads", "backend", "data_dir", "max_steps", "save_minutes", "log_every")
"""Flags that may differ from those of the run that --resume continues."""

NEEDED = ("framework", "epoch", "step", "steps_per_epoch", "partial", "seconds", "best", "optimizer")
"""What the state of a checkpoint must hold to be resumed."""


def run(config: TrainConfig, given: frozenset[str], engine: Engine, prog: str) -> int:
    """Train as `config` says, test once, and leave all results in the folder of the run.

    Args:    given: names of the fields set by the user, which a resumed run must not contradict
    Returns: the exit code: 0, or 128 + the signal that stopped the run
    Raises:  ConfigError, CheckpointError, OutputError, DataError, BackendUnavailable, TrainingDiverged
    """
    with ExitStack() as held:
        saved: Checkpoint | None = None
        if config.resume:
            folder = run_folder.existing(config, prog)
            held.enter_context(run_folder.locked(folder))
            saved = checkpoint.load(folder, kinds=("last",))
            config = resumed_config(config, given, saved, engine.name)
        elif config.reset and config.weights is None:
            who = f"--reset {text(config.reset)}" if "reset" in given else f"recipe {config.recipe}"
            raise ConfigError(
                f"{who} needs --weights FILE, the weights to start from: without it every layer starts anew"
            )
        threads = config.threads or available_cores()
        device = engine.prepare(config.backend, threads)
        if saved is None:
            folder = run_folder.create(config)
            held.enter_context(run_folder.locked(folder))
        return _run_in(folder, saved, config, engine, Report(prog, config), device, threads)


def _run_in(
    folder: Path,
    saved: Checkpoint | None,
    config: TrainConfig,
    engine: Engine,
    report: Report,
    device: str,
    threads: int,
) -> int:
    """Run in a folder that is ours alone."""
    try:
        batches = data.prepare(config)
        if saved is not None:
            checkpoint.check_classes(saved, batches.classes, config.dataset)
        elif config.record_every is not None and config.record_every > len(batches.train):
            raise ConfigError(
                f"--record-every {config.record_every}: an epoch has only {len(batches.train):,} mini-batches, "
                "so that nothing would be recorded; give a smaller number"
            )
        engine.build(config, steps_per_epoch=len(batches.train), classes=len(batches.classes))
        weights = engine.weights()
        if saved is None and config.weights is not None:
            path = Path(config.weights)
            engine.load_weights(starting_weights(weights, read_weights(path), config.reset, path))
        report.start(framework=engine.name, device=device, weights=weights, batches=batches, folder=folder)
    except BaseException:
        if saved is None:
            run_folder.discard_if_empty(folder)
        raise
    with StopRequest() as stop:
        trainer = Trainer(config, engine, batches, folder, report, stop)
        if saved is not None:
            checkpoint.check_fits(saved, weights, config.model)
            trainer.restore(saved)
            report.resumed(folder, trainer.epoch, trainer.step, trainer.steps_per_epoch)
        try:
            if saved is None:
                run_folder.write_config(folder, config)
            trainer.run()
        except OutputError as error:
            run_folder.discard_if_empty(folder)
            raise report.unwritable(error, folder) from error
        except BaseException as error:
            _draw_curves(trainer)
            if isinstance(error, BrokenPipeError):
                report.abandoned(folder)
            raise
        _draw_curves(trainer)
        test = None if stop else _test(trainer)
        if test is None or stop:
            report.stopped(folder, trainer.epoch, trainer.step, trainer.steps_per_epoch)
            return stop.exit_code
    _conclude(trainer, report, test, report.command(threads))
    return 0


def resumed_config(
    config: TrainConfig, given: frozenset[str], saved: Checkpoint, framework: str
) -> TrainConfig:
    """Return the configuration of the saved run, with the given flags that may change.

    Raises: ConfigError: a given flag contradicts the run; CheckpointError: another framework wrote it
    """
    if saved.state.get("framework", framework) != framework:
        raise CheckpointError(
            f"{saved.path} was written by {saved.state['framework']}: resume it there, not in {framework}"
        )
    before = checkpoint.read_config(saved, NEEDED)
    free = set(MAY_CHANGE) | ({"epochs"} if before.schedule in EPOCH_FREE_SCHEDULES else set())
    wrong = [
        f"{flag(name)} {text(getattr(config, name))} (the run has {text(getattr(before, name))})"
        for name in sorted(given - free)
        if getattr(config, name) != getattr(before, name)
    ]
    if wrong:
        raise ConfigError(
            f"--resume continues the run in {config.out} as it was begun, but the command says "
            f"{', '.join(wrong)}. May change: {', '.join(flag(name) for name in sorted(free - {'resume'}))}"
        )
    done = saved.state["epoch"] * saved.state["steps_per_epoch"] + saved.state["step"]
    if "max_steps" in given and config.max_steps is not None and config.max_steps < done:
        raise ConfigError(
            f"--max-steps {config.max_steps}: the run in {config.out} has done {done:,} steps already; "
            "--max-steps counts from its start"
        )
    return replace(before, **{name: getattr(config, name) for name in given & free})


def _draw_curves(trainer: Trainer, results: dict[str, Any] | None = None) -> None:
    config = trainer.config
    if records := trainer.log.read():
        title = f"{config.recipe}: {config.model} on {config.dataset}"
        curves.draw([curves.Run(config.recipe, records, results)], trainer.folder / curves.NAME, title)


@dataclass(frozen=True)
class _Test:
    """What the test set gave, and with which weights, in words and by the epoch, from 1, that led to them."""

    found: Measured
    weights: str
    epoch: int


def _test(trainer: Trainer) -> _Test:
    """Measure the best weights, or the last where there was no validation, on the test set."""
    if (trainer.folder / "best.json").exists():
        best = checkpoint.load(trainer.folder, kinds=("best",))
        trainer.engine.load_weights(best.weights)
        epoch = best.state["best"]["epoch"]
        weights = f"the weights of epoch {epoch}, best in validation"
    else:
        epoch, weights = trainer.epoch + (trainer.step > 0), "the last weights"
    found = measure(trainer.engine, trainer.batches.test, "test", lambda: bool(trainer.stop))
    return _Test(found, weights, epoch)


def _conclude(trainer: Trainer, report: Report, test: _Test, command: str) -> None:
    """Write results.json and print what the run gave."""
    found, folder, classes = test.found, trainer.folder, trainer.batches.classes
    results: dict[str, Any] = {
        "test_accuracy": found.accuracy,
        "test_loss": found.loss,
        "test_images": found.images,
        "test_accuracy_by_class": dict(
            zip(classes, (found.hits / np.maximum(found.counts, 1)).tolist(), strict=True)
        ),
        "weights": test.weights,
        "epoch": test.epoch,
        "steps": trainer.steps_done,
        "seconds": trainer.elapsed(),
        "command": command,
    }
    write_atomically(folder / curves.RESULTS, json.dumps(results, indent=1).encode())
    _draw_curves(trainer, results)
    whole = trainer.config.epochs * trainer.steps_per_epoch
    if trainer.steps_done < whole:
        report.cut_short(folder, trainer.steps_done, whole)
    kind = "best" if (folder / "best.json").exists() else "last"
    if len(classes) <= LISTED:
        report.classes(found.lines(classes))
    report.end(
        {
            "Test": f"accuracy {100 * found.accuracy:.2f} %, loss {found.loss:.4f} on "
            f"{found.images:,} images, with {test.weights}",
            "Curves": str(folder / curves.NAME),
            "Checkpoint": str(folder / f"{kind}.json"),
            "Metrics": str(trainer.log.path),
            "Time": duration(results["seconds"]),
            "Classes": shlex.join(["python", "-m", "tinynet.evaluate", str(folder)]),
            "Again": command,
        }
    )
