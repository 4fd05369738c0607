"""Functions under a second name, at top level beside nn.functional, and those that write over their input.

An operation that writes over its input is called on a product with 1: a leaf must not be changed in place.
"""

from __future__ import annotations

from typing import Any

from tests.ops.op import Bad, Op, Sample, binary_samples, distinct, named, normal, unary_samples, whole


def _activation(name: str, *args: Any) -> Op:
    """Return an activation, or one in place."""
    over, function = name.endswith("_"), named(name, *args)
    errors = [Bad("bool", lambda lib: function(lib, lib.arange(3) > 0), RuntimeError, ("bool",))]
    if name.split(".")[-1] in ("threshold", "threshold_"):
        errors = []
    if over:
        errors.append(
            Bad("a leaf", lambda lib: function(lib, lib.ones(3, requires_grad=True)), RuntimeError, ("leaf",))
        )
    samples = unary_samples(distinct, lambda lib, x: function(lib, x * 1 if over else x))
    return Op(name, samples, tuple(errors))


def _softmax(name: str) -> Op:
    return Op(
        name,
        (
            Sample("axis", normal((3, 4)), lambda lib, x: getattr(lib, name)(x, 1)),
            Sample("by name", normal((3, 4)), lambda lib, x: getattr(lib, name)(x, dim=0)),
            Sample("dtype", normal((3, 4)), lambda lib, x: getattr(lib, name)(x, 1, dtype=lib.float64)),
            Sample("method", normal((3, 4)), lambda lib, x: getattr(x, name)(-1)),
        ),
        errors=(
            Bad("no such axis", lambda lib: getattr(lib, name)(lib.ones(2), 1), IndexError, ("[-1, 0]", "1")),
        ),
    )


def _axes(name: str, *, rows: bool) -> Op:
    def call(lib: Any, x: Any) -> Any:
        return getattr(lib, name)(x)

    shape = () if rows else (3,)
    words = "1" if rows else "2"
    return Op(
        name,
        (
            Sample("2-d", normal((3, 4)), call),
            Sample("3-d", normal((2, 3, 4)), call),
            Sample("size 0", normal((0, 3)), call, constant=True),
            Sample("method", normal((3, 4)), lambda lib, x: getattr(x, name)()),
        ),
        errors=(Bad("too few axes", lambda lib: call(lib, lib.ones(shape)), RuntimeError, (words,)),),
        integers=(Sample("int64", whole("int64", 0, 9, (3, 4)), call),),
    )


def _swap(name: str) -> Op:
    return Op(
        name,
        (
            Sample("two axes", normal((2, 3, 4)), lambda lib, x: getattr(lib, name)(x, 0, 2)),
            Sample("negative", normal((2, 3, 4)), lambda lib, x: getattr(lib, name)(x, -1, 1)),
            Sample("method", normal((2, 3)), lambda lib, x: getattr(x, name)(0, 1)),
        ),
        errors=(
            Bad(
                "no such axis",
                lambda lib: getattr(lib, name)(lib.ones(2, 3), 0, 2),
                IndexError,
                ("[-2, 1]", "2"),
            ),
        ),
    )


def _joined(name: str) -> Op:
    return Op(
        name,
        (
            Sample("axis 0", normal((2, 3), (1, 3)), lambda lib, x, y: getattr(lib, name)((x, y))),
            Sample("axis 1", normal((2, 3), (2, 1)), lambda lib, x, y: getattr(lib, name)([x, y], dim=1)),
        ),
        errors=(
            Bad(
                "shapes",
                lambda lib: getattr(lib, name)((lib.ones(2, 3), lib.ones(2, 4))),
                RuntimeError,
                ("3", "4"),
            ),
        ),
    )


def _limit(name: str, limit: float) -> Op:
    return Op(
        name,
        (
            *unary_samples(distinct, lambda lib, x: getattr(lib, name)(x, limit)),
            Sample("method", distinct((3, 4)), lambda lib, x: getattr(x, name)(limit)),
        ),
        errors=(
            Bad(
                "shapes",
                lambda lib: getattr(lib, name)(lib.ones(2, 3), lib.ones(4)),
                RuntimeError,
                ("[2, 3]", "[4]"),
            ),
        ),
        integers=(Sample("int64", whole("int64", 0, 9, (3, 4)), lambda lib, x: getattr(lib, name)(x, 4)),),
    )


OPS: tuple[Op, ...] = (
    *(_activation(name) for name in ("relu", "relu_", "rrelu", "rrelu_", "celu", "celu_", "selu", "selu_")),
    *(_activation(name, -0.2, 3.0) for name in ("threshold", "threshold_")),
    *(
        _activation(f"nn.functional.{name}")
        for name in ("relu_", "elu_", "celu_", "selu_", "rrelu_", "leaky_relu_", "hardtanh_")
    ),
    _activation("nn.functional.threshold_", -0.2, 3.0),
    _softmax("softmax"),
    _softmax("log_softmax"),
    Op(
        "rsub",
        (
            *binary_samples(normal, lambda lib, x, y: lib.rsub(x, y)),
            Sample("number", normal((3,)), lambda lib, x: lib.rsub(x, 2.5)),
            Sample("alpha", normal((3,), (3,)), lambda lib, x, y: lib.rsub(x, y, alpha=3)),
        ),
        errors=(
            Bad("shapes", lambda lib: lib.rsub(lib.ones(2, 3), lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")),
        ),
        integers=(Sample("int64", whole("int64", 0, 9, (3, 4), (4,)), lambda lib, x, y: lib.rsub(x, y)),),
    ),
    _limit("clamp_min", -0.2),
    _limit("clamp_max", 0.2),
    _axes("fliplr", rows=False),
    _axes("flipud", rows=True),
    _swap("swapaxes"),
    _swap("swapdims"),
    _swap("moveaxis"),
    _joined("concat"),
    _joined("concatenate"),
    Op(
        "split_with_sizes",
        (
            Sample("axis 0", normal((5, 2)), lambda lib, x: lib.split_with_sizes(x, [1, 4])),
            Sample("axis 1", normal((2, 5)), lambda lib, x: lib.split_with_sizes(x, (2, 0, 3), 1)),
        ),
        errors=(
            Bad(
                "sizes",
                lambda lib: lib.split_with_sizes(lib.ones(5), [1, 3]),
                RuntimeError,
                ("[1, 3]", "5"),
            ),
        ),
    ),
    Op(
        "argwhere",
        (
            Sample(
                "some",
                lambda rng: (rng.integers(0, 2, (3, 4)).astype(float),),
                lambda lib, x: lib.argwhere(x),
            ),
        ),
        differentiable=False,
        integers=(Sample("bool", whole("bool", 0, 2, (3, 4)), lambda lib, x: x.argwhere()),),
    ),
    Op(
        "empty_like",
        (Sample("filled", normal((3, 4)), lambda lib, x: lib.empty_like(x).fill_(2)),),
        errors=(Bad("no tensor", lambda lib: lib.empty_like([1.0]), TypeError, ("list",)),),
        differentiable=False,
        integers=(
            Sample(
                "dtype",
                whole("int64", 0, 9, (3, 4)),
                lambda lib, x: lib.empty_like(x, dtype=lib.float64).fill_(2),
            ),
        ),
    ),
)
