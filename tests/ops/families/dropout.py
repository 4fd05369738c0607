"""Dropout where nothing is left to chance: p is 0 or 1, or no training. Masks: tests/nn/test_dropout.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import Bad, Op, Sample, normal, strided, transposed


def call(name: str, *args: Any, **options: Any) -> Callable[..., Any]:
    return lambda lib, x: getattr(lib.nn.functional, name)(x * 1, *args, **options)


def dropout(name: str, shape: tuple[int, ...], other: tuple[int, ...], *bad_shapes: tuple[int, ...]) -> Op:
    """A kind of dropout of inputs of the two shapes; inputs of the bad shapes are refused."""

    def function(lib: Any) -> Any:
        return getattr(lib.nn.functional, name)

    return Op(
        f"nn.functional.{name}",
        (
            Sample("evaluation", normal(shape), call(name, 0.4, False)),
            Sample("nothing", normal(shape), call(name, 0.0, True)),
            Sample("everything", normal(shape), call(name, 1.0, training=True), constant=True),
            Sample("other axes", normal(other), call(name, 0.0, training=True)),
            Sample("everything in place", normal(other), call(name, 1.0, True, True), constant=True),
            Sample("evaluation in place", normal(shape), call(name, 0.5, False, inplace=True)),
            Sample("transposed", transposed(normal, shape), call(name, 0.5, False)),
            Sample("strided", strided(normal, shape), call(name, 0.0, True)),
        ),
        errors=(
            Bad("p above 1", lambda lib: function(lib)(lib.ones(shape), 1.5), ValueError, ("0 and 1", "1.5")),
            Bad(
                "p below 0",
                lambda lib: function(lib)(lib.ones(shape), -0.5, False),
                ValueError,
                ("0 and 1", "-0.5"),
            ),
            Bad(
                "whole numbers",
                lambda lib: function(lib)(lib.ones(shape, dtype=lib.int64), 0.5, True),
                RuntimeError,
                ("int64", str(list(shape))),
            ),
            *(
                Bad(
                    f"{len(bad)}-d",
                    lambda lib, bad=bad: function(lib)(lib.ones(bad), 0.5, True),
                    RuntimeError,
                    (str(list(bad)),),
                )
                for bad in bad_shapes
            ),
        ),
    )


OPS = (
    dropout("dropout", (3, 4), ()),
    dropout("dropout1d", (2, 3, 4), (3, 4), (3,), (2, 3, 4, 5)),
    dropout("dropout2d", (2, 3, 4, 5), (1, 2, 1, 3)),
    dropout("dropout3d", (2, 3, 2, 4, 5), (3, 2, 4, 5)),
    dropout("alpha_dropout", (3, 4), (2, 1, 3)),
    dropout("feature_alpha_dropout", (2, 3, 4), (3, 4), (3,)),
)
