"""Kernels left running, and what a user's program does in the middle: functions of its own, backward within forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.autograd.test_run_ahead import Block, Network, equal_without, train
from tinynet import run_ahead
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("accelerated")


@pytest.fixture(autouse=True)
def three_threads(num_threads: Callable[[int], None]) -> None:
    """One more thread than work to prepare, whatever the machine has."""
    num_threads(3)


class Scaled(tn.autograd.Function):
    """A function of a user, whose backward looks at its gradient by NumPy."""

    @staticmethod
    def forward(ctx: Any, x: tn.Tensor) -> tn.Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: tn.Tensor) -> tn.Tensor:
        return tn.from_numpy(grad.numpy() * 2)


def test_a_function_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrap(network: Network) -> None:
        network.blocks[1].conv2.register_forward_hook(lambda m, args, y: Scaled.apply(y))

    equal_without(monkeypatch, lambda: train(2, prepare=wrap))


class Kept(tn.autograd.Function):
    """A function of a user that saves its result, what a kernel may still be writing, and looks at it by NumPy."""

    @staticmethod
    def forward(ctx: Any, x: tn.Tensor, weight: tn.Tensor) -> tn.Tensor:
        y = F.conv2d(x, weight, padding=1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: tn.Tensor) -> tuple[tn.Tensor, None]:
        (y,) = ctx.saved_tensors
        return tn.from_numpy(y.detach().numpy() * 2), None


def test_a_result_that_backward_uses_within_a_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[np.ndarray] = []

    def differentiate(block: Block, y: tn.Tensor) -> None:
        x = y.detach().requires_grad_()
        z = Kept.apply(block.conv2(x), block.conv1.weight)
        (g,) = tn.autograd.grad(z, [x], tn.ones(*z.shape))
        found.append(g.array.copy())

    def compute() -> list[np.ndarray]:
        found.clear()
        results = train(2, look=differentiate)
        assert len(found) == 2
        return [*results, *found]

    equal_without(monkeypatch, compute)


def test_a_backward_within_a_forward_leaves_gradients_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end does not wait: that of the module does."""
    found: list[np.ndarray] = []
    running: list[bool] = []

    def differentiate(block: Block, y: tn.Tensor) -> None:
        block.down.weight.grad = None
        block.down(y.detach()).backward(tn.ones(*y.shape))
        running.append(run_ahead._running)
        assert block.down.weight.grad is not None
        found.append(block.down.weight.grad.array.copy())
        block.down.weight.grad = None

    def compute() -> list[np.ndarray]:
        found.clear()
        return [*train(2, look=differentiate), *found]

    equal_without(monkeypatch, compute)
    count = len(found)
    assert running == [False] * count + [True] * 3 * count
