"""In-place operations in the graph, on tensors and on views of them: values, gradients and errors are torch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet.ops import in_place


def normal(library: Any, *shape: int, seed: int = 0, requires_grad: bool = True) -> Any:
    return library.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=requires_grad)


def operators(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = x * 1
    y *= x
    y += 2
    y /= x * x + 1
    y -= x
    (y * y).sum().backward()
    return [x.grad, y]


def the_value_saved_is_the_one_before(lib: Any) -> list[Any]:
    x, scale = normal(lib, 3, 4), normal(lib, 4, seed=1)
    y = x.exp() * 1
    y *= scale  # scale's gradient needs y as it was
    y.backward(normal(lib, 3, 4, seed=2, requires_grad=False))
    return [x.grad, scale.grad, y]


def slices_of_zeros(lib: Any) -> list[Any]:
    x, w = normal(lib, 4, 5), normal(lib, 4, 3, seed=1)
    out = lib.zeros(4, 6, dtype=lib.float64)
    view = out[:, :3]
    view += w
    out[:, 3:] += x[:, :3] * 2
    (out * out).backward(normal(lib, 4, 6, seed=2, requires_grad=False))
    return [x.grad, w.grad, out, view]


def views_of_views(lib: Any) -> list[Any]:
    x = normal(lib, 4, 6)
    y = x * 2
    view = y.view(2, 12)[:, ::2]
    view *= 3
    z = view.exp()
    other = y.T  # made before and after a change of y through another view
    other -= x.T * x.T
    product = view * other.reshape(2, 12)[:, ::2]
    (z.sum() + (product * product).sum()).backward()
    return [x.grad, y, view, other]


def a_view_sees_the_change_of_its_base(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = x * 2
    row = y[1]
    y *= x
    row.backward(normal(lib, 4, seed=3, requires_grad=False))
    return [x.grad, row]


def second_order(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = x * x
    view = y[1]
    view *= x[0]
    (first,) = lib.autograd.grad((y**2).sum(), x, create_graph=True)
    (second,) = lib.autograd.grad((first**2).sum(), x)
    return [first, second]


def assignment(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = x * x
    y[0] = x[1] * 3
    y[:, 1] = 7.0
    y[..., -1] = lib.tensor([1.0, 2.0, 3.0], dtype=lib.float64)
    (y**2).sum().backward()
    return [x.grad, y]


def constants_cut_the_history(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = x * x
    y[1:2] *= 0
    with lib.no_grad():
        y[0, 0] = 5.0
    (y * x).sum().backward()
    return [x.grad, y]


def relu_of_a_transposed_copy(lib: Any) -> list[Any]:
    x = normal(lib, 3, 4)
    y = (x * x - 1).T.reshape(2, 6)  # not a view: the transpose cannot be reshaped in place
    y -= 0.5
    z = lib.relu(y) * 1
    z -= 1
    (z * z).sum().backward()
    return [x.grad, y, z]


CASES: list[Callable[[Any], list[Any]]] = [
    operators,
    the_value_saved_is_the_one_before,
    slices_of_zeros,
    views_of_views,
    a_view_sees_the_change_of_its_base,
    second_order,
    assignment,
    constants_cut_the_history,
    relu_of_a_transposed_copy,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_equals_torch(case: Callable[[Any], list[Any]]) -> None:
    for found, expected in zip(case(tn), case(torch), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-14)
        assert found.requires_grad == expected.requires_grad


def change(lib: Any, tensor: Any) -> None:
    tensor += 1


def change_data(lib: Any, tensor: Any) -> None:
    tensor.data += 1


def change_without_recording(lib: Any, tensor: Any) -> None:
    with lib.no_grad():
        tensor *= 2


@pytest.mark.parametrize("how", [change, change_without_recording])
@pytest.mark.parametrize(
    "part", [lambda y: y, lambda y: y[0], lambda y: y.view(-1)[2:], lambda y: y.detach()]
)
@pytest.mark.parametrize("use", [lambda y: y * y, lambda y: y.exp(), lambda y: y**3])
@pytest.mark.parametrize("library", [tn, torch])
def test_backward_refuses_a_saved_tensor_that_has_changed(
    library: Any, how: Callable[..., None], part: Callable[..., Any], use: Callable[..., Any]
) -> None:
    x = normal(library, 2, 3)
    y = x * 1
    z = use(y)
    changed = z if use(library.zeros(())).item() == 1 else y  # exp saves its output
    how(library, part(changed))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


@pytest.mark.parametrize("library", [tn, torch])
def test_changes_that_nobody_saved_or_through_data_are_allowed(library: Any) -> None:
    x = normal(library, 2, 3)
    y = x * 2  # saves no tensor
    change(library, y)
    z = y * y
    change_data(library, y)
    z.sum().backward()
    assert x.grad is not None


def test_the_message_names_both_operations() -> None:
    x = normal(tn, 2, 3)
    y = x.exp()
    z = y * y
    y += 1
    with pytest.raises(
        RuntimeError, match=r"\[float64 \[2, 3\]\].*saved by MulBackward, is at version 1; expected version 0"
    ):
        z.sum().backward()


@pytest.mark.parametrize("library", [tn, torch])
@pytest.mark.parametrize("part", [lambda x: x, lambda x: x[0], lambda x: x.T[1:]])
def test_leaves_and_their_views_are_refused(library: Any, part: Callable[..., Any]) -> None:
    x = normal(library, 2, 3)
    view = part(x)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        view += 1
    with library.no_grad():
        view += 1
    assert x.is_leaf


def test_expanded_memory_is_refused() -> None:
    x = tn.zeros(3, 1).expand(3, 4)
    with pytest.raises(RuntimeError, match=r"single memory location \(shape \[3, 4\]\)"):
        x += 1


def test_the_tensor_stays_the_same_object_and_its_memory_its_own() -> None:
    y = before = normal(tn, 3) * 2
    array = y.array
    y += 1
    assert y is before
    assert y.array is array
    assert y._version == 1
    assert in_place(y, y) is y
    assert y._version == 2


def test_a_tensor_outside_the_graph_enters_it() -> None:
    x = normal(tn, 3)
    total = tn.zeros(3, dtype=tn.float64)
    for factor in range(3):
        total += x * factor
    assert total.requires_grad
    total.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 3, 3]


def test_a_long_chain_of_views_is_linear() -> None:
    x = normal(tn, 4)
    y = x * 1
    views = [y]
    for _ in range(20_000):
        views.append(views[-1].view(4))
    views[-1].data.array[...] = 0
    last = views[-1]
    last += x
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2, 2, 2]
