"""Sorting along an axis, what is read off a sorted axis, and counting equal values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.op import Bad, Make, NoError, Op, Sample, distinct, strided, transposed, whole


def samples(name: str, *args: Any, **options: Any) -> tuple[Sample, ...]:
    """Return calls of all shapes, along the axis that the function takes by default."""

    def call(lib: Any, x: Any) -> Any:
        return getattr(lib, name)(x, *args, **options)

    return (
        Sample("2-d", distinct((3, 4)), call),
        Sample("vector", distinct((5,)), call),
        Sample("0-d", distinct(()), call),
        Sample("size 1", distinct((2, 1)), call),
        Sample("size 0", distinct((0, 3)), call, constant=True),
        Sample("odd sizes", distinct((5, 3, 7)), call),
        Sample("transposed", transposed(distinct, (3, 4)), call),
        Sample("strided", strided(distinct, (3, 4)), call),
        Sample("method", distinct((3, 4)), lambda lib, x: getattr(x, name)(*args, **options)),
    )


def chosen(name: str, kind: str, *args: Any, shape: tuple[int, ...] = (3, 4, 5), **options: Any) -> Sample:
    """Return a call with arguments."""
    return Sample(kind, distinct(shape), lambda lib, x: getattr(lib, name)(x, *args, **options))


def bad(
    name: str,
    kind: str,
    shape: tuple[int, ...],
    args: tuple[Any, ...],
    error: type[Exception],
    *words: str,
    **options: Any,
) -> Bad:
    """Return a call on a tensor of ones that fails."""
    return Bad(kind, lambda lib: getattr(lib, name)(lib.ones(shape), *args, **options), error, words)


def bools(name: str, error: type[Exception], *args: Any) -> Bad:
    """Return a call on bools, which fails."""
    return Bad("bool", lambda lib: getattr(lib, name)(lib.ones(2, dtype=lib.bool), *args), error, ("bool",))


def different(dtype: str, shape: tuple[int, ...]) -> Make:
    """Return whole numbers of which no two are equal."""
    return lambda rng: (rng.permutation(int(np.prod(shape))).reshape(shape).astype(dtype),)


def searches() -> Make:
    """Return an ascending sequence and values, some of them in it."""
    return lambda rng: (np.array([-1.0, 0, 0, 2, 3.5]), np.array([[-2.0, -1, 0], [2.5, 3.5, 9]]))


def many_searches() -> Make:
    """Return ascending sequences and the values to find in each."""
    return lambda rng: (np.array([[1.0, 3, 5], [2, 4, 6]]), np.array([[3.0, 0, 5, 7], [3, 6, 2, 1]]))


SORT = Op(
    "sort",
    (
        *samples("sort"),
        chosen("sort", "axis 0", 0),
        chosen("sort", "descending", 1, True),
        chosen("sort", "keywords", dim=-2, descending=True, stable=True),
        chosen("sort", "stable", stable=True),
        Sample("values of values", distinct((4, 3)), lambda lib, x: lib.sort(x.sort(0).values * x, 1).values),
    ),
    errors=(bad("sort", "no such axis", (2, 3), (2,), IndexError, "[-2, 1]", "2"),),
    integers=(
        Sample("int32", different("int32", (3, 4)), lambda lib, x: x.sort(0)),
        Sample("uint8", different("uint8", (5,)), lambda lib, x: x.sort(descending=True)),
        Sample("bool", whole("bool", 0, 2, (7,)), lambda lib, x: x.sort(stable=True)),
        Sample(
            "ties", whole("int64", 0, 3, (4, 9)), lambda lib, x: x.sort(dim=1, descending=True, stable=True)
        ),
    ),
)

ARGSORT = Op(
    "argsort",
    (
        *samples("argsort"),
        chosen("argsort", "axis 0", 0),
        chosen("argsort", "descending", 1, True),
        chosen("argsort", "keywords", dim=-2, descending=True, stable=True),
    ),
    errors=(bad("argsort", "no such axis", (2,), (1,), IndexError, "[-1, 0]", "1"),),
    differentiable=False,
    integers=(
        Sample("int64", whole("int64", 0, 3, (4, 9)), lambda lib, x: lib.argsort(x, dim=1, stable=True)),
    ),
)

TOPK = Op(
    "topk",
    (
        *samples("topk", 1),
        chosen("topk", "three", 3),
        chosen("topk", "all", 5, -1),
        chosen("topk", "axis 0", 2, 0),
        chosen("topk", "smallest", 2, 1, False),
        chosen("topk", "keywords", k=2, dim=-2, largest=False, sorted=True),
        Sample("none", distinct((2, 3)), lambda lib, x: lib.topk(x, 0), constant=True),
        Sample("unsorted", distinct((2, 9)), lambda lib, x: lib.topk(x, 4, sorted=False).values.sum(1)),
        Sample("0-d, none", distinct(()), lambda lib, x: lib.topk(x, 0)),
    ),
    errors=(
        bad("topk", "k too large", (2, 3), (4,), RuntimeError, "k=4", "[2, 3]"),
        bad("topk", "k negative", (3,), (-1,), RuntimeError, "k=-1", "[3]"),
        bad("topk", "k not whole", (3,), (1.5,), TypeError, "float"),
        bad("topk", "no such axis", (3,), (1, 1), IndexError, "[-1, 0]", "1"),
        bools("topk", RuntimeError, 1),
    ),
    integers=(
        Sample("int64", different("int64", (3, 4)), lambda lib, x: x.topk(2)),
        Sample("uint8", different("uint8", (5,)), lambda lib, x: x.topk(2, largest=False)),
    ),
)

KTHVALUE = Op(
    "kthvalue",
    (
        *(s for s in samples("kthvalue", 1) if s.kind != "size 0"),
        Sample("size 0", distinct((0, 3)), lambda lib, x: lib.kthvalue(x, 1), constant=True),
        chosen("kthvalue", "third", 3),
        chosen("kthvalue", "axis 0", 2, 0),
        chosen("kthvalue", "keepdim", 2, 1, True),
        chosen("kthvalue", "keywords", k=4, dim=-1, keepdim=True),
    ),
    errors=(
        bad("kthvalue", "k too large", (2, 3), (4,), RuntimeError, "k=4", "[2, 3]"),
        bad("kthvalue", "k is 0", (3,), (0,), RuntimeError, "k=0", "[3]"),
        bad("kthvalue", "no such axis", (3,), (1, 1), IndexError, "[-1, 0]", "1"),
        bad("kthvalue", "nothing", (3, 0), (1,), IndexError, "[3, 0]"),
        bools("kthvalue", NotImplementedError, 1),
    ),
    integers=(Sample("int32", different("int32", (3, 4)), lambda lib, x: x.kthvalue(2, 0)),),
)

MEDIAN = Op(
    "median",
    (
        *(s for s in samples("median") if s.kind != "size 0"),
        Sample("even", distinct((4,)), lambda lib, x: x.median()),
        chosen("median", "axis", 1),
        chosen("median", "even axis", -2, False),
        chosen("median", "keepdim", 0, True),
        chosen("median", "keywords", dim=2, keepdim=True),
        Sample("0-d axis", distinct(()), lambda lib, x: lib.median(x, 0)),
        Sample("nothing", distinct((0,)), lambda lib, x: lib.median(x), constant=True),
        Sample("no rows", distinct((0, 2)), lambda lib, x: lib.median(x, 1), constant=True),
    ),
    errors=(
        bad("median", "no such axis", (2,), (1,), IndexError, "[-1, 0]", "1"),
        bad("median", "nothing along the axis", (2, 0), (1,), IndexError, "[2, 0]"),
        bad("median", "keepdim alone", (2,), (), TypeError, "dim", keepdim=True),
        bools("median", NotImplementedError),
        Bad(
            "bool along an axis",
            lambda lib: lib.median(lib.ones(2, dtype=lib.bool), 0),
            NotImplementedError,
            ("bool",),
        ),
    ),
    integers=(
        Sample("int64", different("int64", (3, 4)), lambda lib, x: x.median()),
        Sample("int32", different("int32", (3, 4)), lambda lib, x: x.median(1)),
        Sample("nothing", whole("int64", 0, 2, (0,)), lambda lib, x: x.median()),
    ),
)

UNIQUE = Op(
    "unique",
    (
        *samples("unique"),
        chosen("unique", "inverse", return_inverse=True),
        chosen("unique", "counts", return_counts=True),
        chosen("unique", "both", True, True, True),
    ),
    errors=(
        Bad(
            "dim",
            lambda lib: lib.unique(lib.ones(2), dim=0),
            NotImplementedError,
            ("dim=0",),
            torch_error=NoError,  # torch has it, we refuse it
        ),
    ),
    differentiable=False,
    integers=(
        Sample("int64", whole("int64", 0, 4, (3, 5)), lambda lib, x: x.unique(True, True, True)),
        Sample("bool", whole("bool", 0, 2, (7,)), lambda lib, x: x.unique(return_counts=True)),
        Sample("unsorted", whole("uint8", 0, 4, (9,)), lambda lib, x: lib.unique(x, sorted=False).sort()[0]),
        Sample("nothing", whole("int64", 0, 4, (0, 2)), lambda lib, x: x.unique(return_inverse=True)),
    ),
)

BINCOUNT = Op(
    "bincount",
    (
        Sample(
            "weights", distinct((5,)), lambda lib, w: lib.bincount(lib.tensor([0, 3, 1, 3, 3]), weights=w)
        ),
        Sample(
            "weights, minlength", distinct((2,)), lambda lib, w: lib.tensor([1, 1]).bincount(w, minlength=4)
        ),
        Sample("nothing", distinct((0,)), lambda lib, w: lib.bincount(lib.zeros(0, dtype=lib.int64), w, 2)),
    ),
    errors=(
        Bad("negative", lambda lib: lib.bincount(lib.tensor([1, -2])), RuntimeError, ("non-negative", "-2")),
        Bad("2-d", lambda lib: lib.bincount(lib.tensor([[1, 2]])), RuntimeError, ("1-d", "[1, 2]")),
        Bad("floating point", lambda lib: lib.bincount(lib.ones(2)), NotImplementedError, ("float32",)),
        Bad("bool", lambda lib: lib.bincount(lib.ones(2, dtype=lib.bool)), NotImplementedError, ("bool",)),
        Bad(
            "weights",
            lambda lib: lib.bincount(lib.tensor([1, 2]), lib.ones(3)),
            RuntimeError,
            ("[2]", "[3]"),
        ),
        Bad("minlength", lambda lib: lib.bincount(lib.tensor([1]), minlength=-1), RuntimeError, ("-1",)),
    ),
    differentiable=False,
    integers=(
        Sample("int64", whole("int64", 0, 6, (20,)), lambda lib, x: lib.bincount(x)),
        Sample("int32", whole("int32", 0, 6, (20,)), lambda lib, x: x.bincount(minlength=9)),
        Sample("uint8", whole("uint8", 0, 6, (20,)), lambda lib, x: x.bincount(None, 3)),
        Sample("nothing", whole("int64", 0, 6, (0,)), lambda lib, x: x.bincount(minlength=2)),
        Sample("whole weights", whole("int64", 0, 6, (9,), (9,)), lambda lib, x, w: x.bincount(w)),
    ),
)

SEARCHSORTED = Op(
    "searchsorted",
    (
        Sample("vector", searches(), lambda lib, s, v: lib.searchsorted(s, v)),
        Sample("right", searches(), lambda lib, s, v: lib.searchsorted(s, v, right=True)),
        Sample("side", searches(), lambda lib, s, v: lib.searchsorted(s, v, side="right", out_int32=True)),
        Sample("sequences", many_searches(), lambda lib, s, v: lib.searchsorted(s, v)),
        Sample("sequences, right", many_searches(), lambda lib, s, v: lib.searchsorted(s, v, side="right")),
        Sample(
            "sorter",
            many_searches(),
            lambda lib, s, v: lib.searchsorted(s.flip(1), v, sorter=lib.tensor([[2, 1, 0], [2, 1, 0]])),
        ),
        Sample("number", searches(), lambda lib, s, v: lib.searchsorted(s, 2.5)),
        Sample("nothing", lambda rng: (np.zeros(0), np.ones(3)), lambda lib, s, v: lib.searchsorted(s, v)),
        Sample("NaN", searches(), lambda lib, s, v: lib.searchsorted(s, v * float("nan"))),
        Sample("NaN in many", many_searches(), lambda lib, s, v: lib.searchsorted(s, v * float("nan"))),
    ),
    errors=(
        Bad(
            "shapes",
            lambda lib: lib.searchsorted(lib.ones(2, 3), lib.ones(2)),
            RuntimeError,
            ("[2, 3]", "[2]"),
        ),
        Bad(
            "stacks",
            lambda lib: lib.searchsorted(lib.ones(2, 3), lib.ones(3, 3)),
            RuntimeError,
            ("[2, 3]", "[3, 3]"),
        ),
        Bad("0-d", lambda lib: lib.searchsorted(lib.ones(()), lib.ones(2)), RuntimeError, ("[]", "[2]")),
        Bad("number", lambda lib: lib.searchsorted(lib.ones(2, 3), 1.0), RuntimeError, ("[2, 3]", "[]")),
        Bad(
            "side",
            lambda lib: lib.searchsorted(lib.ones(2), lib.ones(2), side="middle"),
            RuntimeError,
            ("middle",),
        ),
        Bad(
            "side and right",
            lambda lib: lib.searchsorted(lib.ones(2), lib.ones(2), side="left", right=True),
            RuntimeError,
            ("left", "right"),
        ),
        Bad(
            "sorter",
            lambda lib: lib.searchsorted(lib.ones(2), lib.ones(2), sorter=lib.tensor([0, 1, 2])),
            RuntimeError,
            ("[2]", "[3]"),
        ),
    ),
    differentiable=False,
    integers=(
        Sample(
            "int64",
            lambda rng: (np.array([1, 3, 3, 8]), np.array([0, 3, 9])),
            lambda lib, s, v: lib.searchsorted(s, v),
        ),
    ),
)

BUCKETIZE = Op(
    "bucketize",
    (
        Sample("values", searches(), lambda lib, s, v: lib.bucketize(v, s)),
        Sample("right", searches(), lambda lib, s, v: lib.bucketize(v, s, right=True)),
        Sample("int32", searches(), lambda lib, s, v: lib.bucketize(v, s, out_int32=True)),
        Sample("number", searches(), lambda lib, s, v: lib.bucketize(0.5, s)),
    ),
    errors=(
        Bad("boundaries", lambda lib: lib.bucketize(lib.ones(2), lib.ones(1, 3)), RuntimeError, ("[1, 3]",)),
    ),
    differentiable=False,
)

ISIN = Op(
    "isin",
    (
        Sample("tensors", distinct((2, 3), (4,)), lambda lib, x, y: lib.isin(x, y)),
        Sample("invert", distinct((2, 3), (4,)), lambda lib, x, y: lib.isin(x, y, invert=True)),
        Sample("number", distinct((2, 3)), lambda lib, x: lib.isin(x, 0.05)),
        Sample("number on the left", distinct((2, 3)), lambda lib, x: lib.isin(0.05, x)),
        Sample("size 0", distinct((0,), (4,)), lambda lib, x, y: lib.isin(x, y)),
    ),
    errors=(Bad("no Tensor", lambda lib: lib.isin(1, 2), TypeError, ("Tensor",)),),
    differentiable=False,
    integers=(
        Sample(
            "int64",
            whole("int64", 0, 9, (7,), (3,)),
            lambda lib, x, y: lib.isin(x, y, assume_unique=False),
        ),
    ),
)

OPS = (SORT, ARGSORT, TOPK, KTHVALUE, MEDIAN, UNIQUE, BINCOUNT, SEARCHSORTED, BUCKETIZE, ISIN)
