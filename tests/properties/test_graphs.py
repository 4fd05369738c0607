"""Random graphs of operations with shared sub-expressions: values, gradients and second derivatives are torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynet as tn

# Each takes the library and two tensors of shape (3, 4) and returns one of that shape; all are smooth and tame.
OPERATIONS: list[Callable[[Any, Any, Any], Any]] = [
    lambda lib, x, y: x + y,
    lambda lib, x, y: x - 0.5 * y,
    lambda lib, x, y: lib.tanh(x) * y,
    lambda lib, x, y: x / (y * y + 1),
    lambda lib, x, y: lib.sigmoid(x + y.sum(0)),
    lambda lib, x, y: (x @ y.T).softmax(-1) @ y,
    lambda lib, x, y: x - x.mean(1, keepdim=True),
    lambda lib, x, y: lib.cat([x[:, 2:], y[:, :2]], 1),
    lambda lib, x, y: x.reshape(4, 3).transpose(0, 1) * y,
    lambda lib, x, y: lib.exp(-x * x),
    lambda lib, x, y: x[[2, 0, 0]] + y[:, [1, 1, 3, 0]],
    lambda lib, x, y: lib.log(x * x + 1) + y[1],
    lambda lib, x, y: lib.stack([x, y]).sum(0) * 0.5,
]

step = st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 100), st.integers(0, 100))


def build(lib: Any, leaves: list[Any], steps: list[tuple[int, int, int]]) -> Any:
    """Apply each step to two of all the tensors there are so far, and sum up what nothing else used."""
    tensors = list(leaves)
    used = set()
    for operation, first, second in steps:
        i, j = first % len(tensors), second % len(tensors)
        used |= {i, j}
        tensors.append(OPERATIONS[operation](lib, tensors[i], tensors[j]))
    total = tensors[-1]
    for i, tensor in enumerate(tensors[:-1]):
        if i not in used:
            total = total + tensor
    return total


def derivatives(lib: Any, arrays: list[np.ndarray], steps: list[tuple[int, int, int]]) -> list[np.ndarray]:
    """Return the value, the gradients, and the gradients of a random combination of the gradients."""
    rng = np.random.default_rng(1)
    leaves = [lib.tensor(array, requires_grad=True) for array in arrays]
    y = build(lib, leaves, steps)
    upstream = lib.tensor(rng.standard_normal((3, 4)))
    first = lib.autograd.grad(y, leaves, upstream, create_graph=True, allow_unused=True)
    mixed = sum((g * lib.tensor(rng.standard_normal((3, 4)))).sum() for g in first if g is not None)
    second = [None] * len(leaves)
    if not isinstance(mixed, int) and mixed.requires_grad:
        second = lib.autograd.grad(mixed, leaves, allow_unused=True)
    found = [y, *first, *second]
    return [np.zeros((3, 4)) if t is None else t.detach().numpy() for t in found]


@settings(deadline=None, max_examples=150)
@given(st.lists(step, min_size=1, max_size=14), st.integers(1, 3), st.integers(0, 2**20))
def test_equals_torch(steps: list[tuple[int, int, int]], count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal((3, 4)) for _ in range(count)]
    for found, expected in zip(
        derivatives(tn, arrays, steps), derivatives(torch, arrays, steps), strict=True
    ):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-10)


# In place: a program of changes to one tensor and to views of it, with the same meaning in both libraries.
VIEWS: list[Callable[[Any], Any]] = [
    lambda y: y,
    lambda y: y[1],
    lambda y: y[:, ::2],
    lambda y: y.T,
    lambda y: y.view(2, 6)[:, 1:3],
    lambda y: y[None, ..., 0],
    lambda y: y.transpose(0, 1)[1:3].T,
]
CHANGES: list[Callable[[Any, Any], Any]] = [
    lambda view, x: view.__iadd__(x.sum()),
    lambda view, x: view.__imul__(0.5),
    lambda view, x: view.__isub__(view.sum() * 0.25),
    lambda view, x: view.__imul__(x[0, 0]),
]
change = st.tuples(st.integers(0, len(VIEWS) - 1), st.integers(0, len(CHANGES) - 1), st.booleans())


def program(lib: Any, array: np.ndarray, changes: list[tuple[int, int, bool]]) -> list[np.ndarray]:
    x = lib.tensor(array, requires_grad=True)
    y = lib.tanh(x) * 1
    views = [make(y) for make in VIEWS]
    read = []
    for i, j, early in changes:
        view = views[i] if early else VIEWS[i](y)
        CHANGES[j](view, x)
        read.append((views[(i + j) % len(VIEWS)] * 1).sum())
    total = (y * lib.tensor(array)).sum() + sum(read)
    (first,) = lib.autograd.grad(total, x, create_graph=True)
    second = lib.autograd.grad((first * first).sum(), x)[0] if first.requires_grad else None
    found = [y, *views, first, *([] if second is None else [second])]
    return [t.detach().numpy() for t in found]


@settings(deadline=None, max_examples=150)
@given(st.lists(change, min_size=1, max_size=6), st.integers(0, 2**20))
def test_changes_of_views_equal_torch(changes: list[tuple[int, int, bool]], seed: int) -> None:
    array = np.random.default_rng(seed).standard_normal((3, 4))
    for found, expected in zip(program(tn, array, changes), program(torch, array, changes), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
