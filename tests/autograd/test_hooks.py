"""Hooks on gradients, retain_grad, gradients into chosen leaves: as in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn


def normal(library: Any, *shape: int, seed: int = 0, requires_grad: bool = True) -> Any:
    return library.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=requires_grad)


def on_a_result(lib: Any) -> list[Any]:
    x, seen = normal(lib, 3), []
    y = x * x
    y.retain_grad()
    y.register_hook(lambda grad: grad * 2)
    y.register_hook(seen.append)
    (y * y + y).sum().backward()
    return [x.grad, y.grad, *seen]


def on_a_leaf_it_runs_once_on_the_sum(lib: Any) -> list[Any]:
    x, seen = normal(lib, 3), []
    x.register_hook(lambda grad: seen.append(grad.clone()))
    x.register_hook(lambda grad: grad + 1)
    (x * x + x * 3).sum().backward()
    (x * 2).sum().backward()
    return [x.grad, *seen]


def on_several_outputs(lib: Any) -> list[Any]:
    x = normal(lib, 4, 2)
    first, second = x * 2, x * 3
    second.register_hook(lambda grad: -grad)
    (first * second).sum().backward()
    return [x.grad]


def removed(lib: Any) -> list[Any]:
    x = normal(lib, 3)
    y = x * 2
    handle = y.register_hook(lambda grad: grad * 100)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda grad: grad * 10):
        y.sum().backward(retain_graph=True)
    y.sum().backward()
    return [x.grad]


def through_create_graph(lib: Any) -> list[Any]:
    x = normal(lib, 3)
    y = x**3
    y.register_hook(lambda grad: grad * x)
    (first,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = lib.autograd.grad(first.sum(), x)
    return [first, second]


def seen_by_grad(lib: Any) -> list[Any]:
    x = normal(lib, 3)
    y = x * 2
    y.register_hook(lambda grad: grad * 5)
    return [lib.autograd.grad((y * y).sum(), wanted)[0] for wanted in (y, x)]


def into_chosen_leaves(lib: Any) -> list[Any]:
    x, y = normal(lib, 3), normal(lib, 3, seed=1)
    (x * y).sum().backward(inputs=[x])
    (x * y * y).sum().backward(inputs=x)
    assert y.grad is None
    return [x.grad]


def zeros_for_the_unused(lib: Any) -> list[Any]:
    x, y = normal(lib, 3), normal(lib, 2)
    return list(lib.autograd.grad((x * x).sum(), [x, y], materialize_grads=True))


def after_accumulation(lib: Any) -> list[Any]:
    x, seen = normal(lib, 3), []
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad.clone()))
    (x * x).sum().backward()
    (x * x).sum().backward()
    return seen


CASES = [
    on_a_result,
    on_a_leaf_it_runs_once_on_the_sum,
    on_several_outputs,
    removed,
    through_create_graph,
    seen_by_grad,
    into_chosen_leaves,
    zeros_for_the_unused,
    after_accumulation,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_equals_torch(case: Callable[[Any], list[Any]]) -> None:
    for found, expected in zip(case(tn), case(torch), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("library", [tn, torch])
@pytest.mark.parametrize(
    "call",
    [
        lambda lib: lib.ones(2).register_hook(print),
        lambda lib: lib.ones(2).retain_grad(),
        lambda lib: lib.ones(2).register_post_accumulate_grad_hook(print),
        lambda lib: (normal(lib, 2) * 2).register_post_accumulate_grad_hook(print),
        lambda lib: normal(lib, 1).backward(inputs=[]),
        lambda lib: normal(lib, 1).backward(inputs=[lib.ones(2)]),
    ],
)
def test_errors(library: Any, call: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError):
        call(library)


def test_a_hook_must_keep_the_shape() -> None:
    x = normal(tn, 3)
    x.register_hook(lambda grad: grad[:2])
    with pytest.raises(RuntimeError, match=r"shape \[3\] to shape \[2\]"):
        (x * 2).sum().backward()


def test_retains_grad_says_so() -> None:
    x = normal(tn, 3)
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    assert y.retains_grad
    x.retain_grad()
    assert not x.retains_grad


def test_the_node_names_its_neighbours() -> None:
    x = normal(tn, 3)
    y = (x * 2).sum()
    (mul, index), *rest = y.grad_fn.next_functions
    assert mul.name() == "MulBackward"
    assert index == 0
    assert rest == [(None, 0), (None, 0)]
    assert mul.next_functions[0][0].name() == "AccumulateGrad"
    assert mul.next_functions[0][0].variable is x
