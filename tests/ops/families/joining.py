"""Operations that put tensors together, take one apart, or repeat it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, channels_last, normal, strided, transposed, whole


def two(lib: Any) -> Any:
    return lib.ones(2, 3)


OPS = (
    Op(
        "cat",
        (
            Sample("axis 1", normal((2, 3), (2, 1), (2, 0)), lambda lib, *xs: lib.cat(xs, 1)),
            Sample("transposed", transposed(normal, (2, 3), (4, 3)), lambda lib, *xs: lib.cat(list(xs))),
            Sample("negative axis", strided(normal, (2, 3), (2, 1)), lambda lib, *xs: lib.cat(xs, dim=-1)),
            Sample("one", normal((2, 3)), lambda lib, x: lib.cat([x])),
            Sample("the same twice", normal((2, 3)), lambda lib, x: lib.cat((x, x * 2, x))),
            Sample("no elements", normal((0, 2), (0, 2)), lambda lib, *xs: lib.cat(xs, 1), constant=True),
            Sample(
                "images", channels_last(normal, (2, 1, 3, 4), (2, 2, 3, 4)), lambda lib, *xs: lib.cat(xs, 1)
            ),
            Sample(
                "(0,) is skipped", normal((2, 3)), lambda lib, x: lib.cat((lib.ones(0, dtype=x.dtype), x), 1)
            ),
            Sample("concat", normal((2, 3), (1, 3)), lambda lib, *xs: lib.concat(xs)),
            Sample("concatenate", normal((2, 3), (1, 3)), lambda lib, *xs: lib.concatenate(xs, dim=0)),
        ),
        errors=(
            Bad("none", lambda lib: lib.cat([]), ValueError, ("non-empty list",)),
            Bad(
                "0-d",
                lambda lib: lib.cat([lib.tensor(1.0)]),
                RuntimeError,
                ("zero-dimensional", "position 0"),
            ),
            Bad(
                "sizes differ",
                lambda lib: lib.cat([two(lib), lib.ones(3, 2)]),
                RuntimeError,
                ("[2, 3]", "[3, 2]", "dimension 0"),
            ),
            Bad("axes differ", lambda lib: lib.cat([two(lib), lib.ones(3)]), RuntimeError, ("[2, 3]", "[3]")),
            Bad("no such axis", lambda lib: lib.cat([two(lib)], 2), IndexError, ("[-2, 1]", "2")),
            Bad("a tensor", lambda lib: lib.cat(two(lib)), TypeError, ("Tensor",)),
            Bad("a number", lambda lib: lib.cat([two(lib), 1]), TypeError, ("element 1", "int")),
        ),
        integers=(
            Sample("int64", whole("int64", 0, 9, (2, 3), (1, 3)), lambda lib, *xs: lib.cat(xs)),
            Sample(
                "bool and uint8",
                lambda rng: (np.array([True, False]), np.array([3], np.uint8)),
                lambda lib, *xs: lib.cat(xs),
            ),
            Sample(
                "int8 and uint8",
                lambda rng: (np.array([-1], np.int8), np.array([3], np.uint8)),
                lambda lib, *xs: lib.cat(xs),
            ),
            Sample(
                "int64 and float32",
                lambda rng: (np.array([1, 2]), np.array([0.5], np.float32)),
                lambda lib, *xs: lib.cat(xs),
            ),
        ),
    ),
    Op(
        "stack",
        (
            Sample("last axis", normal((2, 3), (2, 3)), lambda lib, *xs: lib.stack(xs, -1)),
            Sample("first axis", transposed(normal, (2, 3), (2, 3)), lambda lib, *xs: lib.stack(list(xs))),
            Sample("0-d", normal((), (), ()), lambda lib, *xs: lib.stack(xs)),
            Sample("middle axis", normal((2, 3), (2, 3)), lambda lib, *xs: lib.stack(xs, dim=1)),
        ),
        errors=(
            Bad("none", lambda lib: lib.stack([]), RuntimeError, ("non-empty",)),
            Bad("differ", lambda lib: lib.stack([two(lib), lib.ones(3)]), RuntimeError, ("[2, 3]", "[3]")),
            Bad("no such axis", lambda lib: lib.stack([two(lib)], 3), IndexError, ("[-3, 2]", "3")),
        ),
    ),
    Op(
        "hstack",
        (
            Sample("0-d", normal((), ()), lambda lib, *xs: lib.hstack(xs)),
            Sample("1-d", normal((2,), (3,)), lambda lib, *xs: lib.hstack(xs)),
            Sample("2-d", normal((2, 3), (2, 1)), lambda lib, *xs: lib.hstack(xs)),
        ),
        errors=(
            Bad("none", lambda lib: lib.hstack([]), RuntimeError, ("non-empty",)),
            Bad(
                "differ",
                lambda lib: lib.hstack([two(lib), lib.ones(3, 3)]),
                RuntimeError,
                ("[2, 3]", "[3, 3]"),
            ),
        ),
    ),
    Op(
        "vstack",
        (
            Sample("1-d", normal((3,), (3,)), lambda lib, *xs: lib.vstack(xs)),
            Sample("2-d", normal((2, 3), (1, 3)), lambda lib, *xs: lib.vstack(xs)),
        ),
        errors=(
            Bad(
                "differ", lambda lib: lib.vstack([two(lib), lib.ones(2)]), RuntimeError, ("[2, 3]", "[1, 2]")
            ),
        ),
    ),
    Op(
        "dstack",
        (
            Sample("1-d", normal((3,), (3,)), lambda lib, *xs: lib.dstack(xs)),
            Sample("2-d", normal((2, 3), (2, 3)), lambda lib, *xs: lib.dstack(xs)),
            Sample("3-d", normal((2, 3, 1), (2, 3, 2)), lambda lib, *xs: lib.dstack(xs)),
        ),
        errors=(
            Bad(
                "differ",
                lambda lib: lib.dstack([two(lib), lib.ones(2)]),
                RuntimeError,
                ("[2, 3, 1]", "[1, 2, 1]"),
            ),
        ),
    ),
    Op(
        "column_stack",
        (Sample("mixed", normal((2,), (2, 3)), lambda lib, *xs: lib.column_stack(xs)),),
        errors=(
            Bad("differ", lambda lib: lib.column_stack([two(lib), lib.ones(3)]), RuntimeError, ("[3, 1]",)),
        ),
    ),
    Op(
        "split",
        (
            Sample("size", normal((5, 2)), lambda lib, x: lib.split(x, 2)),
            Sample("sizes", normal((2, 5)), lambda lib, x: x.split([1, 0, 4], dim=1)),
            Sample("one piece", normal((2, 5)), lambda lib, x: x.split(7, -1)),
            Sample("one of them used", transposed(normal, (4, 3)), lambda lib, x: lib.split(x, 2)[1]),
            Sample("no elements", normal((0, 3)), lambda lib, x: x.split(2), constant=True),
            Sample("split_with_sizes", normal((5, 2)), lambda lib, x: lib.split_with_sizes(x, (2, 3))),
        ),
        errors=(
            Bad("wrong sum", lambda lib: lib.ones(4).split([1, 2]), RuntimeError, ("4", "[1, 2]")),
            Bad("negative sizes", lambda lib: lib.ones(4).split([5, -1]), RuntimeError, ("[5, -1]",)),
            Bad("size 0", lambda lib: lib.ones(4).split(0), RuntimeError, ("split_size=0", "4")),
            Bad("negative size", lambda lib: lib.ones(4).split(-1), RuntimeError, ("split_size=-1",)),
            Bad("0-d", lambda lib: lib.tensor(1.0).split(1), RuntimeError, ("1-dimensional",)),
            Bad("no such axis", lambda lib: lib.ones(4).split(1, 1), IndexError, ("[-1, 0]", "1")),
        ),
    ),
    Op(
        "chunk",
        (
            Sample("even", normal((4, 2)), lambda lib, x: lib.chunk(x, 2)),
            Sample("remainder", normal((2, 5)), lambda lib, x: x.chunk(3, dim=1)),
            Sample("fewer than asked for", normal((5,)), lambda lib, x: x.chunk(4)),
            Sample("gates", normal((2, 6)), lambda lib, x: x.chunk(2, 1)[0] * x.chunk(2, 1)[1]),
            Sample("no elements", normal((0, 3)), lambda lib, x: x.chunk(2), constant=True),
        ),
        errors=(
            Bad("none", lambda lib: lib.ones(4).chunk(0), RuntimeError, ("greater than 0", "0")),
            Bad("0-d", lambda lib: lib.tensor(1.0).chunk(1), RuntimeError, ("1-dimensional",)),
        ),
    ),
    Op(
        "tensor_split",
        (
            Sample("sections", normal((2, 5)), lambda lib, x: lib.tensor_split(x, 3, 1)),
            Sample("indices", normal((5, 2)), lambda lib, x: x.tensor_split((1, -2))),
            Sample("beyond the end", normal((3,)), lambda lib, x: x.tensor_split([2, 9])),
            Sample("a tensor", normal((5,)), lambda lib, x: x.tensor_split(lib.tensor([1, 3]))),
        ),
        errors=(
            Bad("none", lambda lib: lib.ones(4).tensor_split(0), RuntimeError, ("larger than 0", "0")),
            Bad("0-d", lambda lib: lib.tensor(1.0).tensor_split(1), RuntimeError, ("1-dimensional",)),
        ),
    ),
    Op(
        "unbind",
        (
            Sample("axis 0", normal((2, 3)), lambda lib, x: lib.unbind(x)),
            Sample("last axis", strided(normal, (2, 3)), lambda lib, x: x.unbind(-1)),
            Sample("1-d", normal((3,)), lambda lib, x: x.unbind()),
            Sample("one of them used", normal((3, 2)), lambda lib, x: x.unbind()[1]),
            Sample("a loop", normal((3, 2)), lambda lib, x: sum(row * row for row in x)),
        ),
        errors=(
            Bad("0-d", lambda lib: lib.tensor(1.0).unbind(), IndexError, ("no dimensions",)),
            Bad("no such axis", lambda lib: two(lib).unbind(2), IndexError, ("[-2, 1]", "2")),
        ),
    ),
    Op(
        "Tensor.repeat",
        (
            Sample("2-d", normal((2, 3)), lambda lib, x: x.repeat(2, 3)),
            Sample("new axes", normal((2, 3)), lambda lib, x: x.repeat((2, 1, 2))),
            Sample("once", normal((2, 3)), lambda lib, x: x.repeat(1, 1)),
            Sample("0-d", normal(()), lambda lib, x: x.repeat(3)),
            Sample("never", normal((2, 3)), lambda lib, x: x.repeat(2, 0), constant=True),
            Sample("transposed", transposed(normal, (2, 3)), lambda lib, x: x.repeat(1, 2)),
        ),
        errors=(
            Bad("too few", lambda lib: two(lib).repeat(2), RuntimeError, ("[2]", "[2, 3]")),
            Bad("negative", lambda lib: two(lib).repeat(-1, 1), RuntimeError, ("[-1, 1]",)),
        ),
        integers=(Sample("bool", whole("bool", 0, 2, (2, 3)), lambda lib, x: x.repeat(1, 2)),),
    ),
    Op(
        "tile",
        (
            Sample("fewer numbers", normal((2, 3)), lambda lib, x: lib.tile(x, (2,))),
            Sample("more numbers", normal((3,)), lambda lib, x: x.tile(2, 2)),
        ),
    ),
    Op(
        "repeat_interleave",
        (
            Sample("flattened", normal((2, 3)), lambda lib, x: lib.repeat_interleave(x, 2)),
            Sample("axis 1", transposed(normal, (2, 3)), lambda lib, x: x.repeat_interleave(3, dim=1)),
            Sample("0-d", normal(()), lambda lib, x: x.repeat_interleave(3)),
            Sample(
                "numbers", normal((3, 2)), lambda lib, x: x.repeat_interleave(lib.tensor([2, 0, 3]), dim=0)
            ),
            Sample("one number", normal((3, 2)), lambda lib, x: x.repeat_interleave(lib.tensor([2]), 1)),
            Sample(
                "known size",
                normal((3,)),
                lambda lib, x: x.repeat_interleave(lib.tensor([1, 2, 1]), 0, output_size=4),
            ),
            Sample("never", normal((3,)), lambda lib, x: x.repeat_interleave(0), constant=True),
        ),
        errors=(
            Bad(
                "wrong number",
                lambda lib: two(lib).repeat_interleave(lib.tensor([1, 2, 3]), 0),
                RuntimeError,
                ("[3]", "2"),
            ),
            Bad("negative", lambda lib: two(lib).repeat_interleave(-1), RuntimeError, ("-1",)),
            Bad(
                "wrong size",
                lambda lib: two(lib).repeat_interleave(lib.tensor([1, 2]), 0, output_size=2),
                RuntimeError,
                ("2", "3"),
            ),
            Bad(
                "not whole",
                lambda lib: two(lib).repeat_interleave(lib.tensor([1.0]), 0),
                NotImplementedError,
                ("float32",),
            ),
        ),
        integers=(Sample("indices", whole("int64", 0, 3, (4,)), lambda lib, x: lib.repeat_interleave(x)),),
    ),
    Op(
        "meshgrid",
        (
            Sample("ij", normal((2,), (3,)), lambda lib, *xs: lib.meshgrid(*xs, indexing="ij")),
            Sample("xy", normal((2,), (3,), (4,)), lambda lib, *xs: lib.meshgrid(*xs, indexing="xy")),
            Sample("0-d", normal((), (3,)), lambda lib, *xs: lib.meshgrid(list(xs), indexing="ij")),
            Sample("one", normal((3,)), lambda lib, x: lib.meshgrid(x, indexing="xy")),
        ),
        errors=(
            Bad("indexing", lambda lib: lib.meshgrid(lib.ones(2), indexing="zz"), RuntimeError, ("zz",)),
            Bad("2-d", lambda lib: lib.meshgrid(two(lib), indexing="ij"), RuntimeError, ("[2, 3]",)),
            Bad("none", lambda lib: lib.meshgrid(indexing="ij"), RuntimeError, ("[]",)),
            Bad(
                "dtypes",
                lambda lib: lib.meshgrid(lib.ones(2), lib.tensor([1]), indexing="ij"),
                RuntimeError,
                ("float32", "int64"),
            ),
        ),
    ),
)
