"""Large graphs: linear time, no recursion, and the memory comes back."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

import pytest

import tinynet as tn


def chain(length: int) -> tuple[tn.Tensor, tn.Tensor]:
    x = tn.ones(1, dtype=tn.float64, requires_grad=True)
    y = x
    for _ in range(length // 2):
        y = y * 1.0
        y = y + 0.0
    return x, y


def fan(length: int) -> tuple[tn.Tensor, tn.Tensor]:
    x = tn.ones(1, dtype=tn.float64, requires_grad=True)
    total = x * 0
    for _ in range(length // 2):
        total = total + x * 1.0
    return x, total


def fan_of_a_result(length: int) -> tuple[tn.Tensor, tn.Tensor]:
    x = tn.ones(1, dtype=tn.float64, requires_grad=True)
    middle = x * 1.0
    return x, tn.stack([middle] * length).sum()


GRAPHS = {"chain": (chain, 1), "fan": (fan, 50_000), "fan_of_a_result": (fan_of_a_result, 100_000)}


@pytest.mark.parametrize("graph", GRAPHS)
def test_100_000_operations_go_backward_without_recursion(graph: str) -> None:
    build, expected = GRAPHS[graph]
    x, y = build(100_000)
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == expected
    del y, x  # and the graph is freed without recursion too


def seconds(build: Callable[[int], tuple[tn.Tensor, tn.Tensor]], length: int) -> float:
    """The least time of three: other work on the machine can only add to it."""
    times = []
    for _ in range(3):
        _, y = build(length)
        gc.collect()
        gc.disable()
        start = time.process_time()
        y.backward()
        times.append(time.process_time() - start)
        gc.enable()
    return min(times)


@pytest.mark.parametrize("graph", GRAPHS)
def test_time_is_linear(graph: str) -> None:
    """Eight times the operations take about eight times as long; quadratic would be 64 times."""
    build, _ = GRAPHS[graph]
    assert seconds(build, 40_000) < 16 * seconds(build, 5_000)


@pytest.mark.parametrize("graph", GRAPHS)
def test_memory_returns_to_its_level(graph: str) -> None:
    build, _ = GRAPHS[graph]
    build(100)[1].backward()  # what is made once and kept is made now
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        x, y = build(20_000)
        grown, _ = tracemalloc.get_traced_memory()
        y.backward()
        del y
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown - before > 5_000_000, "the graph must be seen to take memory"
    # Without the garbage collector's help; Python keeps some thousand freed tuples for reuse, 0.2 MB.
    assert after - before < 500_000
    assert x.grad is not None
