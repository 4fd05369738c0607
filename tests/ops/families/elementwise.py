"""Exponentials, logarithms, roots, absolute values, the error function, sigmoid and its inverse, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import (
    Bad,
    Make,
    Op,
    Sample,
    channels_last,
    distinct,
    named,
    normal,
    positive,
    unary_samples,
    whole,
    within,
)

Call = Callable[..., Any]
SIGNED = whole("int64", -9, 9, (3, 4))
WHOLE = {
    "int64": SIGNED,
    "int32": whole("int32", 1, 9, (3, 4)),
    "uint8": whole("uint8", 0, 9, (5,)),
    "bool": whole("bool", 0, 2, (4,)),
    "0-d int64": whole("int64", 2, 9, ()),
}


def whole_samples(name: str, *left_out: str) -> tuple[Sample, ...]:
    """Samples of whole numbers and bools in all dtypes but some."""
    return tuple(Sample(kind, make, named(name)) for kind, make in WHOLE.items() if kind not in left_out)


def no_tensor(name: str, called: str | None = None) -> tuple[Bad, ...]:
    """A number and a list in the place of a tensor; `called` is the function's name in messages."""
    words = (called or name, "input")
    return (
        Bad("a number", lambda lib: getattr(lib, name)(1.5), TypeError, (*words, "float")),
        Bad("a list", lambda lib: getattr(lib, name)([1.5]), TypeError, (*words, "list")),
    )


def no_bool(name: str, called: str | None = None) -> Bad:
    return Bad(
        "bool",
        lambda lib: getattr(lib, name)(lib.ones(2, 3, dtype=lib.bool)),
        NotImplementedError,
        (called or name, "bool", "[2, 3]"),
    )


def smooth(name: str, make: Callable[..., Make], *more: Sample) -> Op:
    """A function of real numbers: whole numbers become float32."""
    samples = unary_samples(make, named(name))
    return Op(name, (*samples, *more), errors=no_tensor(name), integers=whole_samples(name))


def copies() -> tuple[Op, ...]:
    """Copies in memory, dtype and device."""
    return (
        Op(
            "Tensor.clone",
            (
                *unary_samples(normal, lambda lib, x: x.clone()),
                Sample("channels last", channels_last(normal, (2, 3, 4, 5)), lambda lib, x: x.clone()),
            ),
            integers=(Sample("int64", SIGNED, lambda lib, x: x.clone()),),
        ),
        Op(
            "Tensor.double",
            # the power makes the second derivative other than zero
            unary_samples(positive, lambda lib, x: x.to(lib.float64) ** 2),
            integers=(Sample("int64", SIGNED, lambda lib, x: x.to(lib.float64)),),
        ),
    )


OPS = (
    smooth("exp", normal, Sample("twice", normal((3,)), lambda lib, x: lib.exp(lib.exp(x)))),
    smooth("exp2", normal),
    smooth("expm1", normal, Sample("small", within(-1e-3, 1e-3)((5,)), named("expm1"))),
    smooth("log", positive),
    smooth("log1p", within(-0.5, 2), Sample("small", within(-1e-3, 1e-3)((5,)), named("log1p"))),
    smooth("log2", positive),
    smooth("log10", positive),
    smooth("sqrt", positive),
    smooth("rsqrt", positive),
    smooth("reciprocal", positive, Sample("negative", within(-2, -0.5)((5,)), named("reciprocal"))),
    Op(
        "square",
        unary_samples(normal, named("square")),
        errors=no_tensor("square"),
        integers=whole_samples("square"),
    ),
    Op(
        "abs",
        unary_samples(distinct, named("abs")),
        errors=(*no_tensor("abs"), no_bool("abs")),
        integers=whole_samples("abs", "bool"),
    ),
    smooth("tanh", normal),
    smooth("sigmoid", normal, Sample("far", within(-9, 9)((3, 5)), named("sigmoid"))),
    Op(
        "logit",
        (
            *unary_samples(within(0.1, 0.9), named("logit")),
            Sample("eps", within(0, 1)((4, 5)), named("logit", 0.2)),
            Sample("eps by name", within(0, 1)((4, 5)), named("logit", eps=0.3)),
            Sample("negative eps", within(0.1, 0.9)((5,)), named("logit", -0.1)),
        ),
        errors=(
            *no_tensor("logit"),
            Bad("eps", lambda lib: lib.logit(lib.ones(2), "a"), TypeError, ("eps", "str")),
        ),
        integers=whole_samples("logit"),
    ),
    smooth("erf", normal, Sample("far", within(-7, 7)((3, 5)), named("erf"))),
    smooth("erfc", normal, Sample("far", within(-7, 7)((3, 5)), named("erfc"))),
    *copies(),
)
