"""What both frameworks are given to do is the work that the benchmarks name, and the same for both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import reference.step
from benchmarks import networks
from benchmarks.networks import BF16, COMPILE, EAGER, TINYNET, TORCH
from tinynet import models

WORK = {"model": "resnet8", "batch_size": 2, "threads": 1}


@pytest.fixture
def built(monkeypatch):
    """The networks that either framework builds."""
    found = []
    for module in (models, reference.step):

        def build(name, original=module.build):
            found.append(original(name))
            return found[-1]

        monkeypatch.setattr(module, "build", build)
    return found


@pytest.fixture
def compiled(monkeypatch):
    """What was given to torch.compile, which compiles nothing here: that takes half a minute."""
    found = []

    def compile(network):
        found.append(network)
        return network

    monkeypatch.setattr(torch, "compile", compile)
    return found


def prepare(label, mode):
    options = {**WORK, "mode": mode}
    if label == TINYNET:
        return networks.prepare(**options)
    return reference.step.prepare(**options, **TORCH[label])


def state(network):
    return {name: np.array(value.detach().numpy()) for name, value in network.state_dict().items()}


@pytest.mark.parametrize("label", networks.LABELS)
def test_a_training_step_moves_weights_and_statistics_and_clears_gradients(label, built, compiled):
    work = prepare(label, "train")
    (network,) = built
    before = state(network)
    work()
    after = state(network)
    assert network.training
    assert not [name for name in before if np.array_equal(before[name], after[name])]
    assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.parametrize("label", networks.LABELS)
def test_inference_runs_in_evaluation_mode_and_records_nothing(label, built, compiled):
    work = prepare(label, "eval")
    (network,) = built
    before, outputs = state(network), []
    network.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    work()
    assert not network.training
    assert [tuple(output.shape) for output in outputs] == [(2, 10)]
    assert not outputs[0].requires_grad
    assert all(np.array_equal(value, before[name]) for name, value in state(network).items())


@pytest.mark.parametrize("label", TORCH)
def test_torch_runs_in_the_layout_and_precision_of_its_label(label, built, compiled):
    work = prepare(label, "train")
    (network,) = built
    outputs = []
    network.conv1.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    work()
    last = network.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    assert last == outputs[0].is_contiguous(memory_format=torch.channels_last) == (label != EAGER[0])
    assert outputs[0].dtype == (torch.bfloat16 if label == BF16 else torch.float32)
    assert bool(compiled) == (label == COMPILE)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_contenders_differ_in_their_label_alone(mode):
    sides = networks.contenders("resnet18", 64, 2, mode=mode)
    assert [side.label for side in sides] == list(networks.LABELS)
    for side in sides:
        expected = {"model": "resnet18", "batch_size": 64, "threads": 2, "mode": mode}
        assert side.options == expected | TORCH.get(side.label, {})
        assert side.threads == 2
        assert side.may_fail == (side.label in (COMPILE, BF16))
