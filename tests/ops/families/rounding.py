"""Rounding, signs, and what is not a finite number. Each sample of a rounding keeps off the jumps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.ops.families.elementwise import SIGNED, named, no_bool, no_tensor, whole_samples
from tests.ops.op import Arrays, Bad, Make, Op, Sample, normal, unary_samples, whole


def between(*shapes: tuple[int, ...]) -> Make:
    """Numbers in [-4, 5) whose decimals lie in (0.1, 0.4) or (0.6, 0.9)."""

    def make(rng: np.random.Generator) -> Arrays:
        return tuple(
            np.asarray(rng.integers(-8, 9, shape) / 2 + rng.uniform(0.1, 0.4, shape)) for shape in shapes
        )

    return make


def holed(*shapes: tuple[int, ...]) -> Make:
    """Normal numbers, every third of them NaN, inf or -inf."""

    def make(rng: np.random.Generator) -> Arrays:
        arrays = normal(*shapes)(rng)
        for array in arrays:
            holes = array.reshape(-1)[::3]  # a view: the arrays are contiguous
            holes[...] = np.resize([np.nan, np.inf, -np.inf], holes.shape)
        return arrays

    return make


def constant(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """The same samples, marked as having no gradient but zero."""
    return tuple(replace(sample, constant=True) for sample in samples)


def sign(name: str) -> Op:
    return Op(
        name,
        constant(unary_samples(between, named(name))),
        errors=no_tensor(name, "sign"),
        integers=whole_samples(name),
    )


def rounding(name: str, called: str | None = None) -> Op:
    """A function that is constant in pieces; `called` is its name in messages."""
    return Op(
        name,
        constant(unary_samples(between, named(name))),
        errors=(*no_tensor(name, called), no_bool(name, called)),
        integers=whole_samples(name, "bool"),
    )


def question(name: str) -> Op:
    """A question about each element."""
    return Op(
        name,
        unary_samples(holed, named(name)),
        errors=no_tensor(name),
        differentiable=False,
        integers=whole_samples(name),
    )


ROUND = Op(
    "round",
    constant(
        (
            *unary_samples(between, named("round")),
            Sample("decimals", between((3, 4)), named("round", decimals=2)),
            Sample("tens", lambda rng: (between((3, 4))(rng)[0] * 10,), named("round", decimals=-1)),
            Sample("method", between((3, 4)), lambda lib, x: x.round(decimals=1)),
        )
    ),
    errors=(
        *no_tensor("round"),
        no_bool("round"),
        Bad(
            "whole numbers with decimals",
            lambda lib: lib.round(lib.arange(4), decimals=1),
            NotImplementedError,
            ("int64", "[4]"),
        ),
        Bad("decimals", lambda lib: lib.round(lib.ones(2), decimals=1.5), TypeError, ("round", "decimals")),
        Bad("position", lambda lib: lib.round(lib.ones(2), 1), TypeError, ("round",)),
    ),
    integers=whole_samples("round", "bool"),
)

NAN_TO_NUM = Op(
    "nan_to_num",
    (
        *unary_samples(normal, named("nan_to_num")),
        Sample("nan, inf, -inf", holed((3, 5)), named("nan_to_num"), constant=True),
        Sample("numbers", holed((3, 5)), named("nan_to_num", 1, 2.5, -3), constant=True),
        Sample("by name", holed((3, 5)), named("nan_to_num", neginf=-7.0, nan=0.5), constant=True),
    ),
    errors=(
        *no_tensor("nan_to_num"),
        Bad("nan", lambda lib: lib.nan_to_num(lib.ones(2), "a"), TypeError, ("nan", "str")),
        Bad("posinf", lambda lib: lib.nan_to_num(lib.ones(2), posinf=[1]), TypeError, ("posinf", "list")),
    ),
    integers=(*whole_samples("nan_to_num"), Sample("numbers", SIGNED, named("nan_to_num", 1, 2, 3))),
)

OPS = (
    sign("sign"),
    sign("sgn"),
    rounding("floor"),
    rounding("ceil"),
    rounding("trunc"),
    rounding("fix", "trunc"),
    ROUND,
    Op(
        "frac",
        unary_samples(between, named("frac")),
        errors=(
            *no_tensor("frac"),
            no_bool("frac"),
            Bad("whole numbers", lambda lib: lib.frac(lib.arange(3)), NotImplementedError, ("int64", "[3]")),
        ),
    ),
    *(question(name) for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit")),
    NAN_TO_NUM,
    Op(
        "positive",
        unary_samples(normal, named("positive")),
        errors=(
            *no_tensor("positive"),
            Bad(
                "bool",
                lambda lib: lib.positive(lib.ones(2, dtype=lib.bool)),
                RuntimeError,
                ("bool", "[2]"),
            ),
        ),
        integers=(
            Sample("int64", SIGNED, named("positive")),
            Sample("uint8", whole("uint8", 0, 9, (3,)), named("positive")),
        ),
    ),
)
