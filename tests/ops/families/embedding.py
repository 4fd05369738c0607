"""Embedding, linear and bilinear maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, normal, strided, transposed


def embed(numbers: Any, dtype: str = "int64", **options: Any) -> Callable[..., Any]:
    return lambda lib, weight: lib.nn.functional.embedding(
        lib.tensor(np.asarray(numbers, dtype)), weight, **options
    )


def bad_embedding(
    kind: str,
    numbers: Any,
    error: type[Exception],
    words: tuple[str, ...],
    weight: tuple[int, ...] = (3, 2),
    **options: Any,
) -> Bad:
    return Bad(
        kind,
        lambda lib: lib.nn.functional.embedding(lib.tensor(numbers), lib.ones(weight), **options),
        error,
        words,
    )


def linear(lib: Any, *xs: Any) -> Any:
    return lib.nn.functional.linear(*xs)


def bilinear(lib: Any, *xs: Any) -> Any:
    return lib.nn.functional.bilinear(*xs)


def bad(function: Callable[..., Any], kind: str, words: tuple[str, ...], *shapes: tuple[int, ...]) -> Bad:
    return Bad(kind, lambda lib: function(lib, *(lib.ones(shape) for shape in shapes)), RuntimeError, words)


OPS = (
    Op(
        "nn.functional.embedding",
        (
            Sample("row", normal((5, 3)), embed([4, 0, 1])),
            Sample("matrix", normal((5, 3)), embed([[4, 0, 1], [1, 1, 4]])),
            Sample("0-d", normal((5, 3)), embed(2)),
            Sample("int32", normal((5, 3)), embed([4, 4, 1], "int32")),
            Sample("size 0", normal((5, 3)), embed(np.zeros((2, 0))), constant=True),
            Sample("no numbers wanted", normal((2, 0)), embed([1, 0]), constant=True),
            Sample("transposed", transposed(normal, (5, 3)), embed([4, 4, 1])),
            Sample("strided", strided(normal, (5, 3)), embed([4, 4, 1])),
            Sample("by frequency", normal((5, 3)), embed([4, 4, 1, 4]), constant=True),
        ),
        errors=(
            bad_embedding("above", [0, 3], IndexError, ("3 is not in [0, 3)",)),
            bad_embedding("below", [0, -1], IndexError, ("-1 is not in [0, 3)",)),
            bad_embedding("floating point", [0.0, 1.0], RuntimeError, ("float32",)),
            bad_embedding("bool", [True], RuntimeError, ("bool",)),
            bad_embedding("row of weights", [0], RuntimeError, ("[3]",), (3,)),
            bad_embedding("padding", [0], AssertionError, ("3",), padding_idx=3),
            bad_embedding("padding below", [0], AssertionError, ("-4",), padding_idx=-4),
        ),
    ),
    Op(
        "nn.functional.linear",
        (
            Sample("2-d", normal((4, 3), (5, 3), (5,)), linear),
            Sample("no bias", normal((4, 3), (5, 3)), linear),
            Sample("row", normal((3,), (5, 3), (5,)), linear),
            Sample("3-d", normal((2, 4, 3), (5, 3), (5,)), linear),
            Sample("4-d", normal((2, 1, 4, 3), (5, 3), (5,)), linear),
            Sample("one feature", normal((4, 1), (1, 1), (1,)), linear),
            Sample("bias for all", normal((4, 3), (5, 3), (1,)), linear),
            Sample("0-d bias", normal((4, 3), (5, 3), ()), linear),
            Sample("bias of each row", normal((4, 3), (5, 3), (4, 1)), linear),
            Sample("bias of each element", normal((2, 4, 3), (5, 3), (2, 4, 5)), linear),
            Sample("vector as weight", normal((4, 3), (3,)), linear),
            Sample("size 0", normal((0, 3), (5, 3), (5,)), linear, constant=True),
            Sample("transposed", transposed(normal, (4, 3), (5, 3), (5,)), linear),
            Sample("strided", strided(normal, (4, 3), (5, 3), (5,)), linear),
        ),
        errors=(
            bad(linear, "features", ("[4, 2]", "[3, 5]"), (4, 2), (5, 3)),
            bad(linear, "no axes", ("0D",), (), (5, 3)),
            bad(linear, "bias", ("[4]", "[5, 3]"), (4, 3), (5, 3), (4,)),
            bad(linear, "bias with more axes", ("[2, 4, 5]", "[5, 3]"), (4, 3), (5, 3), (2, 4, 5)),
            bad(linear, "bias of a vector", ("[3]", "[1]"), (4, 3), (3,), (1,)),
            Bad(
                "dtypes",
                lambda lib: linear(lib, lib.ones(4, 3), lib.ones(5, 3, dtype=lib.float64)),
                RuntimeError,
                ("float32", "float64"),
            ),
            Bad("a list", lambda lib: linear(lib, [1.0], lib.ones(5, 3)), TypeError, ("input", "list")),
            Bad("no weight", lambda lib: linear(lib, lib.ones(3), None), TypeError, ("weight", "NoneType")),
        ),
    ),
    Op(
        "nn.functional.bilinear",
        (
            Sample("2-d", normal((4, 2), (4, 3), (5, 2, 3), (5,)), bilinear),
            Sample("no bias", normal((4, 2), (4, 3), (5, 2, 3)), bilinear),
            Sample("row", normal((2,), (3,), (5, 2, 3), (5,)), bilinear),
            Sample("3-d", normal((2, 4, 2), (2, 4, 3), (5, 2, 3), (5,)), bilinear),
            Sample("size 0", normal((0, 2), (0, 3), (5, 2, 3)), bilinear, constant=True),
            Sample("strided", strided(normal, (4, 2), (4, 3), (5, 2, 3), (5,)), bilinear),
        ),
        errors=(
            bad(bilinear, "batch", ("[2, 3]", "[3, 4]"), (2, 3), (3, 4), (5, 3, 4)),
            bad(bilinear, "first", ("[2, 2]", "[5, 3, 4]"), (2, 2), (2, 4), (5, 3, 4)),
            bad(bilinear, "second", ("[2, 3]", "[5, 3, 4]"), (2, 3), (2, 3), (5, 3, 4)),
            bad(bilinear, "bias", ("[4]", "[5, 3, 4]"), (2, 3), (2, 4), (5, 3, 4), (4,)),
        ),
    ),
)
