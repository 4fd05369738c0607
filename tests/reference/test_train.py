from __future__ import annotations

import json

import numpy as np
import pytest

from reference import train
from reference.train import TorchEngine
from tinynet import evaluate
from tinynet import train as tinynet_train
from tinynet.backend import BackendUnavailable
from tinynet.training.config import TrainConfig
from tinynet.training.engine import TinynetEngine

STEPS = 4
SCHEDULES = {
    "constant": {},
    "step": {"step_size": 1},
    "multistep": {"milestones": (1,)},
    "cosine": {},
    "onecycle": {},
    "linear": {},
}


def config(**values) -> TrainConfig:
    defaults = {
        "model": "lenet",
        "epochs": 4,
        "schedule": "onecycle",
        "lr": 0.02,
        "label_smoothing": 0.1,
        "seed": 3,
    }
    return TrainConfig(**{**defaults, **values})


def batches(count=STEPS, batch_size=8):
    generator = np.random.default_rng(0)
    for _ in range(count):
        images = generator.standard_normal((batch_size, 32, 32, 3), dtype=np.float32).transpose(0, 3, 1, 2)
        yield images, generator.integers(0, 10, batch_size)


def started(engine, run: TrainConfig):
    engine.prepare("numpy", threads=1)
    engine.build(run, steps_per_epoch=2, classes=10)
    return engine


def learn(engine, steps, first=0):
    """Train on the batches `first` to `steps`, two an epoch; return totals of each epoch and learning rates."""
    history = []
    for step, batch in list(enumerate(batches(steps)))[first:]:
        if step % 2 == 0:
            engine.start(training=True)
        engine.set_progress(step // 2, step % 2)
        engine.train_step(*batch)
        history.append(engine.learning_rate())
        if step % 2 == 1:
            totals = engine.totals()
            history += [totals.mean_loss, totals.correct, totals.images]
            engine.end_epoch()
    return history


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_both_engines_learn_alike(optimizer, schedule):
    lr = 0.02 if optimizer == "sgd" else 1e-3
    run = config(
        optimizer=optimizer, schedule=schedule, lr=lr, nesterov=optimizer == "sgd", **SCHEDULES[schedule]
    )
    ours, theirs = started(TinynetEngine(), run), started(TorchEngine(), run)
    np.testing.assert_allclose(learn(ours, STEPS), learn(theirs, STEPS), rtol=1e-4)
    (images, labels) = next(batches(1))
    for engine in (ours, theirs):
        engine.start(training=False)
        engine.eval_step(images, labels)
    assert ours.totals().mean_loss == pytest.approx(theirs.totals().mean_loss, rel=1e-4)
    assert ours.totals().images == theirs.totals().images == 8
    np.testing.assert_allclose(ours.logits(images), theirs.logits(images), atol=1e-4)


def test_both_engines_begin_with_the_same_weights():
    ours, theirs = started(TinynetEngine(), config()).weights(), started(TorchEngine(), config()).weights()
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_resumed_torch_engine_continues_bit_for_bit(optimizer, schedule):
    run = config(model="resnet8", optimizer=optimizer, schedule=schedule, **SCHEDULES[schedule])
    straight = started(TorchEngine(), run)
    learn(straight, 2)
    arrays, state = straight.optimizer_state()
    weights = straight.weights()
    expected = learn(straight, STEPS, first=2)

    resumed = started(TorchEngine(), run)
    resumed.load_weights(weights)
    resumed.load_optimizer_state(arrays, json.loads(json.dumps(state)))
    assert learn(resumed, STEPS, first=2) == expected
    for name, value in straight.weights().items():
        np.testing.assert_array_equal(resumed.weights()[name], value)


def test_saved_state_does_not_change_with_the_next_step():
    engine = started(TorchEngine(), config())
    learn(engine, 2)
    (arrays, _), weights = engine.optimizer_state(), engine.weights()
    before = {
        **{key: value.copy() for key, value in arrays.items()},
        "fc1.weight": weights["fc1.weight"].copy(),
    }
    learn(engine, STEPS, first=2)
    for key, value in {**arrays, "fc1.weight": weights["fc1.weight"]}.items():
        np.testing.assert_array_equal(value, before[key])
        assert value.flags.c_contiguous


def test_memory_formats_compute_the_same():
    run = config(model="resnet8", schedule="constant", lr=1e-3)
    results = [learn(started(TorchEngine(layout), run), 2) for layout in train.MEMORY_FORMATS]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_a_missing_gpu_is_reported(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(train.torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendUnavailable, match="torch finds no CUDA device"):
        TorchEngine().prepare("cupy", threads=1)
    assert train.main(["--backend", "cupy", "--out", str(tmp_path / "run")]) == 2
    assert "reference.train: error: torch finds no CUDA device" in capsys.readouterr().err


def test_an_unknown_memory_format_is_refused(capsys):
    assert train.main(["--memory-format", "diagonal"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("reference.train: error: --memory-format: invalid choice: 'diagonal'")


def test_the_help_has_the_flag_of_its_own(capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main(["--help"])
    assert stopped.value.code == 0
    assert "  --memory-format NAME" in capsys.readouterr().out


def test_the_same_command_gives_the_same_course_in_both_frameworks(tmp_path, capsys):
    flags = ["quick", "--max-steps", "3", "--batch-size", "16", "--val-size", "50", "--threads", "1"]
    layout = ["--memory-format", "contiguous"]
    assert tinynet_train.main([*flags, "--out", str(tmp_path / "tinynet")]) == 0
    assert train.main([*layout, *flags, "--out", str(tmp_path / "torch")]) == 0
    assert "Again       python -m reference.train --memory-format contiguous quick" in capsys.readouterr().out

    def course(name):
        (epoch,) = map(json.loads, (tmp_path / name / "metrics.jsonl").read_text().splitlines())
        return {key: value for key, value in epoch.items() if "second" not in key}

    assert course("tinynet") == pytest.approx(course("torch"), rel=1e-4)
    assert evaluate.main([str(tmp_path / "torch"), "--threads", "1"]) == 0
