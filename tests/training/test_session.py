from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinynet.data import DataError
from tinynet.data.datasets import ArrayDataset
from tinynet.train import main
from tinynet.training import batches, checkpoint, files, report
from tinynet.training.checkpoint import Checkpoint
from tinynet.training.config import TrainConfig
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.training.recipes import RECIPES
from tinynet.training.report import Report, duration
from tinynet.training.session import resumed_config

RUN = TrainConfig(recipe="resnet20", epochs=20, lr=0.3, threads=2)


def resumed(schedule="onecycle", framework="tinynet", **given):
    before = replace(RUN, schedule=schedule)
    state = {"config": before.to_json(), "framework": "tinynet", "epoch": 2, "step": 1, "steps_per_epoch": 4}
    state |= {"partial": {}, "seconds": 1.0, "best": None, "optimizer": {}}
    saved = Checkpoint(Path("last.json"), {}, {}, state)
    return resumed_config(replace(TrainConfig(), **given), frozenset(given), saved, framework)


def test_a_resumed_run_keeps_its_values():
    assert resumed(resume=True, out="x") == replace(RUN, resume=True, out="x")


@pytest.mark.parametrize(
    "given", [{"threads": 4}, {"max_steps": 9}, {"data_dir": "d"}, {"save_minutes": 1.0}]
)
def test_what_leaves_the_course_alone_may_change(given):
    assert resumed(**given) == replace(RUN, **given)


@pytest.mark.parametrize(
    "given", [{"lr": 0.1}, {"recipe": "quick"}, {"epochs": 30}, {"seed": 4}, {"val_size": 3}]
)
def test_what_changes_the_course_is_refused(given):
    (name,) = given
    with pytest.raises(
        ConfigError, match=rf"--{name.replace('_', '-')} .*\(the run has .*May change: .*--threads"
    ):
        resumed(**given)


def test_fewer_steps_than_are_done_are_refused():
    with pytest.raises(ConfigError, match=r"--max-steps 8: the run in .* has done 9 steps already"):
        resumed(max_steps=8)


def test_repeating_the_same_value_is_fine():
    assert resumed(lr=0.3, recipe="resnet20") == RUN


def test_epochs_may_change_where_the_schedule_does_not_depend_on_them():
    assert resumed(schedule="constant", epochs=30).epochs == 30


def test_another_framework_is_refused():
    with pytest.raises(CheckpointError, match="written by tinynet: resume it there, not in torch"):
        resumed(framework="torch")


def test_command_repeats_the_run():
    recipe = RECIPES["resnet20"].config
    config = replace(recipe, lr=0.3, data_dir="my data", out="x", resume=True, seed=4)
    command = Report("tinynet.train", config).command(threads=2)
    assert command == "python -m tinynet.train resnet20 --data-dir 'my data' --lr 0.3 --seed 4 --threads 2"


def test_trouble_with_the_data_is_one_message_and_leaves_no_folder(monkeypatch, tmp_path, capsys):
    def damaged(*args, **kwargs):
        raise DataError("data_batch_1.bin is truncated")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "load", damaged)
    assert main(["--threads", "1"]) == 2
    assert capsys.readouterr() == ("", "tinynet.train: error: data_batch_1.bin is truncated\n")
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]


@pytest.mark.parametrize("writes", [0, 3])
def test_full_disk_says_what_to_do_and_leaves_nothing_half_done(monkeypatch, tmp_path, capsys, writes):
    """The configuration is one write and a checkpoint two; the fourth is the arrays of the next one."""
    done = []

    def full(descriptor):
        done.append(descriptor)
        if len(done) > 2 * writes:  # the file and its folder
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    words = ["--model", "lenet", "--max-steps", "1", "--batch-size", "50", "--threads", "1"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert re.match(
        r"tinynet.train: error: cannot write .*run/(config|last).*: No space left on device\n", error
    )
    if writes:
        command = f"python -m tinynet.train --resume --out {tmp_path}/run"
        assert f"Make room, or put right what is wrong there, then continue with: {command}\n" in error
        assert checkpoint.load(tmp_path / "run").state["step"] == 0
    else:
        assert "choose another place with --out" in error
        assert list(tmp_path.iterdir()) == []
    assert not list(tmp_path.rglob(f"*{files.PARTIAL}"))


@pytest.mark.parametrize(
    "labels, classes, lines",
    [
        ([0, 1, 0, 1], 2, ["2 classes, of each 2 to train and 2 to test"]),
        ([0, 1, 0], 2, ["2 classes, to train and to test: c0 2 and 2, c1 1 and 1"]),
        ([*range(30), 4, 4], 30, ["30 classes, of each 1 to 3 to train and 1 to 3 to test"]),
    ],
)
def test_classes_are_counted(labels, classes, lines):
    names = tuple(f"c{i}" for i in range(classes))
    part = ArrayDataset(np.zeros((len(labels), 3, 2, 2), np.uint8), np.array(labels), names, "toy")
    assert report._class_counts(part, part) == lines


@pytest.mark.parametrize(
    "seconds, words", [(3.21, "3.2 s"), (59.4, "59.4 s"), (83, "1 min 23 s"), (3723, "1 h 02 min 03 s")]
)
def test_duration(seconds, words):
    assert duration(seconds) == words
