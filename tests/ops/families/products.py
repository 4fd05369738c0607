"""Products over other axes than matmul's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.families.linear import added, bad, dtypes
from tests.ops.op import Bad, Op, Sample, normal, strided, transposed, whole


def tensordot() -> Op:
    """Sums of products over chosen axes."""

    def sample(
        kind: str, x: tuple[int, ...], y: tuple[int, ...], *dims: Any, constant: bool = False
    ) -> Sample:
        return Sample(kind, normal(x, y), lambda lib, a, b: lib.tensordot(a, b, *dims), constant)

    def wrong(kind: str, dims: Any, words: tuple[str, ...], error: type[Exception] = RuntimeError) -> Bad:
        return Bad(kind, lambda lib: lib.tensordot(lib.ones(2, 3), lib.ones(3, 4), dims), error, words)

    return Op(
        "tensordot",
        (
            sample("two axes", (2, 3, 4), (3, 4, 5)),
            sample("one axis", (2, 3), (3, 4), 1),
            sample("no axis", (2, 3), (4,), 0),
            sample("lists", (2, 3, 4), (4, 2, 5), ([0, 2], [1, 0])),
            sample("negative", (2, 3, 4), (5, 4), ([-1], [-1])),
            sample("all", (2, 3), (3, 2), ([0, 1], [1, 0])),
            sample("no lists", (2,), (3,), ([], [])),
            sample("size 1 on the left", (2, 1), (3, 4), ([1], [0])),
            sample("size 1 on the right", (2, 3), (1, 4), 1),
            sample("size 0", (2, 0), (0, 3), 1, constant=True),
            Sample(
                "keyword",
                transposed(normal, (2, 3), (3, 4)),
                lambda lib, a, b: lib.tensordot(a, b, dims=([1], [0])),
            ),
        ),
        errors=(
            wrong("sizes", 2, ("[2, 3]", "[3, 4]")),
            wrong("too many", 3, ("dims=3", "[2, 3]")),
            wrong("negative", -1, ("dims=-1",)),
            wrong("lengths", ([1, 0], [0]), ("[1, 0]", "[0]")),
            wrong("sizes of lists", ([0], [0]), ("size 2", "size 3", "[2, 3]")),
            wrong("an axis twice", ([1, 1], [0, 0]), ("[1, 1]",)),
            wrong("no such axis", ([2], [0]), ("[-2, 1]", "2"), IndexError),
            Bad(
                "dtypes",
                lambda lib: lib.tensordot(lib.ones(2, 3), lib.ones(3, 4, dtype=lib.float64), 1),
                RuntimeError,
                ("float32", "float64"),
            ),
        ),
        integers=(
            Sample("int64", whole("int64", -3, 4, (2, 3), (3, 4)), lambda lib, a, b: lib.tensordot(a, b, 1)),
            Sample(
                "int32, size 1",
                whole("int32", -3, 4, (2, 1), (3, 4)),
                lambda lib, a, b: lib.tensordot(a, b, 1),
            ),
        ),
    )


OPS = (
    Op(
        "inner",
        (
            Sample("matrices", normal((2, 3), (4, 3)), lambda lib, x, y: lib.inner(x, y)),
            Sample("vectors", normal((3,), (3,)), lambda lib, x, y: x.inner(y)),
            Sample("stacks", normal((2, 1, 3), (5, 4, 3)), lambda lib, x, y: lib.inner(x, y)),
            Sample("0-d", normal((), (4, 2)), lambda lib, x, y: lib.inner(x, y)),
            Sample("0-d on the right", normal((4, 2), ()), lambda lib, x, y: lib.inner(x, y)),
            Sample("size 0", normal((2, 0), (4, 0)), lambda lib, x, y: lib.inner(x, y), constant=True),
        ),
        errors=(bad("sizes", "inner", (2, 3), (4, 2)), dtypes("inner", (2, 3), (2, 3))),
        integers=(Sample("int32", whole("int32", -3, 4, (2, 3), (4, 3)), lambda lib, x, y: lib.inner(x, y)),),
    ),
    *(
        Op(
            name,
            (
                Sample("function", normal((3,), (4,)), lambda lib, x, y, name=name: getattr(lib, name)(x, y)),
                Sample("method", normal((3,), (4,)), lambda lib, x, y, name=name: getattr(x, name)(y)),
                Sample(
                    "strided", strided(normal, (3,), (4,)), lambda lib, x, y, name=name: getattr(x, name)(y)
                ),
                Sample(
                    "size 0",
                    normal((0,), (4,)),
                    lambda lib, x, y, name=name: getattr(lib, name)(x, y),
                    constant=True,
                ),
                Sample("with itself", normal((3,)), lambda lib, x, name=name: getattr(lib, name)(x, x)),
            ),
            errors=(bad("a matrix", name, (2, 3), (4,), ("[2, 3]", "1-D")),),
            integers=(
                Sample(
                    "int32 and bool",
                    lambda rng: (np.arange(3, dtype=np.int32), np.array([True, False])),
                    lambda lib, x, y, name=name: getattr(lib, name)(x, y),
                ),
                Sample(
                    "bool",
                    whole("bool", 0, 2, (3,), (4,)),
                    lambda lib, x, y, name=name: getattr(lib, name)(x, y),
                ),
            ),
        )
        for name in ("outer", "ger")
    ),
    added(
        "addr",
        ((2, 3), (3,), (2, 1), ()),
        (2,),
        (3,),
        Bad(
            "a matrix",
            lambda lib: lib.addr(lib.ones(3), lib.ones(2, 2), lib.ones(3)),
            RuntimeError,
            ("[2, 2]", "1-D"),
        ),
    ),
    Op(
        "t",
        (
            Sample("matrix", normal((2, 3)), lambda lib, x: lib.t(x)),
            Sample("method", normal((2, 3)), lambda lib, x: x.t()),
            Sample("vector", normal((3,)), lambda lib, x: x.t()),
            Sample("0-d", normal(()), lambda lib, x: x.t()),
            Sample("size 0", normal((0, 3)), lambda lib, x: x.t(), constant=True),
        ),
        errors=(Bad("a stack", lambda lib: lib.t(lib.ones(2, 3, 4)), RuntimeError, ("[2, 3, 4]",)),),
        integers=(Sample("bool", whole("bool", 0, 2, (2, 3)), lambda lib, x: x.t()),),
    ),
    Op(
        "trace",
        (
            Sample("wide", normal((2, 3)), lambda lib, x: lib.trace(x)),
            Sample("tall", transposed(normal, (3, 2)), lambda lib, x: x.trace()),
            Sample("of a square", normal((3, 3)), lambda lib, x: (x @ x).trace()),
            Sample("size 1", normal((1, 1)), lambda lib, x: x.trace()),
            Sample("size 0", normal((0, 3)), lambda lib, x: x.trace(), constant=True),
        ),
        errors=(
            Bad("a vector", lambda lib: lib.trace(lib.ones(2)), RuntimeError, ("[2]",)),
            Bad(
                "bool", lambda lib: lib.trace(lib.ones(2, 2, dtype=lib.bool)), NotImplementedError, ("bool",)
            ),
        ),
        integers=(Sample("int32", whole("int32", -3, 4, (2, 3)), lambda lib, x: x.trace()),),
    ),
    Op(
        "kron",
        (
            Sample("matrices", normal((2, 3), (4, 2)), lambda lib, x, y: lib.kron(x, y)),
            Sample("vectors", normal((2,), (3,)), lambda lib, x, y: x.kron(y)),
            Sample("different axes", normal((2, 3), (2, 1, 2)), lambda lib, x, y: lib.kron(x, y)),
            Sample("0-d", normal((), (2,)), lambda lib, x, y: lib.kron(x, y)),
            Sample("transposed", transposed(normal, (2, 3), (3, 2)), lambda lib, x, y: x.kron(y)),
            Sample("size 0", normal((2, 0), (3,)), lambda lib, x, y: x.kron(y), constant=True),
        ),
        integers=(Sample("int32", whole("int32", -3, 4, (2, 2), (3,)), lambda lib, x, y: lib.kron(x, y)),),
    ),
    tensordot(),
)
