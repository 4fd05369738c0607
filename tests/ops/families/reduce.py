"""Sums, means, extremes, and what else reduces axes."""

from __future__ import annotations

from typing import Any

from tests.ops.op import (
    SHAPES,
    Bad,
    Make,
    Op,
    Sample,
    distinct,
    named,
    normal,
    staggered,
    strided,
    transposed,
    whole,
)

NAN = float("nan")


def sized(make: Any, call: Any, empty: bool = True) -> tuple[Sample, ...]:
    """Return calls on all shapes; where nothing cannot be reduced, not on size 0."""
    shapes = {kind: shape for kind, shape in SHAPES.items() if empty or kind != "size 0"}
    return (
        *(Sample(kind, make(shape), call, constant=0 in shape) for kind, shape in shapes.items()),
        Sample("transposed", transposed(make, (3, 4)), call),
        Sample("strided", strided(make, (3, 4)), call),
    )


def bad_dims(name: str, pair: bool = True) -> tuple[Bad, ...]:
    """Return calls with axes that are none, or that appear twice."""
    errors = [
        Bad(
            "no such axis",
            lambda lib: getattr(lib, name)(lib.ones(2, 3), dim=2),
            IndexError,
            ("[-2, 1]", "2"),
        ),
        Bad("half an axis", lambda lib: getattr(lib, name)(lib.ones(2, 3), dim=0.5), TypeError, ("float",)),
    ]
    if pair:
        twice = Bad(
            "axis twice",
            lambda lib: getattr(lib, name)(lib.ones(2, 3), dim=(0, -2)),
            RuntimeError,
            ("0, -2",),
        )
        errors.append(twice)
    return tuple(errors)


def over_axes(name: str, make: Any, empty: bool = True) -> tuple[Sample, ...]:
    """Return calls of a function over all axes, one, several, kept or not, as function and as method."""

    return (
        *sized(make, named(name), empty),
        Sample("axis", make((3, 4)), named(name, 1)),
        Sample("last axis kept", make((3, 4, 2)), named(name, -1, True)),
        Sample("axes", make((3, 4, 2)), named(name, (0, -1))),
        Sample("axes kept", make((3, 4, 2)), named(name, dim=(2, 1), keepdim=True)),
        Sample("list of axes", make((3, 4, 2)), named(name, [1, 0])),
        Sample("no axes", make((3, 4)), named(name, ())),
        Sample("0-d, axis", make(()), named(name, -1)),
        Sample("NumPy's names", make((3, 4)), named(name, axis=0, keepdims=True)),
        Sample("method", make((3, 4)), lambda lib, x: getattr(x, name)(0)),
        Sample("method, keywords", make((3, 4)), lambda lib, x: getattr(x, name)(dim=1, keepdim=True)),
    )


def _with_nan(*shapes: tuple[int, ...]) -> Make:
    def make(rng: Any) -> Any:
        arrays = normal(*shapes)(rng)
        for array in arrays:
            array.reshape(-1)[::3] = NAN
        return arrays

    return make


def _dtype(name: str, *args: Any) -> tuple[Sample, ...]:
    """Return calls that convert first, on whole numbers."""
    return (
        Sample(
            "to float64",
            whole("int64", -3, 4, (3, 4)),
            lambda lib, x: getattr(lib, name)(x, *args, dtype=lib.float64),
        ),
        Sample(
            "to float32",
            whole("bool", 0, 2, (3, 4)),
            lambda lib, x: getattr(x, name)(*args, dtype=lib.float32),
        ),
    )


def _whole(name: str, *args: Any) -> tuple[Sample, ...]:
    """Return calls on each dtype of whole numbers."""
    return (
        Sample("int64", whole("int64", -3, 4, (3, 4)), lambda lib, x: getattr(lib, name)(x, *args)),
        Sample("int32", whole("int32", -3, 4, (3, 4)), lambda lib, x: getattr(lib, name)(x, *args)),
        Sample("uint8", whole("uint8", 0, 9, (3, 4)), lambda lib, x: getattr(lib, name)(x, *args)),
        Sample("bool", whole("bool", 0, 2, (3, 4)), lambda lib, x: getattr(lib, name)(x, *args)),
    )


