"""Sums of products in Einstein's notation."""

from __future__ import annotations

from typing import Any

from tests.ops.op import Bad, Make, NoError, Op, Sample, normal, strided, transposed, whole


def sample(
    equation: str, *shapes: tuple[int, ...], kind: str = "", make: Make | None = None, constant: bool = False
) -> Sample:
    """Return a call of an equation."""
    return Sample(
        f"{equation} {kind}".strip(),
        make or normal(*shapes),
        lambda lib, *operands: lib.einsum(equation, *operands),
        constant,
    )


def bad(
    kind: str,
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    words: tuple[str, ...],
    error: type[Exception] = RuntimeError,
) -> Bad:
    """Return an equation that fails."""
    return Bad(kind, lambda lib: lib.einsum(equation, *(lib.ones(shape) for shape in shapes)), error, words)


def mixed(lib: Any) -> Any:
    """Multiply operands of two dtypes."""
    return lib.einsum("ij,jk", lib.ones(2, 2), lib.ones(2, 2, dtype=lib.float64))


OPS = (
    Op(
        "einsum",
        (
            sample("ij->ji", (2, 3)),
            sample("ji", (2, 3)),
            sample("Ba", (2, 3)),
            sample("ij->", (2, 3)),
            sample("ij->i", (2, 3)),
            sample("ii", (3, 3)),
            sample("ii->i", (3, 3)),
            sample("iii->i", (3, 3, 3)),
            sample("iji->j", (3, 2, 3)),
            sample("i", (3,)),
            sample("->", ()),
            sample("i,i", (3,), (3,)),
            sample("i,j", (3,), (2,)),
            sample("ij,ij->ij", (2, 3), (2, 3)),
            sample("ij,j->ij", (2, 3), (3,)),
            sample("ij,jk", (2, 3), (3, 4)),
            sample("ij,jk->ki", (2, 3), (3, 4)),
            sample("ij , jk -> ik", (2, 3), (3, 4)),
            sample("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
            sample("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
            sample("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
            sample("bij,jk->bik", (2, 3, 4), (4, 5)),
            sample("ij,kj->", (2, 3), (4, 3)),
            sample("ij,ij->", (2, 3), (2, 3)),
            sample("ii,ij->j", (3, 3), (3, 2)),
            sample("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
            sample("i,j,k->kji", (2,), (3,), (4,)),
            sample("ij,jk,kl,li", (2, 3), (3, 4), (4, 2), (2, 2)),
            sample("i,i,i->i", (3,), (3,), (3,)),
            sample(",ij->ij", (), (2, 3)),
            sample(",->", (), ()),
            sample("...", (2, 3)),
            sample("...ij->...ji", (2, 3, 4)),
            sample("...ii->...i", (2, 3, 3)),
            sample("i...->...", (2, 3)),
            sample("...->", (2, 3)),
            sample("ij...->i", (2, 3, 4)),
            sample("...ij,...jk", (2, 3, 4), (4, 5), kind="stack and matrix"),
            sample("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2), kind="broadcast"),
            sample("i...j,j...->...i", (2, 5, 3), (3, 5)),
            sample("...a,...a->...", (3, 2), (3, 2)),
            sample("...,...", (2, 1), (3,)),
            sample("ij,jk", (2, 1), (4, 5), kind="size 1 on the left"),
            sample("ij,jk", (2, 3), (1, 5), kind="size 1 on the right"),
            sample("ij,ij->ij", (2, 1), (1, 3), kind="size 1 on both sides"),
            sample("ij,ij->ij", (1, 1), (1, 1), kind="size 1"),
            sample("ij,jk", (2, 0), (0, 3), kind="no inner size", constant=True),
            sample("bij,bjk->bik", (0, 2, 3), (0, 3, 2), kind="no stack", constant=True),
            sample("ij->i", (2, 0), constant=True, kind="size 0"),
            sample("ij,jk->ik", kind="transposed", make=transposed(normal, (2, 3), (3, 4))),
            sample("ij,jk->ik", kind="strided", make=strided(normal, (2, 3), (3, 4))),
            Sample("a list", normal((2, 3), (3, 2)), lambda lib, x, y: lib.einsum("ij,jk", [x, y])),
            Sample("twice", normal((3, 3)), lambda lib, x: lib.einsum("ij,jk->ik", x, x)),
        ),
        errors=(
            bad("sizes", "ij,jk", ((2, 3), (4, 5)), ("j", "3", "4", "[2, 3]", "[4, 5]")),
            bad("sizes of the ellipsis", "...i,...i", ((2, 3), (4, 3)), ("...", "[2, 3]", "[4, 3]")),
            bad("too few letters", "ij", ((2, 3, 4),), ("[2, 3, 4]", "(2)", "(3)")),
            bad("too many letters", "ijk...", ((2, 3),), ("[2, 3]", "(3)", "(2)")),
            bad("fewer operands", "ij,jk", ((2, 3),), ("fewer", "ij,jk")),
            bad("more operands", "ij", ((2, 3), (2, 3)), ("more", "ij")),
            bad("output twice", "ij->ii", ((2, 3),), ("i appears more than once", "ij->ii")),
            bad("unknown output", "ij->k", ((2, 3),), ("k does not appear", "ij->k")),
            bad("diagonal", "ii", ((2, 3),), ("2 != 3", "[2, 3]")),
            bad("diagonal of size 1", "ii", ((1, 3),), ("1 != 3", "[1, 3]")),
            bad("digit", "i1", ((2, 3),), ("'1'", "a-zA-Z")),
            bad("two ellipses", "i...j...", ((2, 3),), ("'.'", "operand 0")),
            bad("two dots", "i..j", ((2, 3),), ("'.'", "operand 0")),
            bad("two arrows", "ab->ba->", ((2, 3),), ("a-zA-Z",)),
            bad("no operand", "ij", (), ("operand",), ValueError),
            Bad("no Tensor", lambda lib: lib.einsum("i", 2.0), TypeError, ("float",)),
            Bad("dtypes", mixed, RuntimeError, ("float32", "float64")),
            # What torch accepts and we refuse.
            Bad(
                "lists",
                lambda lib: lib.einsum(lib.ones(2), [0]),
                NotImplementedError,
                ("lists",),
                torch_error=NoError,
            ),
        ),
        integers=(
            Sample(
                "int64", whole("int64", -3, 4, (2, 3), (3, 4)), lambda lib, x, y: lib.einsum("ij,jk", x, y)
            ),
            Sample("int32", whole("int32", -3, 4, (3,), (3,)), lambda lib, x, y: lib.einsum("i,i", x, y)),
            Sample(
                "int32, size 1",
                whole("int32", -3, 4, (2, 1), (3, 4)),
                lambda lib, x, y: lib.einsum("ij,jk", x, y),
            ),
            Sample("sum of int32", whole("int32", -3, 4, (3,)), lambda lib, x: lib.einsum("i->", x)),
            Sample("bool", whole("bool", 0, 2, (3,), (3,)), lambda lib, x, y: lib.einsum("i,i->i", x, y)),
            Sample("sum of bool", whole("bool", 0, 2, (2, 3)), lambda lib, x: lib.einsum("ij->i", x)),
        ),
    ),
)
