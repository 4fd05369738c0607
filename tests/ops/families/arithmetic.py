"""Arithmetic of two sides, and the three-sided forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import (
    Bad,
    Op,
    Sample,
    binary_samples,
    normal,
    positive,
    staggered,
    unary_samples,
    whole,
)

DTYPES = ("int64", "int32", "uint8", "bool")


def _whole(call: Callable[..., Any], *dtypes: str, low: int = 1) -> tuple[Sample, ...]:
    """Samples of two tensors of whole numbers, of one with a number, and of two that meet."""
    samples = []
    for dtype in dtypes:
        samples.append(Sample(f"{dtype}", whole(dtype, low, 7, (2, 3), (3,)), call))
        samples.append(Sample(f"{dtype} and 3", whole(dtype, low, 7, (4,)), lambda lib, x: call(lib, x, 3)))
        samples.append(
            Sample(f"{dtype} and 1.5", whole(dtype, low, 7, (4,)), lambda lib, x: call(lib, x, 1.5))
        )
        samples.append(
            Sample(
                f"0-d {dtype} and int64",
                whole(dtype, low, 7, ()),
                lambda lib, x: call(lib, x, lib.tensor([2, 5])),
            )
        )
    return tuple(samples)


def _shapes_differ(name: str) -> Bad:
    return Bad(
        "shapes",
        lambda lib: getattr(lib, name)(lib.ones(2, 3), lib.ones(4)),
        RuntimeError,
        ("[2, 3]", "[4]"),
    )


def _no_number(name: str) -> Bad:
    return Bad("no number", lambda lib: getattr(lib, name)(lib.ones(2), "a"), TypeError, ("str",))


def _binary(name: str, make: Any, *more: Sample, dtypes: tuple[str, ...] = DTYPES, **options: Any) -> Op:
    def call(lib: Any, x: Any, y: Any) -> Any:
        return getattr(lib, name)(x, y)

    return Op(
        name,
        (*binary_samples(make, call), *more),
        errors=(_shapes_differ(name), _no_number(name)),
        integers=_whole(call, *dtypes),
        **options,
    )


OPS = (
    _binary(
        "add",
        positive,
        Sample("numbers on both sides", normal((2, 3)), lambda lib, x: 2 + x + 1.5),
        Sample("alpha", normal((2, 3), (3,)), lambda lib, x, y: lib.add(x, y, alpha=-2.5)),
        Sample("method", normal((2, 3), ()), lambda lib, x, y: x.add(y, alpha=2) + x.add(1)),
        Sample("in place", normal((2, 3), (3,)), lambda lib, x, y: (x * 1).add_(y, alpha=2)),
    ),
    _binary(
        "sub",
        positive,
        Sample("numbers on both sides", normal((2, 3)), lambda lib, x: 2 - (x - 1.5)),
        Sample("alpha", normal((2, 3), (3,)), lambda lib, x, y: lib.sub(x, y, alpha=3)),
        Sample("reversed", normal((2, 3), (3,)), lambda lib, x, y: lib.rsub(x, y, alpha=3)),
        Sample("in place", normal((2, 3), (3,)), lambda lib, x, y: (x * 1).sub_(y, alpha=0.5)),
        dtypes=("int64", "int32", "uint8"),
    ),
    _binary(
        "mul",
        positive,
        Sample("numbers on both sides", normal((2, 3)), lambda lib, x: 2 * x * 1.5),
        Sample("with itself", normal((2, 3)), lambda lib, x: x * x),
        Sample("in place", normal((2, 3), (3,)), lambda lib, x, y: (x * 1).mul_(y)),
        Sample(
            "in place by a constant",
            normal((2, 3)),
            lambda lib, x: (x * 1).mul_(lib.full((3,), 2.0, dtype=x.dtype)),
        ),
    ),
    _binary(
        "div",
        positive,
        Sample("numbers on both sides", positive((2, 3)), lambda lib, x: 2 / x / 1.5),
        Sample("of a whole number", positive((2,)), lambda lib, x: lib.tensor([1, 2]) / x),
        Sample("in place", positive((2, 3), (3,)), lambda lib, x, y: (x * 1).div_(y)),
        Sample(
            "rounded down",
            staggered((2, 3), (3,)),
            lambda lib, x, y: lib.div(x, y, rounding_mode="floor") + x * y,
        ),
        Sample(
            "towards zero",
            staggered((2, 3), (3,)),
            lambda lib, x, y: lib.div(x, y, rounding_mode="trunc") + x * y,
        ),
    ),
    _binary(
        "pow",
        positive,
        Sample(
            "numbers on both sides",
            positive((2, 3)),
            lambda lib, x: 2**x + x**2.5 + x**0 + x**-1 + x**2 + x**1,
        ),
        Sample("whole exponent", normal((2, 3)), lambda lib, x: x**3 + x ** lib.tensor([2, 3, 0])),
        Sample("in place", positive((2, 3), (3,)), lambda lib, x, y: (x * 1).pow_(y)),
        dtypes=("int64", "int32", "uint8"),
    ),
    Op(
        "neg",
        unary_samples(normal, lambda lib, x: lib.neg(x)),
        integers=(Sample("int64", whole("int64", -3, 3, (4,)), lambda lib, x: -x),),
        errors=(Bad("bool", lambda lib: lib.neg(lib.tensor([True])), RuntimeError, ("bool",)),),
    ),
    _binary("floor_divide", positive, dtypes=("int64", "int32", "uint8"), differentiable=False),
    Op(
        "remainder",
        (
            *binary_samples(positive, lambda lib, x, y: lib.remainder(x, y)),
            Sample("signs", staggered((4, 5)), lambda lib, x: x % 0.7 + x % -0.7),
            Sample("in place", positive((2, 3), (3,)), lambda lib, x, y: (x * 1).remainder_(y)),
        ),
        errors=(_shapes_differ("remainder"),),
        integers=_whole(lambda lib, x, y: lib.remainder(x, y), "int64", "int32", "uint8"),
    ),
    Op(
        "fmod",
        (
            *binary_samples(positive, lambda lib, x, y: lib.fmod(x, y)),
            Sample("signs", staggered((4, 5)), lambda lib, x: lib.fmod(x, 0.7) + lib.fmod(x, -0.7)),
        ),
        errors=(_shapes_differ("fmod"),),
        integers=_whole(lambda lib, x, y: lib.fmod(x, y), "int64", "int32", "uint8"),
    ),
    Op(
        "lerp",
        (
            Sample("number", normal((2, 3), (3,)), lambda lib, x, y: lib.lerp(x, y.expand(2, 3), 0.3)),
            Sample("tensor", normal((2, 3), (2, 3), (3,)), lambda lib, x, y, w: lib.lerp(x, y, w)),
            Sample("in place", normal((2, 3), (2, 3)), lambda lib, x, y: (x * 1).lerp_(y, 0.25)),
            Sample("size 0", normal((0, 3), (0, 3)), lambda lib, x, y: lib.lerp(x, y, 0.3), constant=True),
        ),
        errors=(
            Bad(
                "shapes",
                lambda lib: lib.lerp(lib.ones(2, 3), lib.ones(4), 0.5),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
        ),
    ),
    Op(
        "addcmul",
        (
            Sample(
                "broadcast",
                normal((2, 3), (3,), (2, 1)),
                lambda lib, x, y, z: lib.addcmul(x, y, z, value=0.5),
            ),
            Sample("in place", normal((2, 3), (3,), (2, 1)), lambda lib, x, y, z: (x * 1).addcmul_(y, z)),
            Sample("0-d", normal((), (), ()), lambda lib, x, y, z: lib.addcmul(x, y, z)),
        ),
        errors=(
            Bad(
                "shapes",
                lambda lib: lib.addcmul(lib.ones(2), lib.ones(2, 3), lib.ones(4)),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
        ),
    ),
    Op(
        "addcdiv",
        (
            Sample(
                "broadcast",
                positive((2, 3), (3,), (2, 1)),
                lambda lib, x, y, z: lib.addcdiv(x, y, z, value=0.5),
            ),
            Sample("in place", positive((2, 3), (3,), (2, 1)), lambda lib, x, y, z: (x * 1).addcdiv_(y, z)),
            Sample("0-d", positive((), (), ()), lambda lib, x, y, z: lib.addcdiv(x, y, z)),
        ),
        errors=(
            Bad(
                "shapes",
                lambda lib: lib.addcdiv(lib.ones(2), lib.ones(2, 3), lib.ones(4)),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
        ),
    ),
    Op(
        "Tensor.fill_",
        (
            Sample("number", normal((2, 3)), lambda lib, x: (x * 1).fill_(2.5) + x),
            Sample("tensor", normal((2, 3), ()), lambda lib, x, y: (x * 1).fill_(y) * x),
            Sample("zero", normal((2, 3)), lambda lib, x: (x * 1).zero_() + x),
            Sample("of a slice", normal((3, 4)), lambda lib, x: _changed(x * 2, lambda y: y[1].fill_(7.0))),
        ),
        errors=(Bad("axes", lambda lib: lib.ones(2).fill_(lib.ones(1)), RuntimeError, ("1 dimension",)),),
        integers=(Sample("int64", whole("int64", 0, 5, (2, 2)), lambda lib, x: x.fill_(3)),),
    ),
    Op(
        "Tensor.copy_",
        (
            Sample("same", normal((2, 3), (2, 3)), lambda lib, x, y: (x * 1).copy_(y) * x),
            Sample("broadcast", normal((2, 3), (3,)), lambda lib, x, y: (x * 1).copy_(y) * x),
            Sample(
                "into a slice",
                normal((3, 4), (4,)),
                lambda lib, x, y: _changed(x * 2, lambda z: z[1].copy_(y)),
            ),
            Sample("transposed", normal((2, 3), (3, 2)), lambda lib, x, y: (x * 1).copy_(y.T) * x),
            Sample(
                "from whole numbers", normal((3,)), lambda lib, x: (x * 1).copy_(lib.tensor([1, 2, 3])) + x
            ),
        ),
        errors=(
            Bad("shapes", lambda lib: lib.ones(2, 3).copy_(lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")),
        ),
        integers=(
            Sample(
                "int32 from float",
                whole("int32", 0, 5, (3,)),
                lambda lib, x: x.copy_(lib.tensor([1.7, -1.7, 2.0])),
            ),
        ),
    ),
)


def _changed(x: Any, change: Callable[[Any], Any]) -> Any:
    change(x)
    return x
