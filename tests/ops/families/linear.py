"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import Bad, Op, Sample, normal, strided, transposed, whole

PAIRS = {
    "matrices": ((3, 4), (4, 2)),
    "size 1": ((1, 1), (1, 1)),
    "vectors": ((3,), (3,)),
    "row": ((3,), (3, 4)),
    "column": ((3, 4), (4,)),
    "row times stack": ((3,), (2, 3, 4)),
    "stack times column": ((2, 5, 3), (3,)),
    "stacks": ((2, 3, 4), (2, 4, 5)),
    "stack times matrix": ((2, 3, 4), (4, 5)),
    "matrix times stack": ((3, 4), (2, 4, 5)),
    "broadcast stacks": ((2, 1, 3, 4), (5, 4, 2)),
    "broadcast size 1": ((1, 3, 4), (2, 4, 1)),
}
EMPTY = {
    "no inner size": ((3, 0), (0, 2)),
    "no rows": ((0, 3), (3, 2)),
    "no stacks": ((0, 2, 3), (0, 3, 2)),
    "no stacks times matrix": ((0, 2, 3), (3, 2)),
    "no inner size, stack times matrix": ((2, 3, 0), (0, 2)),
    "empty vectors": ((0,), (0,)),
    "no inner size, row times stack": ((0,), (2, 0, 4)),
}


def scaled(*shapes: tuple[int, ...], options: dict[str, Any] | None = None) -> Callable[[str], Sample]:
    """Return what makes a sample of addmm and its kin by the function's name."""
    return lambda name: Sample(
        f"{list(shapes[0])} {options or ''}".strip(),
        normal(*shapes),
        lambda lib, *x: getattr(lib, name)(*x, **(options or {})),
    )


def added(
    name: str, first: tuple[tuple[int, ...], ...], a: tuple[int, ...], b: tuple[int, ...], *errors: Bad
) -> Op:
    """Describe an operation beta * input + alpha * product, inputs of all the shapes `first`."""
    options = ({"beta": 0.5, "alpha": -2}, {"beta": 0, "alpha": 0.3}, {"alpha": 3}, {"beta": 2})
    whole_shapes = whole("int64", -3, 4, first[0], a, b)
    return Op(
        name,
        (
            *(scaled(shape, a, b)(name) for shape in first),
            *(scaled(first[0], a, b, options=chosen)(name) for chosen in options),
            Sample(
                "method",
                normal(first[0], a, b),
                lambda lib, x, y, z: getattr(x, name)(y, z, beta=0.5, alpha=2),
            ),
            Sample(
                "in place",
                normal(first[0], a, b),
                lambda lib, x, y, z: getattr(x * 1, name + "_")(y, z, beta=0.5),
            ),
            Sample(
                "alpha 0",
                normal(first[0], a, b),
                lambda lib, x, y, z: getattr(lib, name)(x, y, z, beta=0.5, alpha=0),
            ),
            Sample(
                "both 0",
                normal(first[0], a, b),
                lambda lib, x, y, z: getattr(lib, name)(x, y, z, beta=0, alpha=0),
                constant=True,
            ),
        ),
        errors=(
            Bad(
                "input does not fit",
                lambda lib: getattr(lib, name)(lib.ones(7), lib.ones(a), lib.ones(b)),
                RuntimeError,
                ("[7]",),
            ),
            Bad(
                "no Tensor",
                lambda lib: getattr(lib, name)(lib.ones(first[0]), lib.ones(a), 2),
                TypeError,
                ("int",),
            ),
            *errors,
        ),
        integers=(
            Sample("int64", whole_shapes, lambda lib, *x: getattr(lib, name)(*x)),
            Sample("factors", whole_shapes, lambda lib, *x: getattr(lib, name)(*x, beta=2, alpha=-1)),
        ),
    )


