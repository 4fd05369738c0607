"""Checkpointing: the same gradients with less memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*shape: int, seed: int = 0) -> tn.Tensor:
    return tn.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def block(x: tn.Tensor, weight: tn.Tensor, power: int = 2) -> tn.Tensor:
    """Operations that save inputs, outputs, and what was made on the way."""
    return nn.functional.dropout((x @ weight).exp().tanh() * x.sum(0), 0.5) ** power


def both(call: Callable[[Callable[..., Any]], Any]) -> list[list[np.ndarray]]:
    """Run `call` with and without checkpointing, from the same random numbers."""
    results = []
    for run in (checkpoint, lambda function, *args, **kwargs: function(*args, **kwargs)):
        tn.manual_seed(1)
        results.append([np.asarray(value.detach().numpy()) for value in call(run)])
    return results


def gradients_of_arguments_and_of_what_the_function_closes_over(run: Callable[..., Any]) -> Any:
    x, weight = leaf(4, 3), leaf(3, 3, seed=1)
    y = run(lambda x: block(x, weight), x)
    (y * y).sum().backward()
    return x.grad, weight.grad, y, tn.rand(3)


def by_autograd_grad(run: Callable[..., Any]) -> Any:
    x, weight = leaf(4, 3), leaf(3, 3, seed=1)
    return tn.autograd.grad(run(block, x * 2, weight, power=3).sum(), [weight, x])


def second_order(run: Callable[..., Any]) -> Any:
    x, weight = leaf(4, 3), leaf(3, 3, seed=1)
    y = run(block, x, weight)
    first = tn.autograd.grad((y * y).sum(), [x, weight], create_graph=True)
    return (*first, *tn.autograd.grad((first[0] * first[1].sum()).sum(), [x, weight]))


def nested(run: Callable[..., Any]) -> Any:
    x, weight = leaf(4, 3), leaf(3, 3, seed=1)
    y = run(lambda x: run(block, block(x, weight), weight) * x, x)
    y.sum().backward()
    return x.grad, weight.grad


def twice(run: Callable[..., Any]) -> Any:
    x, weight = leaf(4, 3), leaf(3, 3, seed=1)
    y = run(block, x, weight).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad, weight.grad


CASES = [
    gradients_of_arguments_and_of_what_the_function_closes_over,
    by_autograd_grad,
    second_order,
    nested,
    twice,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_gradients_are_those_without(case: Callable[..., Any]) -> None:
    for found, expected in zip(*both(case), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_memory_of_a_deep_network_shrinks() -> None:
    layers = nn.Sequential(*(nn.Sequential(nn.Linear(64, 64), nn.ReLU()) for _ in range(32))).double()
    x = tn.randn(256, 64, dtype=tn.float64)  # of NumPy's memory, which is traced: the pool holds float32

    def peak(forward: Callable[[], tn.Tensor]) -> tuple[int, list[Any]]:
        layers.zero_grad()
        tracemalloc.start()
        forward().backward(tn.ones(256, 64, dtype=tn.float64))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, [p.grad.numpy().copy() for p in layers.parameters()]

    plain, expected = peak(lambda: layers(x))
    less, found = peak(lambda: checkpoint_sequential(layers, 4, x))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert less < 0.6 * plain


def test_a_function_that_does_something_else_the_second_time_is_reported() -> None:
    x, calls = leaf(3), []

    def fickle(x: tn.Tensor) -> tn.Tensor:
        calls.append(1)
        return x.exp() if len(calls) == 1 else x.exp().exp()

    with pytest.raises(RuntimeError, match="2 instead of 1"):
        checkpoint(fickle, x).sum().backward()


@pytest.mark.parametrize("segments", [0, 4])
def test_segments_must_fit(segments: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and 3, the number of functions, got {segments}"):
        checkpoint_sequential([abs, abs, abs], segments, leaf(2))
