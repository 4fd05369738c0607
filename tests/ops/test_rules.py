"""What single samples cannot say of operations: dtypes that meet, ties, NaN and infinity, and that none is missing."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import torch

import tinynet as tn
import tinynet.nn.functional as F
from tests.ops.table import OPS
from tinynet.gradcheck import gradcheck, gradgradcheck

NAMES = {op.name for op in OPS}


@pytest.mark.parametrize("left", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("right", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((), (2,)), ((2,), ()), ((), ())])
def test_dtypes_meet_as_in_torch(left: str, right: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    x, y = np.ones(shapes[0], left), np.ones(shapes[1], right)
    expected = torch.tensor(x) * torch.tensor(y)
    assert str((tn.Tensor(x) * tn.Tensor(y)).dtype) == str(expected.dtype).removeprefix("torch.")


@pytest.mark.parametrize("left", ["float16", "float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("right", ["float32", "int64", "bool"])
def test_sums_and_joined_tensors_have_torch_s_dtypes(left: str, right: str) -> None:
    x, y = np.ones(2, left), np.ones(2, right)
    for ours, theirs in (
        (tn.Tensor(x).sum(), torch.tensor(x).sum()),
        (tn.cat([tn.Tensor(x), tn.Tensor(y)]), torch.cat([torch.tensor(x), torch.tensor(y)])),
    ):
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")


def test_half_precision_sums_in_float32() -> None:
    x = np.full((5000, 2), 100, np.float16)
    np.testing.assert_array_equal(tn.sum(tn.Tensor(x / 100), 0).numpy(), [5000, 5000])
    assert tn.mean(tn.Tensor(x)).item() == 100  # the sum is above the largest half
    np.testing.assert_allclose(
        tn.log_softmax(tn.Tensor(x), 0).numpy(), torch.log_softmax(torch.tensor(x), 0).numpy(), rtol=1e-3
    )
    image = np.full((1, 1, 70, 70), 100, np.float16)
    assert tn.nn.functional.avg_pool2d(tn.Tensor(image), 70).item() == 100


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("number", [2, 2.5, True])
def test_numbers_take_the_dtype_of_the_tensor(dtype: str, number: float) -> None:
    array = np.ones(3, dtype)
    for call in (lambda x: x + number, lambda x: number * x, lambda x: x / number, lambda x: x < number):
        y, expected = call(tn.Tensor(array)), call(torch.tensor(array))
        assert str(y.dtype) == str(expected.dtype).removeprefix("torch.")
        np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-6)


def test_cast_carries_the_gradient_back_in_the_first_dtype(rng: np.random.Generator) -> None:
    x = tn.Tensor(rng.standard_normal(4).astype("float32"), requires_grad=True)
    upstream = rng.standard_normal(4)
    y = x.double()
    assert y.dtype == "float64"
    y.backward(tn.Tensor(upstream))
    assert x.grad is not None
    assert x.grad.dtype == "float32"
    np.testing.assert_array_equal(x.grad.numpy(), upstream.astype("float32"))


def test_mixed_precision_gradients_keep_each_dtype(rng: np.random.Generator) -> None:
    x = tn.Tensor(rng.standard_normal(3).astype("float32"), requires_grad=True)
    y = tn.Tensor(rng.standard_normal(3), requires_grad=True)
    (x * y).backward(tn.Tensor(rng.standard_normal(3)))
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, y.grad.dtype) == ("float32", "float64")


def test_ties_are_broken_as_in_torch(rng: np.random.Generator) -> None:
    ties = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    image = np.ones((1, 1, 4, 4))
    upstream = rng.standard_normal(2)
    window = rng.standard_normal((1, 1, 2, 2))
    for ours, theirs, array, grad in (
        (lambda x: tn.amax(x, 1), lambda x: torch.amax(x, 1), ties, upstream),
        (tn.relu, torch.relu, np.zeros(2), upstream),
        (tn.abs, torch.abs, np.zeros(2), upstream),
        (
            lambda x: tn.nn.functional.max_pool2d(x, 2),
            lambda x: torch.nn.functional.max_pool2d(x, 2),
            image,
            window,
        ),
    ):
        x, x_torch = tn.Tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        ours(x).backward(tn.Tensor(grad))
        theirs(x_torch).backward(torch.tensor(grad))
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), x_torch.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_pass_as_in_torch(value: float) -> None:
    array = np.array([[1.0, value, -2.0, 0.5]])
    image = np.arange(16.0).reshape(1, 1, 4, 4)
    image[0, 0, 1, 1] = value
    for name in ("relu", "exp", "abs", "sigmoid", "tanh"):
        np.testing.assert_allclose(
            getattr(tn, name)(tn.Tensor(array)).numpy(), getattr(torch, name)(torch.tensor(array))
        )
    np.testing.assert_array_equal(tn.amax(tn.Tensor(array), 1).numpy(), torch.amax(torch.tensor(array), 1))
    ours = tn.nn.functional.max_pool2d(tn.Tensor(image), 2, return_indices=True)
    theirs = torch.nn.functional.max_pool2d(torch.tensor(image), 2, return_indices=True)
    for y, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(y.numpy(), expected.numpy())


def test_gradients_that_torch_does_not_have(rng: np.random.Generator) -> None:
    x = tn.Tensor(rng.uniform(0.5, 2, 4), requires_grad=True)
    assert gradcheck(lambda x: 5.25 % x, [x])
    assert gradgradcheck(lambda x: 5.25 % x * x, [x])
    x = tn.Tensor(np.array([1.25, -3.5]), requires_grad=True)
    tn.floor_divide(x, 2).backward(tn.ones(2, dtype=tn.float64))
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0])


def test_power_0_has_slope_0_everywhere() -> None:
    x = tn.Tensor(np.array([np.inf, 0.0, 2.0]), requires_grad=True)
    (x**0).backward(tn.ones(3, dtype=tn.float64))
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0]


def test_argmax_of_no_rows_is_empty() -> None:
    assert tn.argmax(tn.ones(0, 3), 1).shape == (0,)
    assert tn.argmax(tn.ones(0, 3), 1, keepdim=True).shape == (0, 1)


def test_argmax_and_comparisons(rng: np.random.Generator) -> None:
    array = rng.integers(0, 3, (4, 5)).astype("float64")
    x, x_torch = tn.Tensor(array, requires_grad=True), torch.tensor(array)
    for dim in (None, 0, -1):
        index = tn.argmax(x, dim)
        np.testing.assert_array_equal(index.numpy(), torch.argmax(x_torch, dim).numpy())
        assert index.dtype == "int64"
        assert not index.requires_grad
    for relation in ("eq", "ne", "lt", "le", "gt", "ge"):
        y = getattr(x, relation)(1)
        np.testing.assert_array_equal(y.numpy(), getattr(x_torch, relation)(1).numpy())
        assert y.dtype == "bool"


def test_third_order_of_a_fused_backward(rng: np.random.Generator) -> None:
    """batch_norm's backward is one kernel; its own derivative is made of operations and can be differentiated too."""
    x = tn.Tensor(rng.standard_normal((3, 2, 2, 1)), requires_grad=True)
    weight = tn.Tensor(rng.standard_normal(2), requires_grad=True)
    bias = tn.zeros(2, dtype=tn.float64)

    def first_order(x: tn.Tensor, weight: tn.Tensor) -> tuple[tn.Tensor, ...]:
        y = tn.nn.functional.batch_norm(x, None, None, weight, bias, training=True)
        return tn.autograd.grad((y**3).sum(), [x, weight], create_graph=True)

    assert gradgradcheck(first_order, [x, weight])


