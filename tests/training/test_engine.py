"""The same checks for tinynet's engine and for its twin in PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from reference.train import TorchEngine
from tinynet.backend import BackendUnavailable
from tinynet.training import checkpoint
from tinynet.training.config import TrainConfig
from tinynet.training.engine import TinynetEngine, Totals

STEPS_PER_EPOCH = 2
CONFIG = TrainConfig(model="lenet", epochs=3, batch_size=4, lr=0.01, weight_decay=1e-3)


@pytest.fixture(params=[TinynetEngine, TorchEngine], ids=["tinynet", "torch"])
def make_engine(request):
    def make(config):
        engine = request.param()
        engine.prepare("numpy", 1)
        engine.build(config, steps_per_epoch=STEPS_PER_EPOCH, classes=10)
        return engine

    return make


def batch(step):
    rng = np.random.default_rng(step)
    images = rng.normal(size=(4, 32, 32, 3)).astype(np.float32).transpose(0, 3, 1, 2)
    return images, rng.integers(10, size=4)


def train(engine, steps):
    for step in steps:
        if step % STEPS_PER_EPOCH == 0:
            engine.start(training=True)
        engine.set_progress(step // STEPS_PER_EPOCH, step % STEPS_PER_EPOCH)
        engine.train_step(*batch(step))
        if step % STEPS_PER_EPOCH == STEPS_PER_EPOCH - 1:
            engine.end_epoch()


CONFIGS = {
    "sgd onecycle": CONFIG,
    "sgd multistep nesterov": replace(CONFIG, schedule="multistep", milestones=(1, 2), nesterov=True),
    "sgd plain": replace(CONFIG, momentum=0.0, schedule="step", step_size=1),
    "adam cosine": replace(CONFIG, optimizer="adam", schedule="cosine"),
    "adamw linear": replace(CONFIG, optimizer="adamw", schedule="linear"),
    "muon": replace(CONFIG, optimizer="muon", momentum=0.5),
    "muon cosine": replace(CONFIG, model="resnet8", optimizer="muon", schedule="cosine", sgd_lr=0.05),
    "batch norm": replace(CONFIG, model="resnet8", schedule="constant"),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_saved_in_mid_epoch_and_loaded_trains_on_bit_for_bit(make_engine, config, tmp_path):
    whole = make_engine(config)
    train(whole, range(6))
    first = make_engine(config)
    train(first, range(3))
    arrays, state = first.optimizer_state()
    checkpoint.save(
        tmp_path, "last", first.weights(), arrays, {"config": config.to_json(), "optimizer": state}
    )
    saved = checkpoint.load(tmp_path)
    second = make_engine(replace(config, seed=99))
    second.load_weights(saved.weights)
    second.load_optimizer_state(saved.optimizer, saved.state["optimizer"])
    second.start(training=True)
    second.set_totals(first.totals())
    train(second, range(3, 6))
    assert second.totals() == whole.totals()
    assert second.learning_rate() == whole.learning_rate()
    for name, array in whole.weights().items():
        np.testing.assert_array_equal(second.weights()[name], array, strict=True, err_msg=name)
    ours, theirs = second.optimizer_state(), whole.optimizer_state()
    assert json.dumps(ours[1]) == json.dumps(theirs[1])
    assert ours[0].keys() == theirs[0].keys()
    for name, array in theirs[0].items():
        np.testing.assert_array_equal(ours[0][name], array, strict=True, err_msg=name)


def test_totals_are_sums_of_plain_cross_entropy_over_images(make_engine):
    engine = make_engine(replace(CONFIG, label_smoothing=0.3))
    expected = Totals()
    engine.start(training=False)
    for step in range(2):
        images, labels = batch(step)
        engine.eval_step(images, labels)
        logits = engine.logits(images).astype(np.float64)
        losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), labels]
        right = int((logits.argmax(axis=1) == labels).sum())
        expected = Totals(expected.loss + losses.sum(), expected.correct + right, expected.images + 4)
    totals = engine.totals()
    assert totals.loss == pytest.approx(expected.loss, rel=1e-6)
    assert (totals.correct, totals.images) == (expected.correct, 8)
    engine.start(training=True)
    assert engine.totals() == Totals()


def test_evaluation_leaves_weights_and_statistics_alone(make_engine):
    engine = make_engine(replace(CONFIG, model="resnet8"))
    train(engine, range(1))
    before = engine.weights()
    engine.start(training=False)
    engine.eval_step(*batch(1))
    engine.logits(batch(2)[0])
    for name, array in before.items():
        np.testing.assert_array_equal(engine.weights()[name], array)


def test_same_seed_same_weights(make_engine):
    one, same, other = make_engine(CONFIG), make_engine(CONFIG), make_engine(replace(CONFIG, seed=1))
    np.testing.assert_array_equal(one.weights()["fc1.weight"], same.weights()["fc1.weight"])
    assert (one.weights()["fc1.weight"] != other.weights()["fc1.weight"]).all()


def test_saved_weights_do_not_change_with_the_next_step(make_engine):
    engine = make_engine(CONFIG)
    train(engine, range(1))
    weights, optimizer = engine.weights(), engine.optimizer_state()[0]
    copies = {name: array.copy() for name, array in {**weights, **optimizer}.items()}
    train(engine, range(1, 2))
    for name, array in {**weights, **optimizer}.items():
        np.testing.assert_array_equal(array, copies[name])


def test_without_a_gpu_the_gpu_is_refused():
    try:
        import cupy  # noqa: F401
    except ImportError:
        with pytest.raises(BackendUnavailable, match="pip install"):
            TinynetEngine().prepare("cupy", 1)
    else:
        pytest.skip("CuPy is installed here")
