"""Functions of each element: edges compared with torch, half precision, methods, in place, third derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn

EDGES = (
    0.0,
    -0.0,
    math.nan,
    math.inf,
    -math.inf,
    1.0,
    -1.0,
    0.5,
    2.5,
    -2.5,
    30.0,
    -30.0,
    100.0,
    -100.0,
    1e-20,
)
SMOOTH = (
    *(
        "exp",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "square",
        "abs",
    ),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("deg2rad", "rad2deg", "sigmoid", "logit", "erf", "erfc"),
)
FLAT = ("sign", "floor", "ceil", "round", "trunc", "frac", "nan_to_num")
QUESTIONS = ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit")
ALIASES = {
    **{
        "absolute": "abs",
        "sgn": "sign",
        "fix": "trunc",
        "arcsin": "asin",
        "arccos": "acos",
        "arctan": "atan",
    },
    **{"arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"},
}
TOLERANCE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-12}


def inside(name: str) -> np.ndarray:
    """Five numbers where a function is smooth."""
    middle = 2.0 if name == "acosh" else 0.5
    return middle + np.array([-0.3, -0.1, 0.05, 0.2, 0.4])


def one_by_one(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """What torch gives each number alone: at these edges it answers otherwise where numbers fill a CPU's vector."""
    return torch.cat([function(number) for number in x.split(1)])


def compare(found: tn.Tensor, expected: torch.Tensor) -> None:
    """Compare values to the precision of their dtype, also relative to small ones, and signs of zero."""
    dtype = str(expected.dtype).removeprefix("torch.")
    assert str(found.dtype) == dtype
    ours, theirs = found.detach().numpy(), expected.detach().numpy(force=True)
    # Where torch works in pieces of a vector it flushes no denormal, and neither do we.
    tiny = np.finfo(theirs.dtype).tiny * 4 if theirs.dtype.kind == "f" else 0
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE.get(dtype, 0), atol=tiny)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", SMOOTH + FLAT)
def test_nan_infinity_and_zero_as_in_torch(name: str, dtype: str) -> None:
    array = np.array(EDGES).astype(dtype)
    x, x_torch = tn.Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y, y_torch = getattr(tn, name)(x), one_by_one(getattr(torch, name), x_torch)
    compare(y, y_torch)
    y.backward(tn.ones_like(y))
    y_torch.backward(torch.ones_like(y_torch))
    assert x.grad is not None
    compare(x.grad, x_torch.grad)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_about_nan_infinity_and_zero_as_in_torch(name: str, dtype: str) -> None:
    array = np.array(EDGES).astype(dtype)
    compare(getattr(tn, name)(tn.Tensor(array)), getattr(torch, name)(torch.tensor(array)))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc", "frac"])
def test_halves_are_rounded_as_in_torch(name: str, dtype: str) -> None:
    array = (np.arange(-8, 9) / 2).astype(dtype)
    y, expected = getattr(tn, name)(tn.Tensor(array)), getattr(torch, name)(torch.tensor(array))
    compare(y, expected)
    np.testing.assert_array_equal(np.signbit(y.numpy()), np.signbit(expected.numpy()))


