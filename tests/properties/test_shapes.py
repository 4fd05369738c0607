"""Random shapes that broadcast, and random index expressions: values, gradients and errors are torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinynet as tn

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def arrays(*shapes: tuple[int, ...], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(0.5, 2, shape)) for shape in shapes]


def compare(call: Any, inputs: list[np.ndarray]) -> None:
    """Compare the value of a call and the gradients of its inputs, for a random upstream gradient."""
    found = []
    for lib in (tn, torch):
        leaves = [lib.tensor(array, requires_grad=True) for array in inputs]
        y = call(lib, *leaves)
        upstream = np.asarray(np.random.default_rng(0).standard_normal(tuple(y.shape)))
        gradients = lib.autograd.grad(y, leaves, lib.tensor(upstream), allow_unused=True)
        found.append([np.asarray(t.detach().numpy()) for t in (y, *gradients)])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=150)
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=4, min_side=0, max_side=3), st.integers(0, 2**20)
)
def test_broadcasting(broadcast: Any, seed: int) -> None:
    compare(lambda lib, x, y, z: x * y - z / (x + y), arrays(*broadcast.input_shapes, seed=seed))


@settings(deadline=None, max_examples=100)
@given(shapes, shapes, st.integers(0, 2**20))
def test_shapes_that_do_not_broadcast_are_refused_as_in_torch(x: Any, y: Any, seed: int) -> None:
    first, second = arrays(x, y, seed=seed)
    try:
        expected = torch.tensor(first) + torch.tensor(second)
    except RuntimeError:
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            tn.tensor(first) + tn.tensor(second)
    else:
        assert tuple(expected.shape) == (tn.tensor(first) + tn.tensor(second)).shape


@st.composite
def indexed(draw: Any) -> tuple[tuple[int, ...], list[Any]]:
    """A shape, and parts of an index: whole numbers, slices, None, ..., lists and a mask."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    parts: list[Any] = []
    length = draw(st.integers(1, 3))  # of all lists: they broadcast together
    axis, left = 0, len(shape)
    while axis < len(shape) and draw(st.integers(0, 5)):
        kind = draw(st.sampled_from(["int", "slice", "none", "ellipsis", "list", "mask"]))
        n = shape[axis]
        if kind == "none":
            parts.append(None)
            if sum(part is None for part in parts) > 2:
                break
            continue
        if kind == "ellipsis":
            if Ellipsis in [part for part in parts if not isinstance(part, list | np.ndarray)]:
                continue
            parts.append(Ellipsis)
            axis += draw(st.integers(0, left - 1))
            axis = min(axis, len(shape))
            break
        if kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            start, stop = (draw(st.one_of(st.none(), st.integers(-n - 1, n + 1))) for _ in range(2))
            parts.append(slice(start, stop, draw(st.sampled_from([None, 1, 2, 3]))))
        elif kind == "list":
            parts.append([draw(st.integers(-n, n - 1)) for _ in range(length)])
        else:
            mask = np.zeros(n, bool)
            mask[draw(st.permutations(range(n)))[:length]] = True
            if mask.sum() not in (1, length):
                continue
            parts.append(mask)
        axis += 1
        left = len(shape) - axis
    return shape, parts


def as_index(lib: Any, parts: list[Any]) -> Any:
    made = tuple(lib.tensor(part) if isinstance(part, np.ndarray) else part for part in parts)
    return made[0] if len(made) == 1 else made


@settings(deadline=None, max_examples=300)
@given(indexed(), st.integers(0, 2**20))
def test_reading_an_index(case: Any, seed: int) -> None:
    shape, parts = case
    compare(lambda lib, x: (x * 2)[as_index(lib, parts)] * 1, arrays(shape, seed=seed))


@settings(deadline=None, max_examples=300)
@given(indexed(), st.booleans(), st.integers(0, 2**20))
def test_writing_an_index(case: Any, number: bool, seed: int) -> None:
    shape, parts = case
    x, value = arrays(shape, (), seed=seed)
    target = torch.tensor(x)[as_index(torch, parts)].shape
    unique = not any(isinstance(part, list) and len({p % 9 for p in part}) < len(part) for part in parts)

    def write(lib: Any, x: Any, value: Any) -> Any:
        y = x * 2
        y[as_index(lib, parts)] = 3.0 if number else value.expand(tuple(target)) if unique else value
        return y * y + value

    compare(write, [x, value])
