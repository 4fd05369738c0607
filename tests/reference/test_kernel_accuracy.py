"""The errors of float32 gradients are measured as said, for every way to compute them."""

from __future__ import annotations

import numpy as np
import pytest

from reference import kernel_accuracy
from reference.kernel_accuracy import FAST, TINYNET, TORCH, Batch, error, measure, report
from tinynet import switches
from tinynet.kernels import registry
from tinynet.kernels.cpu.codegen import convolution

pytestmark = pytest.mark.usefixtures("accelerated")


def test_the_error_is_that_of_the_numbers_as_one_vector():
    exact = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert error(exact, exact) == 0
    assert error(np.zeros((2, 2), np.float32), exact) == 1
    assert error(exact + [[0, 0.3], [0.4, 0]], exact) == pytest.approx(0.1)


def test_every_way_to_compute_is_near_float64():
    found = measure(Batch("resnet8", 4, seed=1))
    assert found.keys() == TORCH.keys() | TINYNET.keys()
    for errors in found.values():
        assert 1e-8 < np.median(errors) < 1e-2
        assert max(errors) < 0.3
    assert len({tuple(errors) for errors in found.values()}) >= 4, "the ways differ"


def test_the_ways_are_what_the_switches_choose():
    with TINYNET["tinynet, direct convolution"]():
        assert not convolution.use_winograd
    with TINYNET["tinynet, generic kernels"]():
        assert not registry._use_accelerated
    assert convolution.use_winograd == (switches.read("TINYNET_CONV") == "auto")


@pytest.mark.parametrize(
    ("ours", "kept"), [([1.0, 3.0], True), ([2.1, 2.1], False), ([0.0, 3.1, 0.0], False)]
)
def test_median_and_maximum_may_be_twice_those_of_the_better_layout(ours, kept, capsys):
    errors = {way: [0.5, 1.0, 1.5] for way in (*TORCH, *TINYNET)} | {"torch channels_last": [1.0, 2.0, 3.0]}
    assert report(errors | {FAST: ours}) is kept
    lines = capsys.readouterr().out.splitlines()
    assert {line.count("|") for line in lines} == {6}
    assert "| torch channels_last | 2.00e+00 | 2.00, 1.00 | 3.00e+00 | 2.00, 1.00 |" in lines


def test_the_command_line(capsys, monkeypatch):
    flags = ["--model", "resnet8", "--batch-size", "4", "--batches", "2"]
    monkeypatch.setattr(kernel_accuracy, "LIMIT", 1e6)
    assert kernel_accuracy.main(flags) == 0
    out = capsys.readouterr().out
    assert "resnet8, 2 batches of 4 images, seeds from 0, relative L2 errors of 46 gradients" in out
    assert out.endswith("PASS\n")
    monkeypatch.setattr(kernel_accuracy, "LIMIT", 0.0)
    assert kernel_accuracy.main(flags) == 1
    assert "FAIL" in capsys.readouterr().out
