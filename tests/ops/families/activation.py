"""Activations: straight in pieces, smooth, and softmax. Each sample keeps off the kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import (
    Arrays,
    Bad,
    Make,
    Op,
    Sample,
    distinct,
    named,
    normal,
    strided,
    transposed,
    unary_samples,
    whole,
)

Call = Callable[..., Any]


def far(*shapes: tuple[int, ...]) -> Make:
    """Distinct values moved up by 1.7: one alone lies beyond the bends at 0.5 and 1, off those at 3."""
    return lambda rng: tuple(array + 1.7 for array in distinct(*shapes)(rng))


def wide(*shapes: tuple[int, ...]) -> Make:
    """Distinct values, three times as far apart."""

    def make(rng: np.random.Generator) -> Arrays:
        return tuple(array * 3 for array in distinct(*shapes)(rng))

    return make


def functional(name: str, *args: Any, **options: Any) -> Call:
    return named("nn.functional." + name, *args, **options)


def in_place(name: str, *args: Any) -> Call:
    """The activation of a copy, in place."""
    return lambda lib, x: getattr(lib.nn.functional, name)(x * 1, *args, inplace=True)


def wrong(name: str, *args: Any) -> tuple[Bad, ...]:
    """Whole numbers, and no tensor."""
    return (
        Bad(
            "whole numbers",
            lambda lib: getattr(lib.nn.functional, name)(lib.arange(3), *args),
            RuntimeError,
            ("int64", "[3]"),
        ),
        Bad(
            "a list", lambda lib: getattr(lib.nn.functional, name)([1.0], *args), TypeError, ("input", "list")
        ),
    )


def activation(
    name: str,
    make: Callable[..., Make] = normal,
    options: dict[str, dict[str, Any]] | None = None,
    args: tuple[Any, ...] = (),
    inplace: bool = True,
    **facts: Any,
) -> Op:
    """An activation of each element, with a sample of every option, and in place."""
    facts.setdefault("errors", wrong(name, *args))
    samples = unary_samples(make, functional(name, *args))
    more = [
        Sample(kind, make((3, 5)), functional(name, *args, **chosen))
        for kind, chosen in (options or {}).items()
    ]
    if inplace:
        more.append(Sample("in place", make((3, 4)), in_place(name, *args)))
    return Op(f"nn.functional.{name}", (*samples, *more), **facts)


NUMBERS = whole("int64", -9, 9, (3, 4))
BOOL = whole("bool", 0, 2, (3,))

STRAIGHT = (
    activation(
        "relu",
        distinct,
        errors=(
            Bad("bool", lambda lib: lib.relu(lib.ones(2, dtype=lib.bool)), RuntimeError, ("bool", "[2]")),
            Bad("a number", lambda lib: lib.nn.functional.relu(1.0), TypeError, ("float",)),
        ),
        integers=(Sample("int64", NUMBERS, functional("relu")),),
    ),
    activation(
        "relu6",
        wide,
        errors=(
            Bad(
                "bool",
                lambda lib: lib.nn.functional.relu6(lib.ones(2, dtype=lib.bool)),
                RuntimeError,
                ("bool", "[2]"),
            ),
        ),
        integers=(Sample("int64", NUMBERS, functional("relu6")),),
    ),
    activation("leaky_relu", distinct, {"slope": {"negative_slope": 0.3}, "slope 0": {"negative_slope": 0}}),
    activation(
        "rrelu",
        distinct,
        {"bounds": {"lower": 0.1, "upper": 0.5}, "one slope": {"lower": 0.2, "upper": 0.2, "training": True}},
        errors=(
            *wrong("rrelu"),
            Bad(
                "bounds",
                lambda lib: lib.nn.functional.rrelu(lib.ones(2), 0.5, 0.2),
                RuntimeError,
                ("0.5", "0.2"),
            ),
        ),
    ),
    activation(
        "hardtanh",
        distinct,
        {"bounds": {"min_val": -0.5, "max_val": 2.0}},
        errors=(
            Bad(
                "bounds",
                lambda lib: lib.nn.functional.hardtanh(lib.ones(2), 1, -1),
                ValueError,
                ("min_val", "1", "-1"),
            ),
            Bad(
                "unsigned",
                lambda lib: lib.nn.functional.hardtanh(lib.ones(2, dtype=lib.uint8)),
                RuntimeError,
                ("unsigned", "-1"),
            ),
            Bad(
                "bool",
                lambda lib: lib.nn.functional.hardtanh(lib.ones(2, dtype=lib.bool)),
                RuntimeError,
                ("bool",),
            ),
        ),
        integers=(
            Sample("int64", NUMBERS, functional("hardtanh")),
            Sample("int64 bounds", NUMBERS, functional("hardtanh", -2.5, 3.5)),
        ),
    ),
    activation("hardsigmoid", wide),
    activation("hardswish", wide),
    activation(
        "threshold",
        far,
        {},
        (0.3, -2.0),
        errors=(
            Bad(
                "bool",
                lambda lib: lib.nn.functional.threshold(lib.ones(2, dtype=lib.bool), 1, 2),
                RuntimeError,
                ("bool", "[2]"),
            ),
        ),
        integers=(Sample("int64", NUMBERS, functional("threshold", 1.5, 7.9)),),
    ),
    activation("hardshrink", far, {"bound": {"lambd": 1.0}}, inplace=False),
    activation(
        "softshrink",
        far,
        {"bound": {"lambd": 1.0}},
        inplace=False,
        errors=(
            *wrong("softshrink"),
            Bad(
                "lambd", lambda lib: lib.nn.functional.softshrink(lib.ones(2), -1.0), RuntimeError, ("-1.0",)
            ),
        ),
    ),
    Op(
        "prelu",
        (
            Sample(
                "one weight", lambda rng: (*distinct((2, 3, 2))(rng), np.array([0.3])), functional("prelu")
            ),
            Sample("0-d", lambda rng: (*distinct(())(rng), np.array(0.3)), functional("prelu")),
            Sample("0-d below 0", lambda rng: (np.array(-0.4), np.array([0.3])), functional("prelu")),
            Sample("channels", distinct((2, 3, 5, 7), (3,)), lambda lib, x, w: lib.prelu(x, w)),
            Sample("rows", distinct((4, 3), (3,)), lambda lib, x, w: x.prelu(w)),
            Sample("one axis", distinct((4,), (1,)), functional("prelu")),
            Sample("size 0", distinct((0, 3), (3,)), functional("prelu"), constant=True),
            Sample("transposed", transposed(distinct, (4, 3), (3,)), functional("prelu")),
            Sample("strided", strided(distinct, (4, 3), (3,)), functional("prelu")),
        ),
        errors=(
            Bad(
                "channels",
                lambda lib: lib.prelu(lib.ones(2, 3), lib.ones(2)),
                RuntimeError,
                ("= 2", "= 3", "[2, 3]"),
            ),
            Bad("one axis", lambda lib: lib.prelu(lib.ones(3), lib.ones(3)), RuntimeError, ("= 3", "= 1")),
            Bad("no axes", lambda lib: lib.prelu(lib.ones(()), lib.ones(3)), RuntimeError, ("[]",)),
            Bad("matrix", lambda lib: lib.prelu(lib.ones(2, 3), lib.ones(3, 1)), RuntimeError, ("[3, 1]",)),
            Bad(
                "dtypes",
                lambda lib: lib.prelu(lib.ones(2), lib.ones(1, dtype=lib.float64)),
                RuntimeError,
                ("float32", "float64"),
            ),
        ),
    ),
)

SMOOTH = (
    activation("elu", distinct, {"alpha": {"alpha": 0.3}, "scaled": {"alpha": 2}}),
    activation(
        "celu",
        distinct,
        # float32 holds these exactly: torch rounds alpha to it in the gradient, whatever the dtype
        {"alpha": {"alpha": 0.25}, "negative": {"alpha": -1.5}},
        errors=(
            *wrong("celu"),
            Bad("alpha", lambda lib: lib.celu(lib.ones(2), 0.0), RuntimeError, ("alpha", "0")),
        ),
    ),
    activation("selu", distinct),
    activation("silu"),
    activation("mish"),
    activation(
        "gelu",
        options={"tanh": {"approximate": "tanh"}},
        inplace=False,
        errors=(
            *wrong("gelu"),
            Bad(
                "approximate",
                lambda lib: lib.nn.functional.gelu(lib.ones(2), approximate="sigmoid"),
                RuntimeError,
                ("none", "tanh"),
            ),
        ),
    ),
    activation(
        "softplus",
        options={
            "beta": {"beta": 2.5},
            "threshold": {"threshold": 0.6},
            "both": {"beta": -2, "threshold": 0.66},
        },
        make=distinct,
        inplace=False,
    ),
    activation("logsigmoid", inplace=False),
    activation(
        "tanhshrink",
        inplace=False,
        errors=(),
        integers=(Sample("int64", NUMBERS, functional("tanhshrink")),),
    ),
    activation(
        "softsign",
        distinct,
        inplace=False,
        errors=(
            Bad(
                "bool",
                lambda lib: lib.nn.functional.softsign(lib.ones(2, dtype=lib.bool)),
                RuntimeError,
                ("bool",),
            ),
        ),
        integers=(Sample("int64", NUMBERS, functional("softsign")),),
    ),
    Op(
        "nn.functional.glu",
        (
            Sample("last axis", normal((2, 3, 4)), functional("glu")),
            Sample("axis 0", normal((6, 3)), functional("glu", 0)),
            Sample("negative axis", transposed(normal, (5, 4, 3)), functional("glu", -2)),
            Sample("strided", strided(normal, (3, 4)), functional("glu", dim=1)),
            Sample("size 0", normal((2, 0)), functional("glu"), constant=True),
        ),
        errors=(
            wrong("glu")[0],
            Bad(
                "odd",
                lambda lib: lib.nn.functional.glu(lib.ones(2, 3)),
                RuntimeError,
                ("1 is size 3", "[2, 3]"),
            ),
            Bad("0-d", lambda lib: lib.nn.functional.glu(lib.ones(())), RuntimeError, ("scalars",)),
            Bad("axis", lambda lib: lib.nn.functional.glu(lib.ones(2, 4), 3), IndexError, ("[-2, 1]", "3")),
        ),
    ),
)


def softmax(name: str, top_level: bool = True) -> Op:
    """Softmax or one of its kin: all axes, shapes, layouts, and dtype=."""

    def call(lib: Any, x: Any, *args: Any, **options: Any) -> Any:
        return getattr(lib.nn.functional, name)(x, *args, **options)

    samples = [
        Sample("axis 1", normal((3, 4, 2)), lambda lib, x: call(lib, x, 1)),
        Sample("axis 0", transposed(normal, (3, 4)), lambda lib, x: call(lib, x, dim=0)),
        Sample("last axis", strided(normal, (3, 4)), lambda lib, x: call(lib, x, -1)),
        Sample("odd sizes", normal((5, 3, 7)), lambda lib, x: call(lib, x, 2)),
        Sample("0-d", normal(()), lambda lib, x: call(lib, x, 0), constant=True),
        Sample("size 1", normal((3, 1)), lambda lib, x: call(lib, x, 1), constant=True),
        Sample("size 0", normal((0, 4)), lambda lib, x: call(lib, x, 1), constant=True),
        Sample("no classes", normal((4, 0)), lambda lib, x: call(lib, x, 1), constant=True),
        Sample("dtype", normal((3, 4)), lambda lib, x: call(lib, x, 1, dtype=lib.float64)),
    ]
    if top_level:
        samples += [
            Sample("top level", normal((3, 4)), lambda lib, x: getattr(lib, name)(x, 0)),
            Sample("method", normal((3, 4)), lambda lib, x: getattr(x, name)(1, dtype=lib.float64)),
        ]
    return Op(
        f"nn.functional.{name}",
        tuple(samples),
        errors=(
            Bad("axis", lambda lib: call(lib, lib.ones(2, 3), 2), IndexError, ("[-2, 1]", "2")),
            Bad("axis below", lambda lib: call(lib, lib.ones(()), -2), IndexError, ("[-1, 0]", "-2")),
            Bad("whole numbers", lambda lib: call(lib, lib.arange(3), 0), RuntimeError, ("int64",)),
        ),
        integers=(
            Sample("dtype", whole("int64", -3, 4, (3, 4)), lambda lib, x: call(lib, x, 1, dtype=lib.float32)),
        ),
    )


OPS = (*STRAIGHT, *SMOOTH, softmax("softmax"), softmax("log_softmax"), softmax("softmin", top_level=False))
