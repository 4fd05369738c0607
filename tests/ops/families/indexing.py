"""Choosing elements: x[index] and x[index] = value, and reading and writing at tensors of indices and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, distinct, normal, strided, transposed, whole


def at(index: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the call x[index]; the index is made by the library it is given to."""
    return lambda lib, x: x[index(lib)]


def put(index: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the call that writes the second tensor into a copy of the first."""

    def call(lib: Any, x: Any, value: Any) -> Any:
        y = x * 1
        y[index(lib)] = value
        return y

    return call


def bad(call: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Return a call on ones of shape (2, 3)."""
    return lambda lib: call(lib, lib.ones(2, 3))


def write(index: Callable[[Any], Any], value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the call that writes a value into ones of shape (2, 3)."""

    def call(lib: Any) -> None:
        lib.ones(2, 3)[index(lib)] = value(lib)

    return call


S = slice
BASIC: dict[str, Callable[[Any], Any]] = {
    "slices": lambda lib: (S(1, None), S(None, None, 2)),
    "row": lambda lib: -1,
    "element": lambda lib: (1, 2),
    "new axes": lambda lib: (..., None, 1),
    "everything": lambda lib: ...,
    "nothing": lambda lib: (),
    "bounds are tensors": lambda lib: S(lib.tensor(1), lib.tensor(3)),
    "index is a tensor": lambda lib: (S(None), lib.tensor(-2)),
    "slice beyond the end": lambda lib: S(2, 100),
}
ADVANCED: dict[str, Callable[[Any], Any]] = {
    "list": lambda lib: ([0, 0, 3], S(1, None)),
    "duplicates": lambda lib: (lib.tensor([0, 1, 1]), lib.tensor([4, 2, 2])),
    "broadcast": lambda lib: (lib.tensor([[0], [3]]), lib.tensor([4, 2, -2])),
    "negative": lambda lib: lib.tensor([-1, 0, -3]),
    "last axis": lambda lib: (..., lib.tensor([[0, 1], [4, 4]])),
    "array": lambda lib: (S(None), np.array([1, -1])),
    "tuple of lists": lambda lib: ([0, 1], [1, 2]),
    "int32": lambda lib: lib.tensor([1, 0], dtype=lib.int32),
    "row mask": lambda lib: [True, False, True, False],
    "column mask": lambda lib: (S(None), lib.tensor([True, False, True, False, True])),
    "mask and list": lambda lib: (lib.tensor([True, False, True, False]), [1, 2]),
    "new axis first": lambda lib: (None, [1, 2]),
    "True": lambda lib: True,
    "number and list": lambda lib: (1, [0, 0, 2]),
}
CUBE: dict[str, Callable[[Any], Any]] = {
    "axis between": lambda lib: ([0, 1, 1], S(None), [1, 2, 3]),
    "number, axis, list": lambda lib: (0, S(None), [1, 2]),
    "tensor number, axis, list": lambda lib: (lib.tensor(1), S(None), [1, 2]),
    "number between": lambda lib: ([0, 1], 0, [1, 2]),
    "neighbours": lambda lib: (S(None), [0, 1], [1, 2]),
    "new axis between": lambda lib: ([0, 1], None, [1, 2]),
    "mask of two axes": lambda lib: lib.tensor([[True, False, True], [False, False, True]]),
    "ellipsis": lambda lib: ([1, 0], ..., [0, 3]),
    "True and list": lambda lib: (True, S(None), [0, 1]),
}

OPS = (
    Op(
        "Tensor.__getitem__",
        (
            *(Sample(kind, normal((4, 5)), at(index)) for kind, index in (BASIC | ADVANCED).items()),
            *(Sample(kind, normal((2, 3, 4)), at(index)) for kind, index in CUBE.items()),
            Sample("mask", distinct((4, 5)), lambda lib, x: x[x > 0]),
            Sample("transposed", transposed(normal, (4, 5)), at(lambda lib: (S(1, 3), [0, 2, 2]))),
            Sample("strided", strided(normal, (4, 5)), at(lambda lib: (S(None, None, 2), 1))),
            Sample("0-d", normal(()), at(lambda lib: (None, ...))),
            Sample("0-d mask", normal(()), at(lambda lib: lib.tensor(True))),
            Sample("no rows", normal((4, 5)), at(lambda lib: []), constant=True),
            Sample("False", normal((4, 5)), at(lambda lib: False), constant=True),
            Sample("empty slice", normal((4, 5)), at(lambda lib: S(3, 1)), constant=True),
            Sample("mask of nothing", normal((0, 3)), lambda lib, x: x[x > 0], constant=True),
        ),
        errors=(
            Bad("out of range", bad(lambda lib, x: x[2]), IndexError, ("index 2", "dimension 0", "size 2")),
            Bad(
                "second axis", bad(lambda lib, x: x[0, -4]), IndexError, ("index -4", "dimension 1", "size 3")
            ),
            Bad("in a list", bad(lambda lib, x: x[[0, 2]]), IndexError, ("index 2", "size 2", "[2, 3]")),
            Bad("too many", bad(lambda lib, x: x[0, 0, 0]), IndexError, ("too many", "2", "[2, 3]")),
            Bad("of a number", lambda lib: lib.tensor(1.0)[0], IndexError, ("item()",)),
            Bad("backwards", bad(lambda lib, x: x[::-1]), ValueError, ("step", "-1")),
            Bad("step 0", bad(lambda lib, x: x[::0]), ValueError, ("step", "0")),
            Bad("float", bad(lambda lib, x: x[1.0]), IndexError, ("float",)),
            Bad("float tensor", bad(lambda lib, x: x[lib.ones(1)]), IndexError, ("float32",)),
            Bad("mask", bad(lambda lib, x: x[[True] * 3]), IndexError, ("mask [3]", "[2, 3]")),
            Bad("no broadcast", bad(lambda lib, x: x[[0, 1], [0, 1, 1]]), IndexError, ("(2,)", "(3,)")),
        ),
        integers=(Sample("int64", whole("int64", 0, 9, (4, 5)), lambda lib, x: x[[1, 2], 1:]),),
    ),
    Op(
        "Tensor.__setitem__",
        (
            Sample("row", normal((4, 5), (5,)), put(lambda lib: 1)),
            Sample("broadcast", normal((4, 5), (3, 1)), put(lambda lib: (S(1, None), S(None, None, 2)))),
            Sample("extra axes", normal((4, 5), (1, 1, 5)), put(lambda lib: S(0, 2))),
            Sample("everything", normal((4, 5), ()), put(lambda lib: ...)),
            Sample("list", normal((4, 5), (2, 5)), put(lambda lib: [3, 0])),
            Sample("elements", normal((4, 5), (2,)), put(lambda lib: ([0, 1], [4, 4]))),
            Sample("mask", normal((4, 5), ()), put(lambda lib: lib.eye(4, 5) > 0)),
            Sample("mask, one each", normal((4, 5), (4,)), put(lambda lib: lib.eye(4, 5) > 0)),
            Sample("number and list", normal((2, 3, 4), (3, 2)), put(lambda lib: (1, S(None), [0, 3]))),
            Sample("axis between", normal((2, 3, 4), (2, 3)), put(lambda lib: ([0, 1], S(None), [0, 3]))),
            Sample("True", normal((2, 3), (1, 2, 3)), put(lambda lib: True)),
            Sample("transposed", transposed(normal, (4, 5), (2, 5)), put(lambda lib: S(1, 3))),
            Sample("number", normal((4, 5)), lambda lib, x: put(lambda lib: (S(None), [1, 3]))(lib, x, 2.5)),
            Sample("number in a slice", normal((4, 5)), lambda lib, x: put(lambda lib: S(2))(lib, x, 0)),
            Sample("no rows", normal((4, 5), (0, 5)), put(lambda lib: [])),
        ),
        errors=(
            Bad("shape", write(lambda lib: 0, lambda lib: lib.ones(4)), RuntimeError, ("[3]", "[4]")),
            Bad(
                "list",
                write(lambda lib: [0, 1], lambda lib: lib.ones(3, 3)),
                RuntimeError,
                ("[3, 3]", "(2,3)"),
            ),
            Bad(
                "dtypes",
                write(lambda lib: [0], lambda lib: lib.ones(3, dtype=lib.float64)),
                RuntimeError,
                ("float32", "float64"),
            ),
            Bad("not a tensor", write(lambda lib: 0, lambda lib: [1, 2, 3]), TypeError, ("list",)),
            Bad("out of range", write(lambda lib: [2], lambda lib: 0.0), IndexError, ("index 2", "size 2")),
            Bad(
                "of a leaf",
                lambda lib: lib.ones(2, requires_grad=True).__setitem__(0, 1.0),
                RuntimeError,
                ("leaf",),
            ),
        ),
        integers=(
            Sample("a float", whole("int64", 0, 9, (4,)), lambda lib, x: put(lambda lib: 0)(lib, x, 1.7)),
            Sample("bool", whole("bool", 0, 2, (4,)), lambda lib, x: write_to(x, [0, 1], True)),
        ),
    ),
    Op(
        "narrow",
        (
            Sample("middle", normal((4, 5)), lambda lib, x: lib.narrow(x, 1, 1, 3)),
            Sample("from the end", normal((4, 5)), lambda lib, x: x.narrow(0, -2, 2)),
            Sample("tensor", normal((4, 5)), lambda lib, x: x.narrow(-1, lib.tensor(2), 1)),
            Sample("nothing", normal((4, 5)), lambda lib, x: x.narrow(1, 5, 0), constant=True),
        ),
        errors=(
            Bad("too long", bad(lambda lib, x: x.narrow(1, 2, 2)), RuntimeError, ("(2)", "(3)")),
            Bad("start", bad(lambda lib, x: x.narrow(1, 4, 0)), IndexError, ("[-3, 3]", "4")),
            Bad("length", bad(lambda lib, x: x.narrow(1, 0, -1)), RuntimeError, ("-1",)),
            Bad("0-d", lambda lib: lib.tensor(1.0).narrow(0, 0, 1), RuntimeError, ("0-dim",)),
        ),
    ),
    Op(
        "select",
        (
            Sample("last", normal((4, 5)), lambda lib, x: lib.select(x, 1, -1)),
            Sample("first", transposed(normal, (4, 5)), lambda lib, x: x.select(0, 2)),
            Sample("1-d", normal((4,)), lambda lib, x: x.select(0, 2)),
        ),
        errors=(
            Bad(
                "out of range", bad(lambda lib, x: x.select(1, 3)), IndexError, ("3", "[2, 3]", "dimension 1")
            ),
            Bad("0-d", lambda lib: lib.tensor(1.0).select(0, 0), IndexError, ("0-dim",)),
        ),
    ),
    Op(
        "index_put",
        (
            Sample(
                "write",
                normal((4, 5), (2,)),
                lambda lib, x, y: lib.index_put(x, (lib.tensor([0, 1]), lib.tensor([4, 4])), y),
            ),
            Sample(
                "add",
                normal((4, 5), (3, 5)),
                lambda lib, x, y: x.index_put((lib.tensor([0, 1, 0]),), y, accumulate=True),
            ),
            Sample(
                "add to one",
                normal((4,), ()),
                lambda lib, x, y: x.index_put([lib.tensor([1, 1])], y, accumulate=True),
            ),
            Sample("mask", normal((4, 5), ()), lambda lib, x, y: x.index_put((lib.eye(4, 5) > 0,), y)),
        ),
        errors=(
            Bad("a tensor", bad(lambda lib, x: x.index_put(lib.tensor([0]), x[0])), TypeError, ("Tensor",)),
            Bad("a number", bad(lambda lib, x: x.index_put((lib.tensor([0]),), 1.0)), TypeError, ("float",)),
            Bad(
                "dtypes",
                bad(lambda lib, x: x.index_put((lib.tensor([0]),), lib.tensor(1))),
                RuntimeError,
                ("float32", "int64"),
            ),
        ),
    ),
)


def write_to(x: Any, index: Any, value: Any) -> Any:
    """Write and return x."""
    x[index] = value
    return x
