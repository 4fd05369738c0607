"""The graph: recording, the walk back, accumulation, release, errors."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import autograd


def leaf(*values: float) -> tn.Tensor:
    return tn.tensor(list(values), dtype=tn.float64, requires_grad=True)


def gradient(x: tn.Tensor) -> list[float]:
    assert x.grad is not None
    return x.grad.tolist()


def test_backward_of_a_scalar_needs_no_gradient() -> None:
    x = leaf(2.0, 3.0)
    (x * x).sum().backward()
    assert gradient(x) == [4.0, 6.0]


def test_backward_with_a_gradient() -> None:
    x = leaf(2.0, 3.0)
    (x * x).backward(tn.tensor([1.0, 10.0], dtype=tn.float64))
    assert gradient(x) == [4.0, 60.0]


def test_a_leaf_may_be_a_root_too() -> None:
    """Its one use does not bring all of its gradient."""
    x = leaf(2.0, 3.0)
    for roots in ([x, x * 3], [x * 3, x]):
        ones = [tn.ones(2, dtype=tn.float64)] * 2
        (found,) = autograd.grad(roots, x, ones, retain_graph=True)
        assert found.tolist() == [4.0, 4.0]
        x.grad = None
        autograd.backward(roots, ones)
        assert gradient(x) == [4.0, 4.0]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: (x * 2).backward(), r"only for scalar outputs, not for shape \[2\]"),
        (lambda x: (x * 2).backward(tn.ones(3)), r"shape of \[3\] and output\[0\] has a shape of \[2\]"),
        (lambda x: x.detach().sum().backward(), "element 0 of tensors does not require grad"),
        (lambda x: autograd.grad(x.sum(), tn.ones(2)), "does not require grad"),
        (lambda x: autograd.grad(x.sum(), leaf(1.0)), "not have been used in the graph"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call(leaf(1.0, 2.0))


def test_gradients_accumulate_into_an_array_of_their_own() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x + y).backward(tn.tensor([1.0, 5.0], dtype=tn.float64))
    (x * 2).sum().backward()
    assert gradient(x) == [3.0, 7.0]
    assert gradient(y) == [1.0, 5.0]


def test_shared_subexpressions_count_each_use() -> None:
    x = leaf(3.0)
    y = x * x
    (y * y + y + x).backward()
    assert gradient(x) == [4 * 3.0**3 + 2 * 3.0 + 1]


def test_backward_of_a_leaf_itself() -> None:
    x = leaf(3.0)
    x.backward()
    assert gradient(x) == [1.0]


def test_several_roots() -> None:
    x = leaf(1.0, 2.0)
    autograd.backward([x.sum(), x * x], [None, tn.tensor([1.0, 10.0], dtype=tn.float64)])
    assert gradient(x) == [3.0, 41.0]


def test_second_backward_needs_retain_graph() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert gradient(x) == [12.0]
    with pytest.raises(RuntimeError, match="a second time: MulBackward"):
        y.backward()


def test_create_graph_gives_gradients_of_gradients() -> None:
    x = leaf(2.0)
    (first,) = autograd.grad(x**3, x, create_graph=True)
    (second,) = autograd.grad(first, x, create_graph=True)
    (third,) = autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == pytest.approx((12.0, 12.0, 6.0))
    (x**3).backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.requires_grad


def test_grad_of_an_intermediate_stops_there_and_leaves_grad_alone() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y + x
    dy, dx = autograd.grad(z, [y, x])
    assert (dy.item(), dx.item()) == (8.0, 33.0)
    assert x.grad is None
    (unused,) = autograd.grad(x.sum(), leaf(1.0), allow_unused=True)
    assert unused is None


def test_only_the_gradients_asked_for_are_computed() -> None:
    computed = []

    class Probe(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor, y: tn.Tensor) -> tn.Tensor:
            return tn.Tensor(x.array + y.array)

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> tuple[tn.Tensor, tn.Tensor]:
            computed.append(ctx.needs_input_grad)
            return grad, grad

    x, y = leaf(1.0), leaf(2.0)
    Probe.apply(x, y.detach()).backward()
    autograd.grad(Probe.apply(x, y), y)
    Probe.apply(x, y).backward()
    assert computed == [(True, False), (False, True), (True, True)]


def test_no_grad_and_its_relatives() -> None:
    x = leaf(1.0)
    with tn.no_grad():
        assert not (x * 2).requires_grad
        with tn.enable_grad():
            assert (x * 2).requires_grad
        assert not tn.is_grad_enabled()
    assert tn.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), tn.no_grad():
        1 / 0
    assert tn.is_grad_enabled()

    @tn.no_grad()
    def double(x: tn.Tensor, depth: int = 1) -> tn.Tensor:
        return double(x, depth - 1) if depth else x * 2

    assert not double(x).requires_grad
    assert tn.is_grad_enabled()
    with tn.set_grad_enabled(False):
        assert not tn.is_grad_enabled()
    tn.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    tn.set_grad_enabled(True)


def test_no_grad_as_a_decorator_keeps_the_modes_of_threads_apart() -> None:
    inside, outside = threading.Barrier(2), threading.Barrier(2)

    @tn.no_grad()
    def work(leave: threading.Barrier) -> None:
        inside.wait(10)
        leave.wait(10)

    def enabled_after(mode: bool) -> bool:
        tn.set_grad_enabled(mode)
        work(outside)
        return tn.is_grad_enabled()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(enabled_after, [True, False])) == [True, False]


def test_the_first_gradient_takes_the_dtype_of_its_tensor() -> None:
    x = tn.ones(2, requires_grad=True)
    x.backward(tn.tensor([1.0, 2.0], dtype=tn.float64))
    assert x.grad is not None
    assert x.grad.dtype == "float32"


def test_overflow_and_the_like_are_silent_in_all_threads(num_threads: Callable[[int], None]) -> None:
    """As in torch; the suite turns warnings into errors."""
    num_threads(2)
    x = tn.full((2, 1, 3, 3), 1e30, requires_grad=True)
    y = tn.nn.functional.conv2d(x, tn.full((1, 1, 2, 2), 1e30))
    assert np.isinf(y.detach().numpy()).all()
    part = x[:, :, 1:, 1:]
    ((y - y) / (part * 0) + part.exp()).sum().backward()
    assert np.isnan(gradient(x)).any()


def test_in_place_arithmetic_outside_the_graph_writes_into_the_memory() -> None:
    weight = alias = leaf(1.0, 2.0)
    (weight * weight).sum().backward()
    with tn.no_grad():
        weight -= 0.5 * weight.grad
        weight += 1
        weight *= 3.0
        weight /= tn.tensor(2, dtype=tn.float64)
    assert alias is weight
    assert weight.tolist() == [1.5, 1.5]
    assert weight.is_leaf
    counts = tn.tensor([1, 2])
    counts += True
    assert (counts.tolist(), counts.dtype) == ([2, 3], "int64")


def test_in_place_arithmetic_refuses_what_torch_refuses() -> None:
    x, counts = leaf(1.0, 2.0), tn.tensor([1, 2])
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x += 1
    with pytest.raises(RuntimeError, match=r"shape \[2\] doesn't match the broadcast shape \[3, 2\]"):
        counts += tn.ones(3, 2, dtype=tn.int64)
    with pytest.raises(RuntimeError, match=r"float32 can't be cast to .* int64"):
        counts += 0.5


def test_detach_shares_memory_and_cuts_the_graph() -> None:
    x = leaf(2.0)
    y = (x * x).detach()
    assert y.is_leaf
    assert not y.requires_grad
    assert x.detach().array is x.array


def test_custom_function_with_several_outputs_and_numbers() -> None:
    class Split(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor, factor: float) -> tuple[tn.Tensor, tn.Tensor]:
            ctx.factor = factor
            return tn.Tensor(x.array * factor), tn.Tensor(x.array * 2)

        @staticmethod
        def backward(ctx: Any, first: tn.Tensor, second: tn.Tensor) -> tuple[tn.Tensor, None]:
            return first * ctx.factor + second * 2, None

    x = leaf(1.0, 1.0)
    first, _ = Split.apply(x, 3.0)
    first.sum().backward()
    assert gradient(x) == [3.0, 3.0]


def test_function_that_returns_its_argument() -> None:
    class Same(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor) -> tn.Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> tn.Tensor:
            return grad * 5

    x = leaf(1.0)
    Same.apply(x).backward()
    assert x.is_leaf
    assert gradient(x) == [5.0]


@pytest.mark.parametrize(
    "result, message",
    [
        (lambda grad: tn.ones(3, dtype=tn.float64), r"invalid gradient at index 0 - got \[3\] .* with \[2\]"),
        (lambda grad: (grad, grad), r"incorrect number of gradients \(expected 1, got 2\)"),
    ],
)
def test_wrong_backward_is_reported(result: Any, message: str) -> None:
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor) -> tn.Tensor:
            return tn.Tensor(x.array * 2)

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> Any:
            return result(grad)

    with pytest.raises(RuntimeError, match=message):
        Wrong.apply(leaf(1.0, 2.0)).sum().backward()


def test_a_chain_longer_than_the_recursion_limit() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(50_000):
        y = y + 1
    y.backward()
    assert gradient(x) == [1.0]
    del y  # and the graph is freed without recursion too


def test_saved_tensors_are_released_as_backward_passes() -> None:
    x = leaf(1.0, 2.0)
    middle = x.exp()
    y = (middle * middle).sum()
    array = weakref.ref(middle.array)
    del middle
    assert array() is not None, "the multiplication saved it"
    y.backward()
    assert array() is None


def test_the_old_name_of_saved_tensors_warns_and_works() -> None:
    class Scale(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor, y: tn.Tensor) -> tn.Tensor:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> tuple[tn.Tensor, tn.Tensor]:
            x, y = ctx.saved_variables
            return grad * y, grad * x

    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with pytest.warns(DeprecationWarning, match="use 'saved_tensors'"):
        Scale.apply(x, y).backward(tn.tensor([1.0, 10.0]))
    assert (gradient(x), gradient(y)) == ([3.0, 40.0], [1.0, 20.0])


def test_graph_has_no_reference_cycles() -> None:
    """A graph goes when its result goes, without waiting for the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = (x.exp().sqrt() * x).sum()
        node = weakref.ref(y.grad_fn.edges[0][0])
        assert node() is not None
        del y
        assert node() is None
    finally:
        gc.enable()


def test_in_place_accumulation_never_changes_a_gradient_that_others_hold() -> None:
    x = leaf(1.0, 2.0)
    seen = []

    class Watch(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor) -> tn.Tensor:
            return tn.Tensor(x.array.copy())

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> tn.Tensor:
            seen.append((grad, grad.array.copy()))
            return grad

    y = Watch.apply(x)
    (Watch.apply(y) + Watch.apply(y) + Watch.apply(y)).backward(tn.tensor([1.0, 2.0], dtype=tn.float64))
    assert gradient(x) == [3.0, 6.0]
    for grad, copy in seen:
        np.testing.assert_array_equal(grad.array, copy)