ELSEWHERE = {
    "tests/test_sampling.py": """
        bernoulli multinomial normal rand rand_like randint randint_like randn randn_like randperm
    """,
    "tests/ops/test_shape.py": "broadcast_shapes",
    "tests/test_creation.py": "asarray",
    "tests/test_tensor.py": "allclose equal",
    "tests/ops/test_activation.py": "gumbel_softmax",
    "tests/nn/test_upsampling.py": "upsample",
}
"""Public operations that do not fit the table, such as random numbers, and where they are tested."""


def test_every_public_operation_is_in_the_table() -> None:
    covered = {id(attrgetter(name)(tn)) for name in NAMES}
    for file, names in ELSEWHERE.items():
        text = (Path(__file__).parents[2] / file).read_text()
        for name in names.split():
            assert re.search(rf"\b{name}\b", text), f"{file} does not test {name}"
            covered.add(id(getattr(tn, name, None) or getattr(F, name)))
    public = [(name, getattr(tn, name)) for name in tn.ops.__all__] + [(n, getattr(F, n)) for n in F.__all__]
    assert [name for name, function in public if id(function) not in covered] == []


def test_every_method_is_torchs() -> None:
    own = {"attach", "output_index", "version_counter"}  # what autograd needs of a tensor
    public = {name for name in dir(tn.Tensor) if not name.startswith("_")}
    assert {name for name in public if not hasattr(torch.Tensor, name)} == own
