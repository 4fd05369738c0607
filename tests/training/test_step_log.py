"""The lines within an epoch: their losses are means of what they cover, and a resumed run writes the same ones."""

from __future__ import annotations

import itertools
import json

import pytest

from tinynet.training import checkpoint, metrics
from tinynet.training.metrics import JsonLines


def steps(trainer):
    return JsonLines(trainer.folder / metrics.STEPS).read()


def without_seconds(lines):
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_every_step_is_recorded_and_their_mean_is_that_of_the_epoch(make_trainer):
    trainer = make_trainer(record_every=1)
    trainer.run()
    lines = steps(trainer)
    assert [(line["epoch"], line["batch"], line["step"]) for line in lines] == [
        (1 + i // 4, 1 + i % 4, 1 + i) for i in range(12)
    ]
    for epoch, record in enumerate(trainer.log.read()):
        losses = [line["loss"] for line in lines[4 * epoch : 4 * epoch + 4]]
        sizes = (10, 10, 10, 5)
        mean = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / 35
        assert mean == pytest.approx(record["train_loss"], rel=1e-12)
    assert all(a["seconds"] <= b["seconds"] for a, b in itertools.pairwise(lines))


def test_a_window_ends_with_its_epoch(make_trainer, capsys):
    trainer = make_trainer(record_every=3, log_every=2)
    trainer.run()
    assert [(line["epoch"], line["batch"]) for line in steps(trainer)] == [(1, 3), (2, 3), (3, 3)]
    said = [line.split() for line in capsys.readouterr().out.splitlines() if "mini-batch" in line]
    assert [(words[3], words[5]) for words in said] == [(str(e), str(b)) for e in (1, 2, 3) for b in (2, 4)]
    assert all(float(words[7]) > 0 for words in said)


def test_without_the_flags_nothing_is_written(make_trainer):
    trainer = make_trainer()
    trainer.run()
    assert not (trainer.folder / metrics.STEPS).exists()


@pytest.mark.parametrize("step", range(1, 12))
def test_resumed_equals_uninterrupted(make_trainer, step):
    whole = make_trainer("whole", record_every=3)
    whole.run()
    trainer = make_trainer("stopped", record_every=3)

    def stop_at():
        if trainer.engine.steps == step:
            trainer.stop.signal = 2

    trainer.engine.after_step = stop_at
    trainer.run()
    resumed = make_trainer("stopped", record_every=3)
    resumed.restore(checkpoint.load(resumed.folder, kinds=("last",)))
    resumed.run()
    assert without_seconds(steps(resumed)) == without_seconds(steps(whole))


def test_a_resumed_run_may_say_more_often(make_trainer, capsys):
    """The first line then covers what has come since, and no mini-batch of the old window."""
    trainer = make_trainer("stopped", log_every=4)
    trainer.engine.after_step = lambda: setattr(
        trainer.stop, "signal", 2 if trainer.engine.steps == 1 else None
    )
    trainer.run()
    resumed = make_trainer("stopped", log_every=3, record_every=1)
    resumed.restore(checkpoint.load(resumed.folder, kinds=("last",)))
    capsys.readouterr()
    resumed.run()
    said = [line.split() for line in capsys.readouterr().out.splitlines() if "mini-batch" in line]
    second, third = (line["loss"] for line in steps(resumed)[:2])
    assert said[0][5] == "3"
    assert float(said[0][7]) == pytest.approx((second + third) / 2, abs=1e-4)


def test_lines_after_the_last_checkpoint_are_dropped(make_trainer):
    trainer = make_trainer("killed", record_every=1, epochs=1)
    trainer.run()
    path = trainer.folder / metrics.STEPS
    kept = path.read_text()
    path.write_text(
        kept + json.dumps({"epoch": 2, "batch": 1, "step": 5, "loss": 1.0, "seconds": 9.0}) + '\n{"epo'
    )
    resumed = make_trainer("killed", record_every=1, epochs=1)
    resumed.restore(checkpoint.load(resumed.folder, kinds=("last",)))
    assert path.read_text() == kept


def test_a_loss_that_is_not_finite_is_null(make_trainer):
    from tinynet.training.engine import Totals
    from tinynet.training.step_log import Window

    found = []
    Window(1, found.append).close(Totals(float("nan"), 0, 4), epoch=1, batch=1, step=1, seconds=0.5)
    assert [record.loss for record in found] == [None]
