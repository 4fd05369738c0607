"""Padding, each mode for each number of axes."""

from __future__ import annotations

from typing import Any

from tests.ops.op import Bad, Op, Sample, channels_last, normal, strided, transposed, whole


def padded(widths: Any, **options: Any) -> Any:
    return lambda lib, x: lib.nn.functional.pad(x, widths, **options)


def refused(shape: tuple[int, ...], widths: Any, **options: Any) -> Any:
    return lambda lib: lib.nn.functional.pad(lib.ones(*shape), widths, **options)


OPS = (
    Op(
        "nn.functional.pad",
        (
            Sample("two axes", normal((2, 3, 4)), padded((1, 0, 2, 3))),
            Sample("value", transposed(normal, (2, 3)), padded([2, 1], value=3.0)),
            Sample("cuts", normal((4, 5)), padded((-1, 2, 0, -2))),
            Sample("cuts everything", normal((4, 5)), padded((-2, -3)), constant=True),
            Sample("nothing", normal((4, 5)), padded(())),
            Sample("size 0", normal((2, 0)), padded((1, 2)), constant=True),
            Sample("images", channels_last(normal, (2, 3, 4, 5)), padded((1, 1, 2, 0))),
            Sample(
                "ResNet's shortcut",
                normal((2, 3, 4, 4)),
                lambda lib, x: lib.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2), "constant", 0),
            ),
            *(
                Sample(f"{mode} {kind}", make, padded(widths, mode=mode))
                for mode in ("reflect", "replicate", "circular")
                for kind, make, widths in (
                    ("1 axis", normal((2, 3, 5)), (2, 1)),
                    ("1 axis of rows", strided(normal, (3, 5)), (0, 3)),
                    ("2 axes", channels_last(normal, (2, 2, 4, 5)), (1, 2, 3, 0)),
                    ("2 axes of one image", transposed(normal, (2, 4, 5)), (2, 2, 1, 3)),
                    ("3 axes", normal((1, 1, 2, 3, 4)), (1, 2, 1, 1, 0, 1)),
                    ("3 axes of one volume", normal((1, 2, 3, 4)), (3, 0, 1, 1, 1, 1)),
                    ("cuts and pads", normal((2, 5)), (-1, 2)),
                    ("cuts", normal((2, 4, 5)), (-1, -2, 1, -1)),
                )
            ),
        ),
        errors=(
            Bad("odd", refused((2, 3), (1,)), RuntimeError, ("[1]",)),
            Bad("too long", refused((2,), (1, 1, 1, 1)), RuntimeError, ("2", "[1, 1, 1, 1]")),
            Bad("cuts too much", refused((2, 3), (-2, -2)), RuntimeError, ("[-2, -2]", "[2, 3]")),
            Bad("mode", refused((2, 3), (1, 1), mode="mirror"), NotImplementedError, ("mirror",)),
            Bad("float", refused((2, 3), (1.0, 1)), TypeError, ("1.0",)),
            Bad(
                "value", refused((2, 3), (1, 1), mode="reflect", value=1.0), RuntimeError, ("reflect", "1.0")
            ),
            Bad("reflect", refused((2, 3), (3, 0), mode="reflect"), RuntimeError, ("(3, 0)", "[2, 3]")),
            Bad("circular", refused((2, 3), (4, 0), mode="circular"), RuntimeError, ("(4, 0)", "3")),
            Bad("replicate", refused((2, 3, 0), (1, 1), mode="replicate"), RuntimeError, ("[2, 3, 0]",)),
            Bad(
                "too small", refused((2, 3), (-2, -1), mode="replicate"), RuntimeError, ("[2, 3]", "[-2, -1]")
            ),
            Bad("vector", refused((3,), (1, 1), mode="reflect"), NotImplementedError, ("1D", "[3]")),
            Bad("4-d by one", refused((1, 1, 2, 3), (1, 1), mode="circular"), NotImplementedError, ("4D",)),
            Bad("2-d by two", refused((2, 3), (1, 1, 1, 1), mode="replicate"), NotImplementedError, ("2D",)),
        ),
        integers=(
            Sample("int64", whole("int64", 0, 9, (2, 3)), padded((1, 1), value=1.5)),
            Sample("bool", whole("bool", 0, 2, (2, 3)), padded((1, 1), value=1)),
            Sample("reflect", whole("int64", 0, 9, (2, 3)), padded((1, 1), mode="reflect")),
        ),
    ),
)
