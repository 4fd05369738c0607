"""Whole numbers at the edge of their dtypes, divided, raised and summed: values, dtypes and errors as in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import tinynet as tn

Case = Callable[[Any], Any]


def ints(lib: Any, values: list[int], dtype: str) -> Any:
    return lib.tensor(values, dtype=getattr(lib, dtype))


CASES: dict[str, Case] = {
    "uint8 / 300": lambda lib: ints(lib, [3, 6], "uint8") / 300,
    "uint8 / -1": lambda lib: ints(lib, [3, 6], "uint8") / -1,
    "uint8.div(256)": lambda lib: ints(lib, [3, 6], "uint8").div(256),
    "300 / uint8": lambda lib: 300 / ints(lib, [3, 6], "uint8"),
    "int8 / 200": lambda lib: ints(lib, [1], "int8") / 200,
    "int16 / 40000": lambda lib: ints(lib, [1000], "int16") / 40000,
    "int32 / 2**40": lambda lib: ints(lib, [3], "int32") / 2**40,
    "bool / 3": lambda lib: lib.tensor([True, False]) / 3,
    "int64 / float32": lambda lib: ints(lib, [1, 2], "int64") / lib.tensor([4.0, 8.0]),
    "int64 / int32": lambda lib: ints(lib, [1, 2], "int64") / ints(lib, [4, 8], "int32"),
    "float16 / int64": lambda lib: lib.tensor([1.0, 2.0], dtype=lib.float16) / ints(lib, [4, 8], "int64"),
    "2 ** negative": lambda lib: 2 ** ints(lib, [-1, 0, 2], "int64"),
    "negative powers": lambda lib: (
        ints(lib, [2, 0, 1, -1, -1, -3, 7], "int32") ** ints(lib, [-1, -1, -5, -2, -3, -1, 2], "int32")
    ),
    "sum in uint8": lambda lib: ints(lib, [200, 100], "uint8").sum(dtype=lib.uint8),
    "sum in int32": lambda lib: ints(lib, [200, 100], "uint8").sum(dtype=lib.int32),
    "sum of floats in int32": lambda lib: lib.tensor([1.9, 2.9]).sum(dtype=lib.int32),
    "sum along an axis": lambda lib: lib.ones(2, 3).sum(1, dtype=lib.int16),
    "nansum": lambda lib: lib.tensor([1.0, 2.0]).nansum(dtype=lib.int32),
    "cumsum in uint8": lambda lib: ints(lib, [200, 100], "uint8").cumsum(0, dtype=lib.uint8),
    "cumprod in int32": lambda lib: ints(lib, [3, 4], "int64").cumprod(0, dtype=lib.int32),
    "prod in uint8": lambda lib: ints(lib, [100, 3], "int64").prod(dtype=lib.uint8),
    "prod along an axis": lambda lib: ints(lib, [100, 3], "int64").prod(0, dtype=lib.int8),
    "half + alpha * int32": lambda lib: lib.tensor([1.0], dtype=lib.float16).add(
        ints(lib, [3], "int32"), alpha=0.5
    ),
    "int8 + 2 * bool": lambda lib: ints(lib, [5], "int8").add(lib.tensor([True]), alpha=2),
    "int64 - 2 * int32": lambda lib: ints(lib, [5], "int64").sub(ints(lib, [7], "int32"), alpha=2),
    "clamp": lambda lib: ints(lib, [1, 200], "uint8").clamp(3, 100),
    "clamp, a limit wraps": lambda lib: ints(lib, [1, 200], "uint8").clamp(-5, 4),
    "clamp of int8": lambda lib: ints(lib, [-100, 100], "int8").clamp(min=-5),
    "fill_(-1)": lambda lib: ints(lib, [3, 6], "uint8").fill_(-1),
    "full(-2)": lambda lib: lib.full((2,), -2, dtype=lib.uint8),
    "where": lambda lib: lib.where(lib.tensor([True, False]), ints(lib, [3, 6], "uint8"), 255),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_dtype_are_torchs(name: str) -> None:
    found, expected = CASES[name](tn), CASES[name](torch)
    assert str(expected.dtype) == f"torch.{found.dtype}"
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-6)


REFUSED: dict[str, tuple[Case, type[Exception], str]] = {
    "% by a 0 among others": (
        lambda lib: lib.arange(3) % ints(lib, [1, 0, 2], "int64"),
        RuntimeError,
        "Zero",
    ),
    "% 0": (lambda lib: lib.arange(3) % 0, RuntimeError, "Zero"),
    "%= 0": (lambda lib: lib.arange(3).remainder_(0), RuntimeError, "Zero"),
    "fmod": (lambda lib: lib.fmod(lib.arange(3), 0), RuntimeError, "Zero"),
    "where": (
        lambda lib: lib.where(lib.tensor([True, False]), ints(lib, [3, 6], "uint8"), 300),
        RuntimeError,
        "overflow",
    ),
    "x[0] = 300": (lambda lib: ints(lib, [3, 6], "uint8").__setitem__(0, 300), RuntimeError, "overflow"),
    "full": (lambda lib: lib.full((2,), 300, dtype=lib.uint8), RuntimeError, "overflow"),
    "full_like": (lambda lib: lib.full_like(ints(lib, [3], "int8"), -129), RuntimeError, "overflow"),
    "fill_": (lambda lib: ints(lib, [3, 6], "uint8").fill_(256), RuntimeError, "overflow"),
    **{
        name: (lambda lib, name=name: getattr(lib, name)(lib.ones(2), True), TypeError, "must be Tensor")
        for name in ("logical_and", "logical_or", "logical_xor", "isclose", "allclose", "equal")
    },
    "clamp": (lambda lib: ints(lib, [3], "uint8").clamp(max=300), RuntimeError, "overflow"),
    **{
        f"bool {name} bool": (
            lambda lib, name=name: getattr(lib, name)(*lib.tensor([[True], [True]])),
            NotImplementedError,
            "not implemented for bool",
        )
        for name in ("pow", "remainder", "fmod", "floor_divide")
    },
    "index_select": (
        lambda lib: lib.index_select(lib.ones(2, 3), 0, lib.tensor([2])),
        IndexError,
        "out of bounds",
    ),
    "to('foo')": (lambda lib: lib.ones(2).to("foo"), RuntimeError, "'foo'"),
    "autocast('foo')": (lambda lib: lib.autocast("foo"), RuntimeError, "'foo'"),
    "keepdim alone": (lambda lib: lib.ones(2).max(keepdim=True), TypeError, "max"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str) -> None:
    case, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        case(tn)
    with pytest.raises(error):
        case(torch)


@pytest.mark.parametrize("lib", [tn, torch])
def test_a_gradient_that_does_not_fit_cannot_be_assigned(lib: Any) -> None:
    parameter = lib.nn.Parameter(lib.ones(2))
    for wrong, error in (
        (lib.ones(1), RuntimeError),
        (lib.ones(3), RuntimeError),
        (lib.ones(2, dtype=lib.float64), RuntimeError),
        ([1.0, 1.0], TypeError),
    ):
        with pytest.raises(error, match="assign"):
            parameter.grad = wrong
    assert parameter.grad is None
    parameter.grad = lib.ones(2)
    lib.optim.SGD([parameter], lr=0.5).step()
    assert parameter.tolist() == [0.5, 0.5]
    parameter.grad = None
    assert parameter.grad is None