def _sums() -> tuple[Op, ...]:
    not_whole = Bad("whole numbers", lambda lib: lib.mean(lib.arange(3)), RuntimeError, ("int64",))
    return (
        Op(
            "sum",
            (
                *over_axes("sum", normal),
                Sample("dtype", normal((3, 4)), lambda lib, x: lib.sum(x, 1, dtype=lib.float64)),
                Sample("size 0 axis", normal((0, 3)), lambda lib, x: lib.sum(x, 0), constant=True),
            ),
            errors=bad_dims("sum"),
            integers=(*_whole("sum"), *_whole_axis("sum"), *_dtype("sum")),
        ),
        Op(
            "mean",
            (
                *over_axes("mean", normal),
                Sample("dtype", normal((3, 4)), lambda lib, x: x.mean(dtype=lib.float64)),
            ),
            errors=(*bad_dims("mean"), not_whole),
            integers=_dtype("mean", 0),
        ),
        Op(
            "nansum",
            (
                *over_axes("nansum", normal),
                Sample("some NaN", _with_nan((4, 5)), lambda lib, x: lib.nansum(x, 1), constant=True),
            ),
            errors=bad_dims("nansum"),
            integers=(*_whole("nansum"), *_dtype("nansum")),
        ),
        Op(
            "nanmean",
            (
                *over_axes("nanmean", normal),
                Sample("some NaN", _with_nan((4, 5)), lambda lib, x: lib.nanmean(x, 0, True), constant=True),
            ),
            errors=(
                *bad_dims("nanmean"),
                Bad("whole numbers", lambda lib: lib.nanmean(lib.arange(3)), RuntimeError, ("int64",)),
            ),
        ),
    )


def _whole_axis(name: str) -> tuple[Sample, ...]:
    return (Sample("axis of int64", whole("int64", -3, 4, (3, 4)), lambda lib, x: getattr(x, name)(1, True)),)


def nothing(name: str, error: type[Exception]) -> tuple[Bad, ...]:
    """Return calls that have nothing to choose from, in the whole tensor or along an axis."""
    call = named(name)
    return (
        Bad("nothing", lambda lib: call(lib, lib.ones(2, 0)), error, ("[2, 0]",)),
        Bad("nothing on the axis", lambda lib: call(lib, lib.ones(2, 0), dim=1), IndexError, ("[2, 0]",)),
    )


def _extreme(name: str) -> Op:
    return Op(
        name,
        (
            *over_axes(name, distinct, empty=False),
            Sample("nothing of nothing", distinct((2, 0)), named(name, 0), constant=True),
        ),
        errors=(*bad_dims(name), *nothing(name, RuntimeError)),
        integers=(*_whole(name), *_whole_axis(name)),
    )


