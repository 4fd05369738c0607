"""Rung 4: a whole model equals its PyTorch twin."""

from __future__ import annotations

import numpy as np
import pytest

from reference import compare_gradients
from reference.compare_gradients import OPTIMIZERS, TITLES, Experiment, compare, relative_difference, worst
from tinynet import models
from tinynet.kernels.cpu.codegen import convolution

IMAGE_SIZES = dict.fromkeys(compare_gradients.FULL_SIZE_ONLY, 32) | {
    "resnet110": 8,
    "resnet18": 12,
    "resnet34": 11,
    "resnet50": 11,
    "resnet18-imagenet": 45,
    "resnet34-imagenet": 39,
    "resnet50-imagenet": 37,
    "resnet34-steps": 12,
    "identity-resnet": 15,
    "identity-resnet-deep": 11,
    "preact-resnet18": 13,
    "identity-resnet-deep-distinct": 12,
}


@pytest.mark.parametrize("name", models.names())
def test_one_step_equals_torch(name):
    experiment = Experiment(name, steps=1, batch_size=4, image_size=IMAGE_SIZES.get(name, 16))
    theirs = experiment.run_torch()
    found = compare(experiment.run_tinynet(), theirs)
    assert {key: worst for key, worst in found.items() if not worst.value < 1e-9} == {}
    assert all(np.any(gradient) for gradient in theirs["gradients"].values())
    assert found["gradients"].count == len(list(models.build(name).parameters()))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_twenty_steps_of_resnet20_equal_torch(optimizer):
    experiment = Experiment("resnet20", optimizer=optimizer, batch_size=8, image_size=12)
    found = compare(experiment.run_tinynet(), experiment.run_torch())
    assert found["losses"].count == 20
    assert {key: worst for key, worst in found.items() if not worst.value < 1e-9} == {}


def test_twenty_steps_of_shared_weights_equal_torch():
    experiment = Experiment("dropout-resnet", batch_size=4, image_size=12)
    found = compare(experiment.run_tinynet(), experiment.run_torch())
    assert found["weights"].count == len(list(models.build("dropout-resnet").parameters()))
    assert {key: worst for key, worst in found.items() if not worst.value < 1e-9} == {}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("winograd", "limit"),
    # Winograd's transforms lose a digit, and the ReLUs carry it on: 1.2e-4 to 1.7e-4 here.
    [(False, 1e-4), (True, 3e-4)],
)
def test_twenty_float32_steps_of_resnet20_stay_close_to_torch(optimizer, winograd, limit, monkeypatch):
    monkeypatch.setattr(convolution, "use_winograd", winograd)
    experiment = Experiment("resnet20", "float32", optimizer, batch_size=16, image_size=12)
    found = compare(experiment.run_tinynet(), experiment.run_torch())
    assert found["losses"].count == 20
    assert found["losses"].value < limit


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, -3.0], [1.0, -4.0], 0.25),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 1e-30], [0.0, 0.0], np.inf),
        ([0.0, 0.0], [0.0, 2.0], 1.0),
        ([1.0, np.nan], [1.0, 1.0], np.inf),
        ([1.0, 1.0], [1.0, np.nan], np.inf),
    ],
)
def test_relative_difference_is_measured_by_the_largest_entry_of_the_reference(ours, theirs, expected):
    assert relative_difference(np.array(ours), np.array(theirs)) == expected


def test_worst_names_the_tensor_and_refuses_other_names():
    zero, one, two = (np.full(3, float(n)) for n in range(3))
    found = worst({"a": one, "b": one, "c": one}, {"a": one, "b": two, "c": one})
    assert (found.value, found.name, found.count) == (0.5, "b", 3)
    with pytest.raises(ValueError, match=r"only one side has \['b'\]"):
        worst({"a": zero, "b": zero}, {"a": zero})


@pytest.mark.parametrize(
    ("shape", "expected"), [((2, 3, 1, 1), 0.5e-12), ((2, 3), 0.5)], ids=["convolution", "linear"]
)
def test_the_bias_of_a_convolution_is_measured_beside_its_weight(shape, expected):
    """Before normalisation its gradient is zero but for rounding, in which the frameworks differ wholly."""
    theirs = {"layer.weight": np.ones(shape), "layer.bias": np.full(2, 1e-12)}
    ours = {**theirs, "layer.bias": np.full(2, 0.5e-12)}
    found = worst(ours, theirs)
    assert found.name == "layer.bias"
    assert found.value == pytest.approx(expected)


def run(capsys, *flags):
    code = compare_gradients.main(
        ["resnet8", "--steps", "2", "--batch-size", "4", "--image-size", "8", *flags]
    )
    return code, capsys.readouterr().out


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_command_line_reports_every_difference_and_passes(capsys, dtype):
    code, out = run(capsys, "--dtype", dtype, "--optimizer", "adam")
    assert code == 0
    assert out.endswith("PASS\n")
    assert "max |tinynet - torch| / max |torch|" in out
    for title in TITLES.values():
        assert title.format(steps=2) in out


def test_command_line_fails_on_a_planted_error(capsys, monkeypatch):
    twin = compare_gradients.torch_models.build

    def slightly_wrong(name):
        model = twin(name)
        model.layer2[0].bn1.eps *= 1.001
        return model

    monkeypatch.setattr(compare_gradients.torch_models, "build", slightly_wrong)
    code, out = run(capsys)
    assert code == 1
    assert "EXCEEDED" in out
    assert "FAIL" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["resnet8", "--steps", "0"], "'0' is not a whole number of at least 1"),
        (["resnet8", "--batch-size", "x"], "'x' is not a whole number of at least 1"),
        (["lenet", "--image-size", "16"], "lenet takes images of 32 pixels only"),
        (["vgg-a", "--image-size", "31"], "vgg-a takes images of 32 pixels only"),
        (["resnet21"], "invalid choice: 'resnet21'"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        compare_gradients.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
