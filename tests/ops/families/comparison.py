"""Comparisons, logic, choices and limits."""

from __future__ import annotations

from typing import Any

from tests.ops.op import Bad, Op, Sample, binary_samples, distinct, normal, staggered, unary_samples, whole

INF = float("inf")


def _relation(name: str) -> Op:
    def call(lib: Any, x: Any, y: Any) -> Any:
        return getattr(lib, name)(x, y)

    return Op(
        name,
        (
            *binary_samples(staggered, call),
            Sample("number", distinct((3, 4)), lambda lib, x: call(lib, x, 0.15)),
            Sample("method", distinct((3, 4)), lambda lib, x: getattr(x, name)(0.15)),
        ),
        errors=(
            Bad(
                "shapes", lambda lib: call(lib, lib.ones(2, 3), lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")
            ),
        ),
        differentiable=False,
        integers=(
            Sample("int64", whole("int64", 0, 3, (4, 5), (5,)), call),
            Sample(
                "int64 and bool",
                whole("int64", 0, 3, (4, 5)),
                lambda lib, x: call(lib, x, lib.tensor([True])),
            ),
            Sample("uint8 and 1.5", whole("uint8", 0, 3, (4, 5)), lambda lib, x: call(lib, x, 1.5)),
        ),
    )


def _logic(name: str) -> Op:
    def call(lib: Any, x: Any, y: Any) -> Any:
        return getattr(lib, name)(x, y)

    return Op(
        name,
        (
            Sample(
                "float", lambda rng: (rng.integers(0, 2, (3, 4)) * 0.5, rng.integers(0, 2, 4) * -2.0), call
            ),
        ),
        errors=(
            Bad(
                "shapes", lambda lib: call(lib, lib.ones(2, 3), lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")
            ),
        ),
        differentiable=False,
        integers=(
            Sample("bool", whole("bool", 0, 2, (3, 4), (4,)), call),
            Sample("int64", whole("int64", 0, 3, (3, 4), (4,)), call),
        ),
    )


def _bits(name: str, operator: Any) -> Op:
    def call(lib: Any, x: Any, y: Any) -> Any:
        return getattr(lib, name)(x, y)

    return Op(
        name,
        (),
        errors=(
            Bad("float", lambda lib: call(lib, lib.ones(2), lib.ones(2)), RuntimeError, ("floating point",)),
        ),
        differentiable=False,
        integers=(
            Sample("bool", whole("bool", 0, 2, (3, 4), (4,)), call),
            Sample("int64", whole("int64", -9, 9, (3, 4), (4,)), call),
            Sample("uint8 and 5", whole("uint8", 0, 9, (3, 4)), lambda lib, x: call(lib, x, 5)),
            Sample("operator", whole("int32", 0, 9, (3, 4), (4,)), lambda lib, x, y: operator(x, y)),
        ),
    )


def _clamp(low: Any, high: Any) -> Any:
    return lambda lib, x: lib.clamp(x, low, high)


OPS = (
    *(_relation(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")),
    *(_logic(name) for name in ("logical_and", "logical_or", "logical_xor")),
    Op(
        "logical_not",
        (Sample("float", distinct((3, 4)), lambda lib, x: lib.logical_not(x)),),
        differentiable=False,
        integers=(Sample("int64", whole("int64", 0, 2, (4,)), lambda lib, x: x.logical_not()),),
    ),
    _bits("bitwise_and", lambda x, y: x & y),
    _bits("bitwise_or", lambda x, y: x | y),
    _bits("bitwise_xor", lambda x, y: x ^ y),
    Op(
        "bitwise_not",
        (),
        differentiable=False,
        errors=(Bad("float", lambda lib: ~lib.ones(2), TypeError, ("float32",)),),
        integers=(
            Sample("bool", whole("bool", 0, 2, (4,)), lambda lib, x: ~x),
            Sample("int32", whole("int32", -4, 4, (4,)), lambda lib, x: lib.bitwise_not(x)),
            Sample("shifts", whole("int64", 0, 9, (4,)), lambda lib, x: (x << 2) + (x >> 1)),
        ),
    ),
    Op(
        "isclose",
        (
            Sample(
                "close and not",
                normal((3, 4)),
                lambda lib, x: lib.isclose(x, x + lib.tensor([0, 1e-9, 1e-3, 1], dtype=x.dtype)),
            ),
            Sample(
                "infinite",
                normal((2,)),
                lambda lib, x: lib.isclose(x * INF, x * INF) | lib.isclose(x * INF, x),
            ),
            Sample(
                "nan",
                normal((2,)),
                lambda lib, x: lib.isclose(x * float("nan"), x * float("nan"), equal_nan=True),
            ),
        ),
        differentiable=False,
        errors=(
            Bad(
                "tolerance",
                lambda lib: lib.isclose(lib.ones(2), lib.ones(2), rtol=-1.0),
                RuntimeError,
                ("-1.0",),
            ),
            Bad(
                "dtypes",
                lambda lib: lib.isclose(lib.ones(2), lib.ones(2).double()),
                RuntimeError,
                ("float32", "float64"),
            ),
        ),
    ),
    Op(
        "where",
        (
            *binary_samples(staggered, lambda lib, x, y: lib.where(x > y, x, y)),
            Sample(
                "numbers",
                distinct((2, 3)),
                lambda lib, x: lib.where(x > 0.1, x, 0.5) + lib.where(x > 0.2, -1.0, x),
            ),
            Sample(
                "condition repeated",
                normal((2, 1), (1, 3)),
                lambda lib, x, y: lib.where(lib.tensor([[[True]], [[False]]]), x, y),
            ),
            Sample(
                "method", normal((2, 3), (3,)), lambda lib, x, y: x.where(lib.tensor([True, False, True]), y)
            ),
        ),
        errors=(
            Bad("condition", lambda lib: lib.where(lib.ones(2), lib.ones(2), 0.0), RuntimeError, ("float",)),
            Bad(
                "shapes",
                lambda lib: lib.where(lib.ones(2) > 0, lib.ones(3), 0.0),
                RuntimeError,
                ("[2]", "[3]"),
            ),
        ),
        integers=(
            Sample("int64 and 2.5", whole("int64", 0, 5, (3,)), lambda lib, x: lib.where(x > 2, x, 2.5)),
            Sample("two numbers", whole("bool", 0, 2, (3,)), lambda lib, x: lib.where(x, 1.0, 0.0)),
            Sample("condition alone", whole("bool", 0, 2, (3, 4)), lambda lib, x: lib.where(x)),
        ),
    ),
    *(
        Op(
            name,
            (
                *binary_samples(staggered, lambda lib, x, y, name=name: getattr(lib, name)(x, y)),
                Sample("method", staggered((2, 3), (3,)), lambda lib, x, y, name=name: getattr(x, name)(y)),
            ),
            errors=(
                Bad(
                    "shapes",
                    lambda lib, name=name: getattr(lib, name)(lib.ones(2, 3), lib.ones(4)),
                    RuntimeError,
                    ("[2, 3]", "[4]"),
                ),
                Bad(
                    "number",
                    lambda lib, name=name: getattr(lib, name)(lib.ones(2), 1.0),
                    TypeError,
                    ("float",),
                ),
            ),
            integers=(
                Sample(
                    "int64",
                    whole("int64", 0, 5, (3, 4), (4,)),
                    lambda lib, x, y, name=name: getattr(lib, name)(x, y),
                ),
            ),
        )
        for name in ("maximum", "minimum")
    ),
    Op(
        "clamp",
        (
            *unary_samples(distinct, _clamp(-0.21, 0.33)),
            Sample("below", distinct((3, 4)), _clamp(-0.21, None)),
            Sample("above", distinct((3, 4)), _clamp(None, 0.33)),
            Sample("limits crossed", distinct((3, 4)), lambda lib, x: lib.clamp(x, 0.4, -0.4) + x),
            Sample("whole limits", distinct((3, 4)), lambda lib, x: x.clamp(0, 1)),
            Sample(
                "tensors",
                staggered((3, 4), (4,), (3, 1)),
                lambda lib, x, low, high: lib.clamp(x, low - 0.3, high + 0.3),
            ),
            Sample("clamp_min", distinct((3, 4)), lambda lib, x: lib.clamp_min(x, 0.12) + x.clamp_max(0.22)),
            Sample("in place", distinct((3, 4)), lambda lib, x: (x * 2).clamp_(min=-0.53, max=0.41)),
        ),
        errors=(Bad("no limit", lambda lib: lib.clamp(lib.ones(2)), RuntimeError, ("min", "max")),),
        integers=(
            Sample("int64", whole("int64", -5, 5, (6,)), _clamp(-2, 3)),
            Sample("int64 and 1.5", whole("int64", -5, 5, (6,)), _clamp(-1.5, 1.5)),
        ),
    ),
)
