"""Operations that reorder elements within axes, and those on diagonals and windows."""

from __future__ import annotations

from tests.ops.op import Bad, Op, Sample, normal, strided, transposed, whole

OPS = (
    Op(
        "flip",
        (
            Sample("axes", normal((2, 3, 4)), lambda lib, x: lib.flip(x, (0, -1))),
            Sample("one", transposed(normal, (3, 4)), lambda lib, x: x.flip(1)),
            Sample("none", normal((2, 3)), lambda lib, x: x.flip(())),
            Sample("0-d", normal(()), lambda lib, x: x.flip(0)),
            Sample("size 0", normal((2, 0)), lambda lib, x: x.flip(0, 1), constant=True),
            Sample("strided", strided(normal, (3, 4)), lambda lib, x: x.flip([1])),
            Sample("fliplr", normal((2, 3)), lambda lib, x: lib.fliplr(x) * x.fliplr()),
            Sample("flipud", normal((2, 3)), lambda lib, x: lib.flipud(x) * x.flipud()),
        ),
        errors=(
            Bad("twice", lambda lib: lib.ones(2, 3).flip(0, 0), RuntimeError, ("[0, 0]",)),
            Bad("no such axis", lambda lib: lib.ones(2, 3).flip(2), IndexError, ("[-2, 1]", "2")),
            Bad("a number", lambda lib: lib.flip(lib.ones(2), 0), TypeError, ("dims",)),
            Bad("fliplr of a vector", lambda lib: lib.fliplr(lib.ones(2)), RuntimeError, ("[2]",)),
            Bad("flipud of a number", lambda lib: lib.flipud(lib.tensor(1.0)), RuntimeError, ("[]",)),
        ),
        integers=(Sample("bool", whole("bool", 0, 2, (2, 3)), lambda lib, x: x.flip(1)),),
    ),
    Op(
        "roll",
        (
            Sample("flattened", normal((3, 4)), lambda lib, x: lib.roll(x, 2)),
            Sample("axes", normal((3, 4)), lambda lib, x: x.roll((1, -2), (0, 1))),
            Sample("further than the axis", normal((3, 4)), lambda lib, x: x.roll(shifts=9, dims=1)),
            Sample("one axis twice", normal((3, 4)), lambda lib, x: x.roll((1, 1), (0, 0))),
            Sample("0-d", normal(()), lambda lib, x: x.roll(1)),
            Sample("transposed", transposed(normal, (3, 4)), lambda lib, x: x.roll(-1, -1)),
            Sample("size 0", normal((2, 0)), lambda lib, x: x.roll(1, 1), constant=True),
        ),
        errors=(
            Bad(
                "too few axes", lambda lib: lib.ones(2, 3).roll((1, 2), (0,)), RuntimeError, ("[1, 2]", "[0]")
            ),
            Bad("no such axis", lambda lib: lib.ones(2, 3).roll(1, 2), IndexError, ("[-2, 1]", "2")),
        ),
    ),
    Op(
        "rot90",
        (
            Sample("once", normal((2, 3)), lambda lib, x: lib.rot90(x)),
            Sample("twice", normal((2, 3)), lambda lib, x: x.rot90(2)),
            Sample("back", normal((2, 3, 4)), lambda lib, x: x.rot90(-1, (1, 2))),
            Sample("not at all", normal((2, 3)), lambda lib, x: x.rot90(4, [1, 0])),
        ),
        errors=(
            Bad("same axis", lambda lib: lib.rot90(lib.ones(2, 3), 1, (0, -2)), RuntimeError, ("[0, -2]",)),
            Bad(
                "three axes",
                lambda lib: lib.rot90(lib.ones(2, 3), 1, (0, 1, 1)),
                RuntimeError,
                ("[0, 1, 1]",),
            ),
            Bad("a vector", lambda lib: lib.rot90(lib.ones(2)), RuntimeError, ("[2]",)),
        ),
    ),
    *(
        Op(
            name,
            (
                Sample("2-d", normal((3, 4)), lambda lib, x, n=name: getattr(lib, n)(x)),
                Sample("offset", normal((2, 4, 3)), lambda lib, x, n=name: getattr(x, n)(1)),
                Sample(
                    "negative", transposed(normal, (3, 4)), lambda lib, x, n=name: getattr(x, n)(diagonal=-1)
                ),
                Sample(
                    "size 0", normal((0, 4, 3)), lambda lib, x, n=name: getattr(lib, n)(x, 1), constant=True
                ),
            ),
            errors=(
                Bad(
                    "a vector", lambda lib, n=name: getattr(lib, n)(lib.ones(3)), RuntimeError, (name, "[3]")
                ),
            ),
            integers=(
                Sample("bool", whole("bool", 0, 2, (3, 3)), lambda lib, x, n=name: getattr(lib, n)(x)),
            ),
        )
        for name in ("tril", "triu")
    ),
    Op(
        "diagonal",
        (
            Sample("2-d", normal((3, 4)), lambda lib, x: lib.diagonal(x)),
            Sample("above", normal((3, 4)), lambda lib, x: x.diagonal(2)),
            Sample("below", transposed(normal, (3, 4)), lambda lib, x: x.diagonal(-1)),
            Sample("axes", normal((2, 3, 4)), lambda lib, x: x.diagonal(1, dim1=2, dim2=0)),
            Sample("outside", normal((3, 4)), lambda lib, x: x.diagonal(9), constant=True),
        ),
        errors=(
            Bad("same axis", lambda lib: lib.ones(2, 3).diagonal(0, 1, 1), RuntimeError, ("1, 1",)),
            Bad("a vector", lambda lib: lib.ones(2).diagonal(), IndexError, ("[-1, 0]", "1")),
        ),
    ),
    Op(
        "diag",
        (
            Sample("vector", normal((3,)), lambda lib, x: lib.diag(x)),
            Sample("vector above", normal((3,)), lambda lib, x: x.diag(1)),
            Sample("matrix", normal((3, 4)), lambda lib, x: x.diag(diagonal=-1)),
        ),
        errors=(Bad("3-d", lambda lib: lib.diag(lib.ones(1, 2, 3)), RuntimeError, ("[1, 2, 3]",)),),
    ),
    Op(
        "diag_embed",
        (
            Sample("vector", normal((3,)), lambda lib, x: lib.diag_embed(x)),
            Sample("axes", normal((2, 3)), lambda lib, x: x.diag_embed(-1, dim1=0, dim2=2)),
        ),
        errors=(
            Bad("same axis", lambda lib: lib.diag_embed(lib.ones(2, 3), 0, 1, 1), RuntimeError, ("1, 1",)),
        ),
    ),
    Op(
        "Tensor.unfold",
        (
            Sample("overlapping", normal((7,)), lambda lib, x: x.unfold(0, 3, 2)),
            Sample("apart", normal((2, 9)), lambda lib, x: x.unfold(1, 2, 4)),
            Sample("middle axis", normal((2, 5, 3)), lambda lib, x: x.unfold(-2, 2, 1)),
            Sample("patches", normal((1, 2, 4, 6)), lambda lib, x: x.unfold(2, 2, 2).unfold(3, 3, 3)),
            Sample("transposed", transposed(normal, (5, 4)), lambda lib, x: x.unfold(0, 3, 1)),
            Sample("0-d", normal(()), lambda lib, x: x.unfold(0, 1, 1)),
            Sample("size 0", normal((4,)), lambda lib, x: x.unfold(0, 0, 1), constant=True),
        ),
        errors=(
            Bad("too large", lambda lib: lib.ones(2, 3).unfold(1, 4, 1), RuntimeError, ("3", "4")),
            Bad("step 0", lambda lib: lib.ones(2, 3).unfold(1, 2, 0), RuntimeError, ("step is 0",)),
            Bad("no such axis", lambda lib: lib.ones(2, 3).unfold(2, 1, 1), IndexError, ("[-2, 1]", "2")),
        ),
    ),
)
