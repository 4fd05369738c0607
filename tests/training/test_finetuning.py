"""Starting from given weights, and training only some layers: the same for tinynet's engine and its twin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reference.train import TorchEngine
from tinynet.ops import conv as conv_ops
from tinynet.training.config import TrainConfig
from tinynet.training.engine import TinynetEngine
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.training.finetuning import starting_weights

CONFIG = TrainConfig(
    model="resnet8", epochs=3, lr=0.05, weight_decay=1e-2, schedule="constant", train_only=("layer3", "fc")
)
TRAINED = ("layer3.", "fc.")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def make(engine, config):
    engine.prepare("numpy", 1)
    engine.build(config, steps_per_epoch=2, classes=10)
    return engine


def train(engine, steps=3):
    engine.start(training=True)
    for step in range(steps):
        rng = np.random.default_rng(step)
        images = rng.normal(size=(4, 32, 32, 3)).astype(np.float32).transpose(0, 3, 1, 2)
        engine.set_progress(0, step)
        engine.train_step(images, rng.integers(10, size=4))
    return engine.weights()


@pytest.mark.parametrize("frozen_bn", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("kind", [TinynetEngine, TorchEngine], ids=["tinynet", "torch"])
def test_frozen_weights_keep_every_bit(kind, optimizer, frozen_bn):
    engine = make(kind(), replace(CONFIG, optimizer=optimizer, frozen_bn=frozen_bn))
    before = engine.weights()
    after = train(engine)
    for name, array in before.items():
        same = np.array_equal(after[name], array)
        trained = name.startswith(TRAINED)
        moved = trained or (name.endswith(STATISTICS) and not frozen_bn)
        assert same is not moved, name


def test_trained_layers_go_as_in_torch():
    config = replace(CONFIG, frozen_bn=True)
    ours, theirs = train(make(TinynetEngine(), config)), train(make(TorchEngine(), config))
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


def test_muon_takes_the_hidden_weights_of_the_model_that_are_trained():
    config = replace(CONFIG, optimizer="muon", train_only=("layer3",))
    muon, rest = make(TinynetEngine(), config)._optimizer._optimizers
    shapes = [tuple(weight.shape) for weight in muon.param_groups[0]["params"]]
    assert shapes == [(64, 32 * 9), (64, 64 * 9)]
    assert len(rest.param_groups[0]["params"]) == 4  # of two batch normalisations
    with pytest.raises(ConfigError, match="no layer of --train-only fc is hidden"):
        make(TinynetEngine(), replace(config, train_only=("fc",)))


def test_frozen_layers_cost_no_backward(monkeypatch):
    calls = []

    def counted(name, function):
        def call(*args, **kwargs):
            calls.append(name)
            return function(*args, **kwargs)

        return call

    # Each gradient by a kernel of its own.
    monkeypatch.setattr(conv_ops, "_kernel_of_both", lambda *_, **__: None)
    for name in ("conv2d_grad_weight", "conv2d_grad_input"):
        monkeypatch.setattr(conv_ops.kernels, name, counted(name, getattr(conv_ops.kernels, name)))
    found = {}
    for layers in ((), ("layer3", "fc"), ("fc",)):
        calls.clear()
        train(make(TinynetEngine(), replace(CONFIG, train_only=layers)), steps=1)
        found[layers] = (calls.count("conv2d_grad_weight"), calls.count("conv2d_grad_input"))
    # resnet8 has 7 convolutions; the first of those that are trained needs no gradient of its input.
    assert found == {(): (7, 6), ("layer3", "fc"): (2, 1), ("fc",): (0, 0)}


@pytest.mark.parametrize("kind", [TinynetEngine, TorchEngine], ids=["tinynet", "torch"])
@pytest.mark.parametrize("layers", [("layer9",), ("layer3", "f"), ("layer",)])
def test_unknown_layers_are_refused(kind, layers):
    with pytest.raises(
        ConfigError, match=r"--train-only .*: no layer '(layer9|f|layer)': .*Known: conv1, bn1, layer1"
    ):
        make(kind(), replace(CONFIG, train_only=layers))


def test_both_enlarge_alike():
    images = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    config = replace(CONFIG, train_only=(), image_size=47)
    ours, theirs = (make(kind(), config).logits(images) for kind in (TinynetEngine, TorchEngine))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    small = make(TinynetEngine(), replace(config, image_size=None)).logits(images)
    assert not np.allclose(ours, small, atol=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mixed_labels_train_alike(smoothing):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, 3, 32, 32)).astype(np.float32)
    shares = rng.dirichlet(np.ones(10), 6).astype(np.float32)
    found = []
    for kind in (TinynetEngine, TorchEngine):
        engine = make(kind(), replace(CONFIG, train_only=(), label_smoothing=smoothing))
        engine.start(training=True)
        engine.train_step(images, shares)
        found.append((engine.totals(), engine.weights()))
    (ours, our_weights), (theirs, their_weights) = found
    assert (ours.correct, ours.images) == (theirs.correct, theirs.images)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
    np.testing.assert_allclose(our_weights["fc.weight"], their_weights["fc.weight"], rtol=1e-4, atol=1e-6)


FRESH = {"conv1.weight": np.zeros((4, 3, 3, 3)), "fc.weight": np.zeros((10, 4)), "fc.bias": np.zeros(10)}
PATH = Path("given.safetensors")


def given(classes=10, **more):
    return {
        "conv1.weight": np.ones((4, 3, 3, 3)),
        "fc.weight": np.ones((classes, 4)),
        "fc.bias": np.ones(classes),
        **more,
    }


def test_given_weights_and_fresh_ones_where_layers_start_anew():
    found = starting_weights(FRESH, given(1000), ("fc",), PATH)
    assert {name: (array.shape, array.max()) for name, array in found.items()} == {
        "conv1.weight": ((4, 3, 3, 3), 1),
        "fc.weight": ((10, 4), 0),
        "fc.bias": ((10,), 0),
    }


def test_what_does_not_fit_is_listed_with_the_flag_that_helps():
    with pytest.raises(CheckpointError) as error:
        starting_weights(FRESH, given(1000), (), PATH)
    assert "given.safetensors does not fit the model; 2 differences" in str(error.value)
    assert "  fc.weight: (1000, 4), expected (10, 4)" in str(error.value)
    assert str(error.value).endswith("To let a layer start anew: --reset fc")
    with pytest.raises(CheckpointError, match=r"differences:[^-]*$"):
        starting_weights(FRESH, given(1000), None, PATH)
    with pytest.raises(CheckpointError, match=r"bn1\.weight: unexpected"):
        starting_weights(FRESH, given(**{"bn1.weight": np.ones(4)}), ("fc",), PATH)


def test_a_layer_that_does_not_exist_cannot_start_anew():
    with pytest.raises(ConfigError, match=r"--reset fx: no layer 'fx': did you mean fc"):
        starting_weights(FRESH, given(), ("fx",), PATH)
