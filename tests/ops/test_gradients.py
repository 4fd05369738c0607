"""Rung 1: the gradient of every operation is its derivative, first and second order."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tests.ops.table import SAMPLES, Sample
from tinynet.gradcheck import gradcheck, gradgradcheck


def _inputs(sample: Sample, rng: np.random.Generator) -> list[tn.Tensor]:
    return [tn.Tensor(array, requires_grad=True) for array in sample.make(rng)]


def _proves_nothing(sample: Sample) -> bool:
    """Whether every gradient is empty, or zero as that of a constant: comparison with torch covers those."""
    return any(word in sample.name for word in ("size 0", "empty batch", "log_softmax 0-d"))


# Tight enough that a gradient off by a factor of 1.001 fails (tests/test_gradcheck.py plants one).
TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}
CHECKED = [sample for sample in SAMPLES if not _proves_nothing(sample)]


@pytest.mark.parametrize("sample", CHECKED, ids=str)
def test_gradient_is_the_derivative(sample: Sample, rng: np.random.Generator, kernel_set: str) -> None:
    assert gradcheck(sample.ours, _inputs(sample, rng), **TOLERANCE)


@pytest.mark.parametrize("sample", CHECKED, ids=str)
def test_gradient_of_the_gradient(sample: Sample, rng: np.random.Generator, kernel_set: str) -> None:
    assert gradgradcheck(sample.ours, _inputs(sample, rng), **TOLERANCE)


def test_third_order_of_a_fused_backward(rng: np.random.Generator) -> None:
    """batch_norm's backward is one kernel; its own derivative is made of operations and can be differentiated too."""
    x = tn.Tensor(rng.standard_normal((3, 2, 2, 1)), requires_grad=True)
    weight = tn.Tensor(rng.standard_normal(2), requires_grad=True)
    bias = tn.zeros(2, dtype=tn.float64)

    def first_order(x: tn.Tensor, weight: tn.Tensor) -> tuple[tn.Tensor, ...]:
        y = tn.nn.functional.batch_norm(x, None, None, weight, bias, training=True)
        return tn.autograd.grad((y**3).sum(), [x, weight], create_graph=True)

    assert gradgradcheck(first_order, [x, weight])
