"""Reading and writing along one axis at tensors of indices, and at masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import Bad, Op, Sample, distinct, normal, staggered, strided, transposed, whole

ROWS = [[0, 1, 2, 0], [3, 1, 1, 2]]
"""Indices along axis 0 of a (4, 5) tensor."""


def on(call: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Return a call on ones of shape (2, 3)."""
    return lambda lib: call(lib, lib.ones(2, 3))


OPS = (
    Op(
        "take",
        (
            Sample("2-d", normal((3, 4)), lambda lib, x: lib.take(x, lib.tensor([[0, 5], [-1, 5]]))),
            Sample("transposed", transposed(normal, (3, 4)), lambda lib, x: x.take(lib.tensor([1, 4]))),
            Sample("0-d", normal(()), lambda lib, x: x.take(lib.tensor([0, 0]))),
        ),
        errors=(
            Bad("out of range", on(lambda lib, x: x.take(lib.tensor([6]))), IndexError, ("6",)),
            Bad("float", on(lambda lib, x: x.take(lib.ones(1))), RuntimeError, ("int64", "float32")),
            Bad("of nothing", lambda lib: lib.ones(0).take(lib.tensor([0])), IndexError, ("empty",)),
        ),
    ),
    Op(
        "take_along_dim",
        (
            Sample(
                "axis 1", normal((3, 4)), lambda lib, x: lib.take_along_dim(x, lib.tensor([[0, 3, 3]]), 1)
            ),
            Sample("flattened", normal((3, 4)), lambda lib, x: x.take_along_dim(lib.tensor([[0, 7]]))),
            Sample(
                "indices broadcast x",
                normal((1, 4)),
                lambda lib, x: x.take_along_dim(lib.tensor([[0], [3]]), 1),
            ),
        ),
        errors=(
            Bad(
                "axes differ",
                on(lambda lib, x: x.take_along_dim(lib.tensor([0]), 1)),
                RuntimeError,
                ("[2, 3]", "[1]"),
            ),
            Bad("float", on(lambda lib, x: x.take_along_dim(x, 1)), RuntimeError, ("int64", "float32")),
        ),
    ),
    Op(
        "gather",
        (
            Sample("axis 0", normal((4, 5)), lambda lib, x: lib.gather(x, 0, lib.tensor(ROWS))),
            Sample("labels", normal((3, 4)), lambda lib, x: x.gather(1, lib.tensor([[1], [3], [1]]))),
            Sample(
                "last axis", strided(normal, (3, 4)), lambda lib, x: x.gather(-1, lib.tensor([[1, 1, 0]]))
            ),
            Sample("0-d", normal(()), lambda lib, x: x.gather(0, lib.tensor([0, 0]))),
            Sample("one element", normal((3,)), lambda lib, x: x.gather(0, lib.tensor(2))),
            Sample(
                "no indices",
                normal((3, 4)),
                lambda lib, x: x.gather(1, lib.zeros(3, 0, dtype=lib.int64)),
                constant=True,
            ),
        ),
        errors=(
            Bad(
                "too large",
                on(lambda lib, x: x.gather(1, lib.tensor([[3]]))),
                RuntimeError,
                ("3", "dimension 1"),
            ),
            Bad(
                "negative", on(lambda lib, x: x.gather(1, lib.tensor([[-1]]))), RuntimeError, ("-1", "size 3")
            ),
            Bad(
                "axes differ",
                on(lambda lib, x: x.gather(1, lib.tensor([0]))),
                RuntimeError,
                ("[1]", "[2, 3]"),
            ),
            Bad(
                "larger",
                on(lambda lib, x: x.gather(1, lib.tensor([[0]] * 3))),
                RuntimeError,
                ("[3, 1]", "[2, 3]"),
            ),
            Bad("float", on(lambda lib, x: x.gather(1, x)), RuntimeError, ("float32",)),
        ),
        integers=(
            Sample("int64", whole("int64", 0, 9, (4, 5)), lambda lib, x: x.gather(0, lib.tensor(ROWS))),
        ),
    ),
    Op(
        "scatter",
        (
            Sample(
                "src",
                normal((4, 5), (2, 3)),
                lambda lib, x, y: lib.scatter(x, 0, lib.tensor([[0, 1, 2], [1, 0, 3]]), y),
            ),
            Sample("a number", normal((3, 4)), lambda lib, x: x.scatter(1, lib.tensor([[1], [3], [1]]), 2.5)),
            Sample("value", normal((3, 4)), lambda lib, x: x.scatter(1, lib.tensor([[1]]), value=2)),
            Sample("0-d", normal((), ()), lambda lib, x, y: x.scatter(0, lib.tensor(0), y)),
            Sample(
                "no indices",
                normal((3,), (0,)),
                lambda lib, x, y: x.scatter(0, lib.zeros(0, dtype=lib.int64), y),
            ),
        ),
        errors=(
            Bad(
                "too large",
                on(lambda lib, x: x.scatter(0, lib.tensor([[2]]), 1.0)),
                RuntimeError,
                ("2", "dimension 0"),
            ),
            Bad(
                "src too small",
                on(lambda lib, x: x.scatter(0, lib.tensor([[0, 1]]), lib.ones(1, 1))),
                RuntimeError,
                ("[1, 2]", "[1, 1]"),
            ),
            Bad(
                "dtypes",
                on(lambda lib, x: x.scatter(0, lib.tensor([[0]]), lib.ones(1, 1, dtype=lib.float64))),
                RuntimeError,
                ("float32", "float64"),
            ),
            Bad(
                "no such reduction",
                on(lambda lib, x: x.scatter(0, lib.tensor([[0]]), 1.0, reduce="max")),
                RuntimeError,
                ("max",),
            ),
        ),
    ),
    Op(
        "scatter_add",
        (
            Sample(
                "axis 0", normal((4, 5), (2, 4)), lambda lib, x, y: lib.scatter_add(x, 0, lib.tensor(ROWS), y)
            ),
            Sample(
                "keywords",
                normal((3,), (4,)),
                lambda lib, x, y: x.scatter_add(dim=0, index=lib.tensor([0, 0, 2, 0]), src=y),
            ),
            Sample("0-d", normal((), (2,)), lambda lib, x, y: x.scatter_add(0, lib.tensor([0, 0]), y)),
        ),
        errors=(
            Bad(
                "dtypes",
                on(lambda lib, x: x.scatter_add(0, lib.tensor([[0]]), lib.ones(1, 1, dtype=lib.float64))),
                RuntimeError,
                ("float32", "float64"),
            ),
            Bad(
                "negative",
                on(lambda lib, x: x.scatter_add(0, lib.tensor([[-1]]), x)),
                RuntimeError,
                ("-1", "dimension 0", "size 2"),
            ),
        ),
        integers=(
            Sample(
                "int64",
                whole("int64", 0, 9, (4,), (3,)),
                lambda lib, x, y: x.scatter_add(0, lib.tensor([1, 1, 0]), y),
            ),
        ),
    ),
    Op(
        "index_select",
        (
            Sample("axis 1", normal((3, 4)), lambda lib, x: lib.index_select(x, 1, lib.tensor([0, 0, 3]))),
            Sample(
                "axis 0", transposed(normal, (3, 4)), lambda lib, x: x.index_select(0, lib.tensor([2, 1]))
            ),
            Sample("one index", normal((3, 4)), lambda lib, x: x.index_select(-1, lib.tensor(1))),
            Sample("0-d", normal(()), lambda lib, x: x.index_select(0, lib.tensor([0]))),
            Sample(
                "no index",
                normal((3, 4)),
                lambda lib, x: x.index_select(0, lib.zeros(0, dtype=lib.int64)),
                constant=True,
            ),
        ),
        errors=(
            Bad(
                "too large",
                on(lambda lib, x: x.index_select(1, lib.tensor([3]))),
                RuntimeError,
                ("3", "size 3"),
            ),
            Bad(
                "negative",
                on(lambda lib, x: x.index_select(1, lib.tensor([-1]))),
                RuntimeError,
                ("-1", "size 3"),
            ),
            Bad("2-d", on(lambda lib, x: x.index_select(1, lib.tensor([[0]]))), IndexError, ("[1, 1]",)),
            Bad("float", on(lambda lib, x: x.index_select(1, lib.ones(1))), RuntimeError, ("float32",)),
        ),
    ),
    Op(
        "index_add",
        (
            Sample(
                "duplicates",
                normal((4, 3), (3, 3)),
                lambda lib, x, y: lib.index_add(x, 0, lib.tensor([1, 0, 1]), y),
            ),
            Sample(
                "alpha",
                normal((3, 4), (3, 2)),
                lambda lib, x, y: x.index_add(1, lib.tensor([2, 0]), y, alpha=-2),
            ),
        ),
        errors=(
            Bad(
                "number",
                on(lambda lib, x: x.index_add(0, lib.tensor([0]), lib.ones(2, 3))),
                RuntimeError,
                ("(1)", "2"),
            ),
            Bad(
                "slices",
                on(lambda lib, x: x.index_add(0, lib.tensor([0]), lib.ones(1, 4))),
                RuntimeError,
                ("[1, 4]", "[2, 3]"),
            ),
            Bad(
                "out of range",
                on(lambda lib, x: x.index_add(0, lib.tensor([2]), lib.ones(1, 3))),
                RuntimeError,
                ("2", "dimension 0"),
            ),
        ),
    ),
    Op(
        "index_copy",
        (
            Sample(
                "axis 0",
                normal((4, 3), (2, 3)),
                lambda lib, x, y: lib.index_copy(x, 0, lib.tensor([3, 0]), y),
            ),
            Sample("one", normal((3,), ()), lambda lib, x, y: x.index_copy(0, lib.tensor(1), y)),
        ),
        errors=(
            Bad("number", on(lambda lib, x: x.index_copy(0, lib.tensor([0]), x)), IndexError, ("(1)", "2")),
            Bad(
                "slices",
                on(lambda lib, x: x.index_copy(0, lib.tensor([0]), lib.ones(1, 4))),
                RuntimeError,
                ("[1, 4]", "[2, 3]"),
            ),
            Bad(
                "out of range",
                on(lambda lib, x: x.index_copy(0, lib.tensor([2]), x[:1])),
                IndexError,
                ("2", "dimension 0"),
            ),
        ),
    ),
    Op(
        "index_fill",
        (
            Sample("number", normal((3, 4)), lambda lib, x: lib.index_fill(x, 1, lib.tensor([0, -1]), 9)),
            Sample("tensor", normal((3, 4), ()), lambda lib, x, y: x.index_fill(0, lib.tensor([0, 2]), y)),
        ),
        errors=(
            Bad(
                "out of range",
                on(lambda lib, x: x.index_fill(1, lib.tensor([3]), 9)),
                IndexError,
                ("3", "size 3"),
            ),
            Bad("2-d", on(lambda lib, x: x.index_fill(1, lib.tensor([[0]]), 9)), RuntimeError, ("[1, 1]",)),
            Bad(
                "value",
                on(lambda lib, x: x.index_fill(1, lib.tensor([0]), lib.ones(1))),
                RuntimeError,
                ("[1]",),
            ),
        ),
    ),
    Op(
        "masked_fill",
        (
            Sample("number", distinct((3, 4)), lambda lib, x: lib.masked_fill(x, x > 0, -1)),
            Sample("tensor", staggered((3, 4), ()), lambda lib, x, y: x.masked_fill(x > 0, y)),
            Sample(
                "mask broadcasts",
                transposed(normal, (3, 2)),
                lambda lib, x: x.masked_fill(lib.tensor([True, False]), 0.5),
            ),
            Sample("x broadcasts", normal((3,)), lambda lib, x: lib.masked_fill(x, lib.eye(2, 3) > 0, 2)),
            Sample("infinity", distinct((3, 4)), lambda lib, x: x.masked_fill(x > 0, float("-inf")).exp()),
        ),
        errors=(
            Bad("not bool", on(lambda lib, x: x.masked_fill(x, 1.0)), RuntimeError, ("float32",)),
            Bad(
                "shape",
                on(lambda lib, x: x.masked_fill(lib.ones(4) > 0, 1.0)),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
            Bad("value", on(lambda lib, x: x.masked_fill(x > 0, lib.ones(1))), RuntimeError, ("[1]",)),
            Bad(
                "too large",
                lambda lib: lib.tensor([1], dtype=lib.uint8).masked_fill(lib.tensor([True]), 300),
                RuntimeError,
                ("300", "uint8"),
            ),
        ),
        integers=(
            Sample("int64", whole("int64", 0, 9, (3, 4)), lambda lib, x: x.masked_fill(x > 4, 1.5)),
            Sample("bool", whole("bool", 0, 2, (3,)), lambda lib, x: x.masked_fill(x, False)),
        ),
    ),
    Op(
        "masked_select",
        (
            Sample("mask", distinct((3, 4)), lambda lib, x: lib.masked_select(x, x > 0)),
            Sample(
                "broadcast", normal((3, 1)), lambda lib, x: x.masked_select(lib.tensor([True, False, True]))
            ),
            Sample("0-d", normal(()), lambda lib, x: x.masked_select(lib.tensor(True))),
        ),
        errors=(
            Bad(
                "not bool",
                on(lambda lib, x: x.masked_select(lib.tensor([1, 0, 0]))),
                RuntimeError,
                ("int64",),
            ),
            Bad(
                "shape", on(lambda lib, x: x.masked_select(lib.ones(4) > 0)), RuntimeError, ("[2, 3]", "[4]")
            ),
        ),
    ),
    Op(
        "nonzero",
        (
            Sample("2-d", distinct((3, 4)), lambda lib, x: lib.nonzero(x > 0)),
            Sample("as tuple", distinct((3, 4)), lambda lib, x: (x > 0).nonzero(as_tuple=True)),
            Sample("0-d", normal(()), lambda lib, x: lib.nonzero(x)),
            Sample("0-d as tuple", normal(()), lambda lib, x: x.nonzero(as_tuple=True)),
            Sample("argwhere", distinct((3, 4)), lambda lib, x: lib.argwhere(x > 0) + (x > 0).argwhere()),
        ),
        differentiable=False,
    ),
    Op(
        "nn.functional.one_hot",
        (
            Sample("found", normal((2,)), lambda lib, x: lib.nn.functional.one_hot(lib.tensor([[0], [2]]))),
            Sample("given", normal((2,)), lambda lib, x: lib.nn.functional.one_hot(lib.tensor([0, 2]), 5)),
            Sample(
                "0-d", normal((2,)), lambda lib, x: lib.nn.functional.one_hot(lib.tensor(1), num_classes=3)
            ),
            Sample(
                "empty",
                normal((0,)),
                lambda lib, x: lib.nn.functional.one_hot(lib.zeros(0, dtype=lib.int64), 3),
            ),
        ),
        errors=(
            Bad("negative", lambda lib: lib.nn.functional.one_hot(lib.tensor([-1])), RuntimeError, ("-1",)),
            Bad(
                "too large",
                lambda lib: lib.nn.functional.one_hot(lib.tensor([3]), 3),
                RuntimeError,
                ("3 >= 3",),
            ),
            Bad("float", lambda lib: lib.nn.functional.one_hot(lib.ones(1)), RuntimeError, ("float32",)),
            Bad(
                "empty",
                lambda lib: lib.nn.functional.one_hot(lib.zeros(0, dtype=lib.int64)),
                RuntimeError,
                ("empty",),
            ),
        ),
        differentiable=False,
    ),
)