def product(name: str, x: tuple[int, ...], y: tuple[int, ...], *errors: Bad) -> Op:
    """Describe a product of two tensors with fixed numbers of axes."""

    def call(lib: Any, a: Any, b: Any) -> Any:
        return getattr(lib, name)(a, b)

    none = (0,) * len(x), (0,) * len(y)
    return Op(
        name,
        (
            Sample("function", normal(x, y), call),
            Sample("method", normal(x, y), lambda lib, a, b: getattr(a, name)(b)),
            Sample("transposed", transposed(normal, x, y), call),
            Sample("strided", strided(normal, x, y), call),
            Sample("size 0", normal(*none), call, constant=True),
            Sample("size 1", normal((1,) * len(x), (1,) * len(y)), call),
            Sample("with itself", normal(x), lambda lib, a: call(lib, a, a.mT if a.ndim > 1 else a))
            if len(x) == len(y)
            else Sample("twice", normal(x, y), lambda lib, a, b: call(lib, a, b) * b.sum()),
        ),
        errors=(
            Bad("no Tensor", lambda lib: call(lib, lib.ones(x), 2), TypeError, ("int",)),
            *errors,
        ),
        integers=(Sample("int32", whole("int32", -3, 4, x, y), call),),
    )


def bad(
    kind: str, name: str, x: tuple[int, ...], y: tuple[int, ...], words: tuple[str, ...] | None = None
) -> Bad:
    """Describe shapes that cannot be multiplied, both named in the message unless other words are given."""
    return Bad(
        kind,
        lambda lib: getattr(lib, name)(lib.ones(x), lib.ones(y)),
        RuntimeError,
        words or (str(list(x)), str(list(y))),
    )


def dtypes(name: str, x: tuple[int, ...], y: tuple[int, ...]) -> Bad:
    """Describe operands of different dtypes."""
    return Bad(
        "dtypes",
        lambda lib: getattr(lib, name)(lib.ones(x), lib.ones(y, dtype=lib.float64)),
        RuntimeError,
        ("float32", "float64"),
    )


def bools(name: str, x: tuple[int, ...], y: tuple[int, ...]) -> Bad:
    """Describe operands that are bool."""
    return Bad(
        "bool",
        lambda lib: getattr(lib, name)(lib.ones(x, dtype=lib.bool), lib.ones(y, dtype=lib.bool)),
        NotImplementedError,
        ("bool",),
    )


def matmul() -> Op:
    """Matrix products of all numbers of axes."""
    return Op(
        "matmul",
        (
            *(Sample(kind, normal(*pair), lambda lib, x, y: x @ y) for kind, pair in PAIRS.items()),
            *(
                Sample(kind, normal(*pair), lambda lib, x, y: lib.matmul(x, y), constant=True)
                for kind, pair in EMPTY.items()
            ),
            Sample("method", normal((2, 3), (3, 2)), lambda lib, x, y: x.matmul(y)),
            Sample("transposed", transposed(normal, (3, 4), (4, 2)), lambda lib, x, y: lib.matmul(x, y)),
            Sample("transposed stacks", transposed(normal, (5, 3, 4), (5, 4, 2)), lambda lib, x, y: x @ y),
            Sample("strided", strided(normal, (3, 4), (4, 2)), lambda lib, x, y: x @ y),
            Sample("transposed inside", normal((4, 3), (2, 4)), lambda lib, x, y: x.mT @ y.mT),
            Sample("square of a matrix", normal((3, 3)), lambda lib, x: x @ x),
            Sample("Gram matrix", normal((3, 4)), lambda lib, x: x @ x.mT),
            Sample("three factors", normal((2, 3), (3, 4), (4, 2)), lambda lib, x, y, z: x @ y @ z),
        ),
        errors=(
            bad("inner sizes", "matmul", (2, 3), (4, 5)),
            bad("inner sizes of stacks", "matmul", (2, 2, 3), (2, 4, 5)),
            bad("inner size of a row", "matmul", (3,), (2, 4, 5)),
            bad("vectors", "matmul", (3,), (4,)),
            bad("stacks", "matmul", (2, 3, 4), (3, 4, 5)),
            Bad("0-d", lambda lib: lib.ones(()) @ lib.ones(2), RuntimeError, ("0D", "1D")),
            Bad("a number", lambda lib: lib.ones(2) @ 2, TypeError, ("int",)),
            Bad("a number on the left", lambda lib: 2 @ lib.ones(2), TypeError, ("int",)),
            dtypes("matmul", (2, 3), (3, 2)),
            bools("matmul", (2, 3), (3, 2)),
        ),
        integers=tuple(
            Sample(f"{dtype}, {kind}", whole(dtype, 0, 30, *PAIRS[kind]), lambda lib, x, y: x @ y)
            for dtype in ("int64", "int32", "uint8")
            for kind in ("matrices", "vectors", "broadcast stacks")
        ),
    )


