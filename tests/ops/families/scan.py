"""Products, and sums and products of all elements up to each."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.ops.families.reduce import bad_dims, sized
from tests.ops.op import Bad, Op, Sample, named, normal, whole


def _zeros(*places: int) -> Any:
    """Return a maker of arrays with zeros at places of the flattened array."""

    def make(rng: Any) -> Any:
        array = rng.standard_normal((3, 5))
        array.reshape(-1)[list(places)] = 0
        return (array,)

    return make


def _scan(name: str) -> Op:
    call = partial(named, name)
    return Op(
        name,
        (
            *sized(normal, call(-1)),
            Sample("axis 0", normal((3, 4, 2)), call(0)),
            Sample("middle axis", normal((2, 9, 2)), call(dim=1)),
            Sample("dtype", normal((3, 4)), lambda lib, x: getattr(lib, name)(x, 1, dtype=lib.float64)),
            Sample("a zero", _zeros(1), call(1)),
            Sample("two zeros", _zeros(1, 3, 7), call(1)),
            Sample("NumPy's names", normal((3, 4)), call(axis=0)),
            Sample("method", normal((3, 4)), lambda lib, x: getattr(x, name)(dim=1)),
        ),
        errors=(
            *bad_dims(name, pair=False),
            Bad("two axes", lambda lib: getattr(lib, name)(lib.ones(2, 3), (0, 1)), TypeError, ("tuple",)),
        ),
        integers=(
            Sample("int64", whole("int64", -3, 4, (3, 4)), call(1)),
            Sample("uint8", whole("uint8", 0, 3, (3, 4)), call(0)),
            Sample("bool", whole("bool", 0, 2, (3, 4)), call(1)),
            Sample(
                "to float32",
                whole("int64", 0, 3, (4,)),
                lambda lib, x: getattr(x, name)(0, dtype=lib.float32),
            ),
        ),
    )


def _prod() -> Op:
    call = partial(named, "prod")
    return Op(
        "prod",
        (
            *sized(normal, call()),
            Sample("axis", normal((3, 5)), call(1)),
            Sample("kept", normal((3, 4, 2)), call(-2, True)),
            Sample("0-d, axis", normal(()), call(0)),
            Sample("0-d, kept", normal(()), call(0, True)),
            Sample("nothing", normal((3, 0)), call(1), constant=True),
            Sample("a zero", _zeros(1), call(1)),
            Sample("two zeros", _zeros(1, 3, 7), call(1)),
            Sample("a zero among all", _zeros(8), call()),
            Sample("dtype", normal((3, 4)), lambda lib, x: lib.prod(x, dtype=lib.float64)),
            Sample("NumPy's names", normal((3, 4)), call(axis=0, keepdims=True)),
            Sample("method", normal((3, 4)), lambda lib, x: x.prod(dim=0)),
        ),
        errors=(
            *bad_dims("prod", pair=False),
            Bad("two axes", lambda lib: lib.prod(lib.ones(2, 3), (0, 1)), TypeError, ("tuple",)),
        ),
        integers=(
            Sample("int64", whole("int64", -3, 4, (3, 4)), call(1)),
            Sample("uint8", whole("uint8", 0, 3, (3, 4)), call()),
            Sample("bool", whole("bool", 0, 2, (3, 4)), call(0, True)),
            Sample("to float32", whole("int64", 0, 3, (4,)), lambda lib, x: x.prod(dtype=lib.float32)),
        ),
    )


OPS: tuple[Op, ...] = (_scan("cumsum"), _scan("cumprod"), _prod())
