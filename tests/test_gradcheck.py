"""The checker is checked: planted errors must be found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.ops.checks import DIFFERENCES
from tinynet.gradcheck import GradcheckError, gradcheck, gradgradcheck

Backward = Callable[[Any, tn.Tensor], Any]


def product(backward: Backward) -> Callable[..., tn.Tensor]:
    """x (N, M) times y (M,), with the backward given."""

    class Product(tn.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tn.Tensor, y: tn.Tensor) -> tn.Tensor:
            ctx.save_for_backward(x, y)
            return tn.Tensor(x.array * y.array)

        @staticmethod
        def backward(ctx: Any, grad: tn.Tensor) -> Any:
            return backward(ctx, grad)

    return Product.apply


def right(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y, (grad * x).sum(0)


def factor(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y * 1.01, (grad * x).sum(0)


def small_factor(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y * 1.001, (grad * x).sum(0)


def swapped(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * x, (grad * y).sum(0)


def no_broadcast_sum(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y, (grad * x)[0]


def missing(ctx: Any, grad: tn.Tensor) -> Any:
    _, y = ctx.saved_tensors
    return grad * y, None


def not_a_number(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y * float("nan"), (grad * x).sum(0)


def no_second_order(ctx: Any, grad: tn.Tensor) -> Any:
    x, y = ctx.saved_tensors
    return grad * y.detach(), (grad * x).sum(0)


@pytest.fixture
def inputs(rng: np.random.Generator) -> list[tn.Tensor]:
    return [tn.Tensor(rng.standard_normal(s), requires_grad=True) for s in ((3, 4), (4,))]


def test_a_right_gradient_passes(inputs: list[tn.Tensor]) -> None:
    assert gradcheck(product(right), inputs)
    assert gradgradcheck(product(right), inputs)


@pytest.mark.parametrize("backward", [factor, swapped, no_broadcast_sum, missing, not_a_number])
def test_planted_errors_are_caught(backward: Backward, inputs: list[tn.Tensor]) -> None:
    with pytest.raises(GradcheckError, match="is wrong at"):
        gradcheck(product(backward), inputs)
    assert not gradcheck(product(backward), inputs, raise_exception=False)


def test_a_factor_of_1_001_is_caught_in_the_tolerance_of_this_suite(inputs: list[tn.Tensor]) -> None:
    """The default rtol, torch's, is 1e-3 itself; the table of operations is checked more tightly."""
    with pytest.raises(GradcheckError):
        gradcheck(product(small_factor), inputs, **DIFFERENCES)


def test_a_constant_in_place_of_a_tensor_is_caught_in_second_order(inputs: list[tn.Tensor]) -> None:
    assert gradcheck(product(no_second_order), inputs)
    with pytest.raises(GradcheckError):
        gradgradcheck(product(no_second_order), inputs)


def test_a_check_that_cannot_fail_is_refused(inputs: list[tn.Tensor]) -> None:
    with pytest.raises(ValueError, match="every expected gradient is zero"):
        gradcheck(lambda x, y: tn.Tensor(np.ones(2)) + (x * 0).sum(), inputs)


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match="none of them"):
        gradcheck(tn.exp, tn.ones(2))
    with pytest.raises(ValueError, match="input 0 is float32"):
        gradcheck(tn.exp, tn.ones(2, requires_grad=True))