@pytest.mark.parametrize("decimals", [-2, -1, 1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decimals_are_rounded_as_in_torch(decimals: int, dtype: str) -> None:
    array = np.array([1.25, 2.5, -2.5, 1255, 15, 25, 5, 0.125, -0.0005, np.inf, -np.inf, np.nan, 1e30], dtype)
    y = tn.round(tn.Tensor(array), decimals=decimals)
    np.testing.assert_array_equal(y.numpy(), torch.round(torch.tensor(array), decimals=decimals).numpy())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("numbers", [(), (1.0, 2.0, 3.0), (0.5, None, -1), (None, 1e300, -1e300)])
def test_numbers_for_nan_and_infinity(dtype: str, numbers: tuple[Any, ...]) -> None:
    array = np.array([np.nan, np.inf, -np.inf, 1.5], dtype)
    y = tn.nan_to_num(tn.Tensor(array), *numbers)
    np.testing.assert_array_equal(y.numpy(), torch.nan_to_num(torch.tensor(array), *numbers).numpy())


@pytest.mark.parametrize("eps", [None, 0.0, 0.2, 0.7, -0.3])
def test_logit_at_and_beyond_its_bounds(eps: float | None) -> None:
    array = np.array([-0.1, 0.0, 0.2, 0.5, 0.8, 1.0, 1.2, np.nan])
    x, x_torch = tn.Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y, y_torch = tn.logit(x, eps), one_by_one(lambda number: torch.logit(number, eps), x_torch)
    compare(y, y_torch)
    y.backward(tn.full_like(y, -2.0))
    y_torch.backward(torch.full_like(y_torch, -2.0))
    assert x.grad is not None
    compare(x.grad, x_torch.grad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfc_is_exact_where_it_is_small(dtype: str) -> None:
    x = np.linspace(-6, 26, 641).astype(dtype)
    expected = np.array([math.erfc(value) for value in x])
    np.testing.assert_allclose(
        tn.erfc(tn.Tensor(x)).numpy(), expected, rtol=10 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny
    )


def test_a_far_sigmoid_is_not_zero() -> None:
    x = np.array([-80.0, -20.0], "float32")
    np.testing.assert_allclose(tn.sigmoid(tn.Tensor(x)).numpy(), np.exp(x.astype("float64")), rtol=1e-5)


@pytest.mark.parametrize("name", SMOOTH)
def test_third_derivatives_equal_torch(name: str) -> None:
    found = [_derivative(library, name, 3) for library in (tn, torch)]
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-11)


def _derivative(library: Any, name: str, order: int) -> np.ndarray:
    """Return the derivative of an order, or zeros where the one before is a constant."""
    x = library.tensor(inside(name)).requires_grad_()
    y = getattr(library, name)(x)
    for _ in range(order):
        if not y.requires_grad:
            return np.zeros(x.shape)
        (y,) = library.autograd.grad(y.sum(), [x], create_graph=True)
    return y.detach().numpy()


@pytest.mark.parametrize("name", SMOOTH + FLAT + QUESTIONS + tuple(ALIASES) + ("positive",))
def test_method_is_the_function(name: str) -> None:
    x = tn.Tensor(inside(ALIASES.get(name, name)))
    np.testing.assert_array_equal(getattr(x, name)().numpy(), getattr(tn, name)(x).numpy())


@pytest.mark.parametrize("alias, name", ALIASES.items())
def test_alias_is_the_function(alias: str, name: str) -> None:
    assert getattr(tn, alias) is getattr(tn, name)


@pytest.mark.parametrize("name", SMOOTH + FLAT + tuple(ALIASES))
def test_in_place(name: str) -> None:
    array = inside(ALIASES.get(name, name))
    x, x_torch = tn.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y = x * 1
    view = y[1:4]
    assert getattr(y, f"{name}_")() is y
    y_torch = getattr(torch, name)(x_torch)  # torch has no derivative of asinh_, acosh_ and atanh_
    (y * y).backward(tn.ones_like(y))
    (y_torch * y_torch).backward(torch.ones_like(y_torch))
    assert x.grad is not None
    for ours, theirs in ((y, y_torch), (view, y_torch[1:4]), (x.grad, x_torch.grad)):
        compare(ours, theirs)


@pytest.mark.parametrize("name", ["exp", "sqrt", "tanh", "sin", "erf", "square"])
def test_in_place_of_a_view(name: str) -> None:
    found = []
    for library in (tn, torch):
        x = library.tensor(inside(name)).requires_grad_()
        y = x * 1
        getattr(y[1:3], f"{name}_")()
        (y * y).backward(library.ones_like(y))
        found.append(x.grad)
    compare(found[0], found[1])


def test_options_in_place() -> None:
    x = tn.Tensor(np.array([0.1, 0.55, 0.95]))
    assert x.clone().logit_(0.2).equal(x.logit(0.2))
    assert x.clone().round_(decimals=1).equal(x.round(decimals=1))
    hole = tn.Tensor(np.array([np.nan, np.inf, 1.0]))
    assert hole.clone().nan_to_num_(1, posinf=2).equal(hole.nan_to_num(1, posinf=2))


@pytest.mark.parametrize("name", ["exp_", "sqrt_", "sin_", "sigmoid_", "reciprocal_", "erf_"])
@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_real_results_do_not_fit_whole_numbers(name: str, dtype: str) -> None:
    for library in (tn, torch):
        with pytest.raises(RuntimeError, match="can't be cast"):
            getattr(library.ones(2, dtype=getattr(library, dtype)), name)()


def test_in_place_on_a_leaf_raises() -> None:
    x = tn.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x.exp_()


def test_an_output_changed_before_backward_raises() -> None:
    y = tn.tanh(tn.ones(2, requires_grad=True))
    z = y * 1
    y.add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        z.sum().backward()


def test_whole_numbers_become_the_default_dtype() -> None:
    tn.set_default_dtype(tn.float64)
    try:
        assert tn.exp(tn.Tensor(np.arange(3))).dtype == "float64"
    finally:
        tn.set_default_dtype(tn.float32)


def test_python_s_abs_and_positive() -> None:
    x = tn.Tensor(np.array([-1.5, 2.0]))
    np.testing.assert_array_equal(abs(x).numpy(), [1.5, 2])
    assert tn.positive(x) is x


def test_the_order_of_memory_is_kept() -> None:
    x = tn.Tensor(
        np.random.default_rng(0).standard_normal((2, 4, 5, 3)).transpose(0, 3, 1, 2), requires_grad=True
    )
    for name in (*SMOOTH, *FLAT):
        y = getattr(tn, name)(x)
        assert y.array.strides == x.array.strides, name
        (grad,) = tn.autograd.grad(y, [x], tn.ones_like(y))
        assert grad.array.strides == x.array.strides, name


def test_rounding_gives_a_tensor_of_its_own() -> None:
    x = tn.Tensor(np.arange(3))
    for name in ("floor", "ceil", "trunc", "round", "nan_to_num"):
        assert not np.shares_memory(getattr(tn, name)(x).array, x.array)
