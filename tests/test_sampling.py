"""Random tensors: distribution, seeds, generators, ranges, errors as in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet.generator import Generator

N = 4000

# Every draw with its mean and variance.
DRAWS: dict[str, tuple[Any, float, float]] = {
    "rand": (lambda lib, **o: lib.rand(N, **o), 1 / 2, 1 / 12),
    "randn": (lambda lib, **o: lib.randn((N,), **o), 0, 1),
    "randint": (lambda lib, **o: lib.randint(2, 7, (N,), **o), 4, 2),
    "randint below": (lambda lib, **o: lib.randint(high=5, size=(N,), **o), 2, 2),
    "normal": (lambda lib, **o: lib.normal(3.0, 2.0, size=(N,), **o), 3, 4),
    "normal of tensors": (lambda lib, **o: lib.normal(lib.full((N,), 3.0), lib.full((1,), 2.0), **o), 3, 4),
    "normal of a mean": (lambda lib, **o: lib.normal(lib.full((N,), 3.0), **o), 3, 1),
    "normal of a deviation": (lambda lib, **o: lib.normal(1.0, lib.full((N,), 2.0), **o), 1, 4),
    "bernoulli": (lambda lib, **o: lib.bernoulli(lib.full((N,), 0.3), **o), 0.3, 0.21),
    "bernoulli of p": (lambda lib, **o: lib.bernoulli(lib.zeros(N), 0.3, **o), 0.3, 0.21),
    "bernoulli as a method": (lambda lib, **o: lib.full((N,), 0.3).bernoulli(**o), 0.3, 0.21),
    "uniform_": (lambda lib, **o: lib.zeros(N).uniform_(-1, 3, **o), 1, 16 / 12),
    "normal_": (lambda lib, **o: lib.zeros(N).normal_(mean=3, std=2, **o), 3, 4),
    "bernoulli_": (lambda lib, **o: lib.zeros(N).bernoulli_(0.3, **o), 0.3, 0.21),
    "bernoulli_ of a tensor": (lambda lib, **o: lib.zeros(N).bernoulli_(lib.full((N,), 0.3), **o), 0.3, 0.21),
    "random_": (lambda lib, **o: lib.zeros(N).random_(2, 7, **o), 4, 2),
    "random_ below": (lambda lib, **o: lib.zeros(N, dtype=lib.int64).random_(5, **o), 2, 2),
    "exponential_": (lambda lib, **o: lib.zeros(N).exponential_(2, **o), 1 / 2, 1 / 4),
    "multinomial": (
        lambda lib, **o: lib.multinomial(lib.tensor([1.0, 0.0, 3.0]), N, replacement=True, **o),
        1.5,
        0.75,
    ),
    "multinomial as a method": (
        lambda lib, **o: lib.tensor([1.0, 0.0, 3.0]).multinomial(N, True, **o),
        1.5,
        0.75,
    ),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_have_the_mean_and_variance_that_they_should(name: str) -> None:
    call, mean, variance = DRAWS[name]
    for library in (tn, torch):
        library.manual_seed(4)
        numbers = call(library).numpy().astype(np.float64)
        assert numbers.shape == (N,)
        # 5 standard errors; that of the variance is at most sqrt(8 / N) of it, for the exponential one.
        assert abs(numbers.mean() - mean) < 5 * (variance / N) ** 0.5
        assert abs(numbers.var() / variance - 1) < 5 * (8 / N) ** 0.5
    assert str(call(tn).dtype) == str(call(torch).dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", DRAWS)
def test_seeds_and_generators_decide(name: str) -> None:
    call = DRAWS[name][0]
    tn.manual_seed(3)
    first, second = call(tn).tolist(), call(tn).tolist()
    tn.manual_seed(3)
    assert call(tn).tolist() == first != second
    own = Generator().manual_seed(3)
    third = call(tn, generator=own).tolist()
    assert call(tn, generator=own).tolist() != third
    assert call(tn, generator=Generator().manual_seed(3)).tolist() == third
    assert call(tn).tolist() == second  # generators of their own do not disturb the default one
    with pytest.raises(TypeError, match="Generator of tinynet or NumPy, got int"):
        call(tn, generator=5)


def test_generators_tell_their_seed() -> None:
    generator = Generator()
    assert generator.initial_seed() == torch.Generator().initial_seed()
    assert generator.manual_seed(5).initial_seed() == 5
    assert generator.seed() == generator.initial_seed() != 5


def test_likes_follow_shape_and_dtype() -> None:
    x = tn.zeros(2, 3, dtype=np.float64)
    for y in (tn.rand_like(x), tn.randn_like(x), tn.randint_like(x, 5), tn.randint_like(x, 1, 5)):
        assert y.shape == (2, 3)
        assert y.dtype == np.float64
    assert tn.randint_like(x, 1, 2).tolist() == [[1] * 3] * 2
    assert tn.rand_like(x, dtype=np.float32, requires_grad=True).requires_grad


NUMBERS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda lib: lib.rand(()),
    "randn": lambda lib: lib.randn(()),
    "randint": lambda lib: lib.randint(3, ()),
    "rand_like": lambda lib: lib.rand_like(lib.tensor(0.5)),
    "randn_like": lambda lib: lib.randn_like(lib.tensor(0.5)),
    "randint_like": lambda lib: lib.randint_like(lib.tensor(0.5), 3),
    "normal": lambda lib: lib.normal(lib.tensor(0.5), lib.tensor(0.5)),
    "normal of a size": lambda lib: lib.normal(0.5, 0.5, ()),
    "bernoulli": lambda lib: lib.bernoulli(lib.tensor(0.5)),
    "bernoulli of p": lambda lib: lib.bernoulli(lib.tensor(0.5), 0.3),
    "uniform_": lambda lib: lib.tensor(0.5).uniform_(2, 3),
    "normal_": lambda lib: lib.tensor(0.5).normal_(),
    "bernoulli_": lambda lib: lib.tensor(0.5).bernoulli_(0.3),
    "random_": lambda lib: lib.tensor(0.5).random_(3),
    "exponential_": lambda lib: lib.tensor(0.5).exponential_(),
    "Bernoulli": lambda lib: lib.distributions.bernoulli.Bernoulli(0.5).sample(),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_tensor_without_axes_holds_one_number(name: str) -> None:
    ours, theirs = NUMBERS[name](tn), NUMBERS[name](torch)
    assert type(ours.array) is np.ndarray
    assert ours.shape == theirs.shape == ()
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert np.isfinite(ours.item())


def test_permutations_and_draws_without_replacement_repeat_nothing() -> None:
    assert sorted(tn.randperm(50).tolist()) == list(range(50))
    assert tn.randperm(50).tolist() != list(range(50))
    assert tn.randperm(3, dtype=np.float32).dtype == np.float32
    weights = tn.tensor([[1.0, 2.0, 0.0, 3.0]]).expand(5, 4)
    for row in tn.multinomial(weights, 3).tolist():
        assert sorted(row) == [0, 1, 3]
    first = [tn.multinomial(tn.tensor([1.0, 3.0]), 1).item() for _ in range(1000)]
    assert abs(np.mean(first) - 0.75) < 5 * (0.1875 / 1000) ** 0.5
    assert tn.multinomial(weights, 6, replacement=True).shape == (5, 6)


def test_ranges_are_kept() -> None:
    assert tn.rand(3000, dtype=np.float16).numpy().max() < 1
    x = tn.zeros(3000, dtype=np.float16).uniform_(0, 1e-3).numpy()
    assert x.min() >= 0
    assert x.max() < 1e-3
    assert len(set(tn.zeros(200, dtype=np.uint8).random_().tolist())) > 50
    assert tn.zeros(200, dtype=np.bool_).random_().dtype == np.bool_
    assert tn.zeros(3).uniform_(2, 2).tolist() == [2, 2, 2]
    assert tn.zeros(3).random_().numpy().max() <= 2**24


def test_filling_is_in_place_and_refuses_leaves_that_are_recorded() -> None:
    x = tn.zeros(3)
    memory = x.numpy()
    assert x.normal_() is x
    assert memory.any()
    weight = tn.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        weight.uniform_()
    with tn.no_grad():
        weight.uniform_(1, 2)
    assert weight.is_leaf
    assert weight.detach().numpy().min() >= 1


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "empty range": (lambda lib: lib.randint(3, 3, (2,)), RuntimeError, "from=3"),
    "size": (lambda lib: lib.randint(3, 2), TypeError, "int"),
    "bounds of the dtype": (
        lambda lib: lib.randint(0, 300, (2,), dtype=lib.uint8),
        RuntimeError,
        "300|unsigned",
    ),
    "whole numbers": (lambda lib: lib.rand(2, dtype=lib.int64), NotImplementedError, "int64|Long"),
    "normal whole numbers": (lambda lib: lib.randn(2, dtype=lib.int64), NotImplementedError, "int64|Long"),
    "like whole numbers": (lambda lib: lib.rand_like(lib.tensor([1])), NotImplementedError, "int64|Long"),
    "negative size": (lambda lib: lib.randperm(-1), RuntimeError, "-1"),
    "negative deviation": (lambda lib: lib.normal(0.0, -1.0, (2,)), RuntimeError, "std"),
    "negative deviations": (lambda lib: lib.normal(lib.zeros(2), -lib.ones(2)), RuntimeError, "std"),
    "no size": (lambda lib: lib.normal(2.0, 3.0), TypeError, "normal"),
    "probability": (lambda lib: lib.bernoulli(lib.full((2,), 2.0)), RuntimeError, "<= 1|2"),
    "whole probability": (lambda lib: lib.bernoulli(lib.tensor([1])), NotImplementedError, "int64|Long"),
    "too many draws": (lambda lib: lib.multinomial(lib.ones(3), 4), RuntimeError, "sample"),
    "no draws": (lambda lib: lib.multinomial(lib.ones(3), 0), RuntimeError, "sample"),
    "no weights": (lambda lib: lib.multinomial(lib.zeros(3), 1), RuntimeError, "sum"),
    "negative weights": (lambda lib: lib.multinomial(-lib.ones(3), 1), RuntimeError, "< 0"),
    "3-d weights": (lambda lib: lib.multinomial(lib.ones(1, 2, 3), 1), RuntimeError, "dim"),
    "whole weights": (lambda lib: lib.multinomial(lib.tensor([1]), 1), RuntimeError, "floating"),
    "uniform_": (lambda lib: lib.zeros(2).uniform_(3, 2), RuntimeError, "from=3"),
    "normal_": (lambda lib: lib.zeros(2).normal_(0, -1), RuntimeError, "std"),
    "bernoulli_": (lambda lib: lib.zeros(2).bernoulli_(2.0), RuntimeError, "p"),
    "random_": (lambda lib: lib.zeros(2).random_(3, 3), RuntimeError, "from=3"),
    "random_ negative": (lambda lib: lib.zeros(2).random_(-1), RuntimeError, "to=-1"),
    "exponential_": (lambda lib: lib.zeros(2).exponential_(0), RuntimeError, "lambda=0"),
    "exponential_ whole": (lambda lib: lib.tensor([1]).exponential_(), RuntimeError, "floating"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_raises_torchs_error(name: str) -> None:
    call, error, message = BAD[name]
    for library in (tn, torch):
        with pytest.raises(error, match=message):
            call(library)
