from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from tinynet.training import checkpoint
from tinynet.training.errors import OutputError, TrainingDiverged

TIMES = ("seconds", "images_per_second")


def results(trainer):
    """Everything a run leaves that must not depend on interruptions."""
    last = checkpoint.load(trainer.folder, kinds=("last",))
    best = checkpoint.load(trainer.folder, kinds=("best",))
    lines = [{k: v for k, v in line.items() if k not in TIMES} for line in trainer.log.read()]
    return {
        "weights": last.weights["fc.weight"].tobytes(),
        "optimizer": last.optimizer["velocity"].tobytes(),
        "schedule": last.state["optimizer"],
        "best weights": best.weights["fc.weight"].tobytes(),
        "best": (last.state["best"], best.state["best"]),
        "metrics": lines,
    }


def resume(make_trainer, name, **changes):
    trainer = make_trainer(name, **changes)
    trainer.restore(checkpoint.load(trainer.folder, kinds=("last",)))
    trainer.run()
    return trainer


@pytest.fixture
def whole(make_trainer):
    trainer = make_trainer("whole")
    trainer.run()
    return trainer


def test_learns_and_records_every_epoch(whole):
    lines = whole.log.read()
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 4), (2, 8), (3, 12)]
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]
    assert all(line["finite"] and line["complete"] and line["images_per_second"] > 0 for line in lines)
    assert [round(line["lr"] / 0.05, 6) for line in lines] == [1, 0.7, 0.49]


@pytest.mark.parametrize("step", range(1, 13))
def test_stopped_after_any_step_and_resumed_equals_uninterrupted(make_trainer, whole, step):
    trainer = make_trainer("stopped")

    def stop_at():
        if trainer.engine.steps == step:
            trainer.stop.signal = 2

    trainer.engine.after_step = stop_at
    trainer.run()
    assert trainer.engine.steps == step
    resumed = resume(make_trainer, "stopped")
    assert resumed.engine.steps == 12 - step
    assert results(resumed) == results(whole)


@pytest.mark.parametrize("step", [1, 4, 6, 11, 12])
def test_max_steps_is_a_prefix_of_the_whole_run(make_trainer, whole, step):
    short = make_trainer("short", max_steps=step)
    short.run()
    assert short.engine.steps == step
    assert short.log.read()[-1]["complete"] == (step % 4 == 0)
    # Again without a step left: the same result, nothing twice.
    before = results(short)
    assert results(resume(make_trainer, "short", max_steps=step)) == before
    assert results(resume(make_trainer, "short", max_steps=None)) == results(whole)


@pytest.mark.parametrize("crash", range(1, 11))
def test_killed_between_any_two_writes_and_resumed_equals_uninterrupted(
    make_trainer, whole, monkeypatch, crash
):
    # Replacing a file is where a run can die with half of its results written.
    replaced, calls = os.replace, []

    def dies(source, target):
        calls.append(target)
        if len(calls) == crash + 2:  # the first two make the first checkpoint
            raise KeyboardInterrupt
        replaced(source, target)

    trainer = make_trainer("killed")
    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    monkeypatch.undo()
    assert results(resume(make_trainer, "killed")) == results(whole)


def test_saves_within_an_epoch_when_time_is_up(make_trainer, whole):
    trainer = make_trainer("timed", save_minutes=1e-9)

    def dies():
        if trainer.engine.steps == 7:
            raise KeyboardInterrupt

    trainer.engine.after_step = dies
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    resumed = resume(make_trainer, "timed")
    assert resumed.engine.steps == 12 - 6
    assert results(resumed)["metrics"] == results(whole)["metrics"]


def test_best_is_the_first_epoch_of_highest_validation_accuracy(make_trainer, monkeypatch):
    trainer = make_trainer(epochs=5)
    evaluate, accuracies = trainer.evaluate, iter((3, 7, 5, 7, 2))
    monkeypatch.setattr(trainer, "evaluate", lambda *args: replace(evaluate(*args), correct=next(accuracies)))
    trainer.run()
    assert checkpoint.load(trainer.folder).state["best"] == {"epoch": 2, "val_accuracy": 7 / 12}


def test_without_validation_set_there_is_no_best(make_trainer, batches):
    trainer = make_trainer(batches=replace(batches, val=None))
    trainer.run()
    assert not (trainer.folder / "best.json").exists()
    assert {line["val_loss"] for line in trainer.log.read()} == {None}


@pytest.mark.parametrize("where", ["training", "validation"])
def test_diverging_stops_with_the_last_good_checkpoint(make_trainer, where):
    trainer = make_trainer()

    def spoil():
        if trainer.engine.steps == 6 and where == "training":
            trainer.engine.weight = trainer.engine.weight * np.nan
        if trainer.engine.steps == 8 and where == "validation":
            trainer.engine.weight = trainer.engine.weight * np.nan

    trainer.engine.after_step = spoil
    with pytest.raises(
        TrainingDiverged, match=r"epoch 2.*step 8.*learning rate 0.035(.|\n)*--lr(.|\n)*last.json"
    ):
        trainer.run()
    saved = checkpoint.load(trainer.folder, kinds=("last",))
    assert saved.state["epoch"] == 1
    assert np.isfinite(saved.weights["fc.weight"]).all()
    text = trainer.log.path.read_text().splitlines()
    assert "NaN" not in text[1]
    line = json.loads(text[1])
    assert line["finite"] is False
    assert (line["train_loss"] is None) == (where == "training")


def test_weights_ruined_by_the_last_update_are_not_saved(make_trainer, batches):
    trainer = make_trainer(batches=replace(batches, val=None))

    def spoil():
        if trainer.engine.steps == 8:
            trainer.engine.weight = trainer.engine.weight * np.inf

    trainer.engine.after_step = spoil
    with pytest.raises(TrainingDiverged):
        trainer.run()
    saved = checkpoint.load(trainer.folder, kinds=("last",))
    assert (saved.state["epoch"], np.isfinite(saved.weights["fc.weight"]).all()) == (1, True)


def test_full_disk_is_one_clear_error(make_trainer, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    trainer = make_trainer()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot write .*safetensors: No space left on device"):
        trainer.run()