OPS = (
    matmul(),
    product(
        "mm",
        (3, 4),
        (4, 3),
        bad("inner sizes", "mm", (2, 3), (4, 5)),
        bad("a vector", "mm", (2,), (2, 3), ("[2]", "2-D")),
        bad("a stack", "mm", (2, 3), (2, 3, 4), ("[2, 3, 4]", "2-D")),
        dtypes("mm", (2, 3), (3, 2)),
        bools("mm", (2, 3), (3, 2)),
    ),
    product(
        "bmm",
        (2, 3, 4),
        (2, 4, 3),
        bad("inner sizes", "bmm", (2, 3, 4), (2, 5, 6)),
        bad("lengths", "bmm", (2, 3, 4), (3, 4, 6)),
        bad("one stack", "bmm", (1, 3, 4), (3, 4, 6)),
        bad("a matrix", "bmm", (3, 4), (3, 4, 6), ("[3, 4]", "3-D")),
        dtypes("bmm", (2, 3, 4), (2, 4, 3)),
        bools("bmm", (2, 3, 4), (2, 4, 3)),
    ),
    product(
        "mv",
        (3, 4),
        (4,),
        bad("sizes", "mv", (2, 3), (4,)),
        bad("vectors", "mv", (2,), (2,), ("[2]", "2-D")),
        bad("matrices", "mv", (2, 2), (2, 2), ("[2, 2]", "1-D")),
        dtypes("mv", (2, 3), (3,)),
        bools("mv", (2, 3), (3,)),
    ),
    *(
        product(
            name,
            (4,),
            (4,),
            bad("sizes", name, (2,), (3,)),
            bad("a matrix", name, (2, 2), (2,), ("[2, 2]", "1-D")),
            dtypes(name, (2,), (2,)),
            bools(name, (2,), (2,)),
        )
        for name in ("dot", "vdot")
    ),
    added(
        "addmm",
        ((2, 4), (4,), (2, 1), (), (1, 4)),
        (2, 3),
        (3, 4),
        Bad(
            "inner sizes",
            lambda lib: lib.addmm(lib.ones(3), lib.ones(2, 3), lib.ones(2, 3)),
            RuntimeError,
            ("[2, 3]",),
        ),
        Bad(
            "too many axes",
            lambda lib: lib.addmm(lib.ones(2, 2, 3), lib.ones(2, 3), lib.ones(3, 3)),
            RuntimeError,
            ("[2, 2, 3]", "[2, 3]"),
        ),
        Bad(
            "dtypes",
            lambda lib: lib.addmm(lib.ones(3, dtype=lib.float64), lib.ones(2, 3), lib.ones(3, 3)),
            RuntimeError,
            ("float64", "float32"),
        ),
        Bad(
            "a vector",
            lambda lib: lib.addmm(lib.ones(3), lib.ones(2, 3), lib.ones(3)),
            RuntimeError,
            ("[3]", "2-D"),
        ),
    ),
    added(
        "addmv",
        ((2,), (), (1,)),
        (2, 3),
        (3,),
        Bad(
            "sizes",
            lambda lib: lib.addmv(lib.ones(2), lib.ones(2, 3), lib.ones(2)),
            RuntimeError,
            ("[2, 3]", "[2]"),
        ),
    ),
    added(
        "baddbmm",
        ((2, 3, 5), (5,), (2, 1, 1), (3, 1)),
        (2, 3, 4),
        (2, 4, 5),
        Bad(
            "inner sizes",
            lambda lib: lib.baddbmm(lib.ones(3), lib.ones(2, 3, 3), lib.ones(2, 2, 3)),
            RuntimeError,
            ("[2, 3, 3]", "[2, 2, 3]"),
        ),
    ),
    added(
        "addbmm",
        ((3, 5), (5,), (3, 1), ()),
        (2, 3, 4),
        (2, 4, 5),
        Bad(
            "lengths",
            lambda lib: lib.addbmm(lib.ones(3), lib.ones(2, 3, 3), lib.ones(3, 3, 3)),
            RuntimeError,
            ("[2, 3, 3]", "[3, 3, 3]"),
        ),
    ),
)