def _extreme_and_place(name: str) -> Op:
    """Describe max or min, which also tell where, and compare two tensors."""
    call = named(name)
    return Op(
        name,
        (
            *sized(distinct, call, empty=False),
            Sample("axis", distinct((3, 4)), named(name, 0)),
            Sample("kept", distinct((3, 4, 2)), named(name, -2, True)),
            Sample("by name", distinct((3, 4)), lambda lib, x: call(lib, x, dim=1, keepdim=True).values),
            Sample("0-d, axis", distinct(()), named(name, 0)),
            Sample("0-d, kept", distinct(()), named(name, 0, keepdim=True)),
            Sample("nothing of nothing", distinct((2, 0)), named(name, 0), constant=True),
            Sample("two tensors", staggered((2, 1, 3), (4, 1)), call),
            Sample("other", staggered((3,), (3,)), lambda lib, x, y: call(lib, x, other=y)),
            Sample("method", distinct((3, 4)), lambda lib, x: getattr(x, name)(axis=1)),
            Sample("method of two", staggered((3,), (2, 3)), lambda lib, x, y: getattr(x, name)(y)),
        ),
        errors=(
            *bad_dims(name, pair=False),
            *nothing(name, RuntimeError),
            Bad(
                "shapes", lambda lib: call(lib, lib.ones(2, 3), lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")
            ),
        ),
        integers=(*_whole(name), *_whole_axis(name)),
    )


def _aminmax() -> Op:
    return Op(
        "aminmax",
        (
            *sized(distinct, named("aminmax"), empty=False),
            Sample("axis", distinct((3, 4)), lambda lib, x: lib.aminmax(x, dim=0)),
            Sample("kept", distinct((3, 4)), lambda lib, x: x.aminmax(dim=-1, keepdim=True)),
            Sample("fields", distinct((3, 4)), lambda lib, x: (lib.aminmax(x).max, lib.aminmax(x).min)),
        ),
        errors=(*bad_dims("aminmax", pair=False), *nothing("aminmax", RuntimeError)),
        integers=_whole("aminmax"),
    )


def _place(name: str) -> Op:
    return Op(
        name,
        (
            *sized(distinct, named(name), empty=False),
            Sample("axis", distinct((3, 4)), named(name, 0)),
            Sample("kept", distinct((3, 4, 2)), named(name, -2, True)),
            Sample("all, kept", distinct((3, 4)), named(name, keepdim=True)),
            Sample("0-d, axis", distinct(()), named(name, -1)),
            Sample("NumPy's names", distinct((3, 4)), named(name, axis=1, keepdims=True)),
            Sample("method", distinct((3, 4)), lambda lib, x: getattr(x, name)(dim=1)),
        ),
        errors=(
            *bad_dims(name, pair=False),
            *nothing(name, IndexError),
            Bad("bool", lambda lib: getattr(lib, name)(lib.ones(2) > 0), RuntimeError, ("bool",)),
        ),
        differentiable=False,
        integers=(Sample("int64", whole("int64", 0, 3, (5, 9)), named(name, 1)),),
    )


def _test(name: str, *more: Sample) -> Op:
    """Describe a count or test of what is not 0, with more samples of whole numbers."""
    return Op(
        name,
        (
            *sized(normal, named(name)),
            Sample("axis", normal((3, 4)), named(name, 1)),
            Sample("NaN", _with_nan((3, 4)), named(name)),
        ),
        errors=bad_dims(name),
        differentiable=False,
        integers=(
            *_whole(name),
            *more,
            Sample("zeros", lambda rng: (rng.integers(0, 1, (3, 4)),), named(name)),
            Sample("axis", whole("bool", 0, 2, (3, 4)), named(name, -1)),
            Sample("axes", whole("int64", 0, 2, (3, 4, 2)), named(name, (0, 2))),
            Sample("nothing on the axis", whole("int64", 0, 2, (3, 0)), named(name, 1)),
            Sample("method", whole("uint8", 0, 2, (3, 4)), lambda lib, x: getattr(x, name)(dim=0)),
        ),
    )


def _kept_or_none(name: str) -> tuple[Sample, ...]:
    return (
        Sample("kept", whole("int64", 0, 2, (3, 4, 2)), named(name, 1, True)),
        Sample("no axes", whole("int64", 0, 2, (3, 4)), named(name, ())),
    )


OPS: tuple[Op, ...] = (
    *_sums(),
    *(_extreme(name) for name in ("amax", "amin")),
    *(_extreme_and_place(name) for name in ("max", "min")),
    _aminmax(),
    *(_place(name) for name in ("argmax", "argmin")),
    *(_test(name, *_kept_or_none(name)) for name in ("any", "all")),
    _test("count_nonzero"),
)
