"""Variances, norms and logsumexp."""

from __future__ import annotations

from functools import partial

from tests.ops.families.reduce import bad_dims, over_axes, sized
from tests.ops.op import Bad, Make, NoError, Op, Sample, distinct, named, normal, whole

INF = float("inf")


def distinct_sizes(shape: tuple[int, ...]) -> Make:
    """Distinct values no two of which differ only in sign."""
    return lambda rng: tuple(array + 0.02 for array in distinct(shape)(rng))


def _spread(name: str) -> Op:
    call = named(name)
    # The deviation of a single number is 0/0 in torch too; of dim=() torch knows the value, but NaN as gradient.
    samples = tuple(
        s
        for s in over_axes(name, normal)
        if s.kind not in ("0-d", "0-d, axis", "size 1", "size 0", "no axes")
    )
    return Op(
        name,
        (
            *samples,
            Sample("one of many", normal((1, 4)), lambda lib, x: call(lib, x, 1)),
            Sample("unbiased", normal((3, 4)), lambda lib, x: call(lib, x, 1, True)),
            Sample("biased", normal((3, 4)), lambda lib, x: call(lib, x, 1, False, True)),
            Sample("biased over all", normal((3, 4)), lambda lib, x: call(lib, x, False)),
            Sample("biased by name", normal((3, 4)), lambda lib, x: call(lib, x, dim=(0, 1), unbiased=False)),
            Sample(
                "correction", normal((3, 4)), lambda lib, x: call(lib, x, dim=0, correction=0, keepdim=True)
            ),
            Sample("part of a correction", normal((3, 4)), lambda lib, x: call(lib, x, 1, correction=0.5)),
        ),
        errors=(
            *bad_dims(name),
            Bad("whole numbers", lambda lib: call(lib, lib.arange(3)), RuntimeError, ("int64",)),
            Bad(
                "both corrections",
                lambda lib: call(lib, lib.ones(3), 0, True, correction=1),
                TypeError,
                ("correction=1", "unbiased=True"),
            ),
        ),
    )


def _spread_mean(name: str) -> Op:
    call = named(name)
    return Op(
        name,
        (
            Sample("all", normal((3, 4)), call),
            Sample("axis", normal((3, 4)), lambda lib, x: call(lib, x, 1)),
            Sample("kept", normal((3, 4, 2)), lambda lib, x: call(lib, x, (0, 2), keepdim=True)),
            Sample("biased", normal((3, 4)), lambda lib, x: call(lib, x, 0, False)),
            Sample("correction", normal((3, 4)), lambda lib, x: call(lib, x, dim=0, correction=0)),
        ),
        errors=(
            *bad_dims(name),
            Bad("whole numbers", lambda lib: call(lib, lib.arange(3)), RuntimeError, ("int64",)),
        ),
    )


def _norm() -> Op:
    call = partial(named, "norm")
    return Op(
        "norm",
        (
            *sized(distinct, lambda lib, x: lib.norm(x)),
            *(
                Sample(f"p={p}", distinct_sizes((3, 4)), call(p, dim=1))
                for p in (1, 2, 3, 0.5, 1.5, -1, -2, INF, -INF, 2.0, "fro")
            ),
            Sample("p=0", distinct((3, 4)), call(0, dim=1), constant=True),
            Sample("p=3 over all", distinct((3, 4)), call(3)),
            Sample("axes", distinct((3, 4, 2)), call(2, (0, 2))),
            Sample("kept", distinct((3, 4, 2)), call(2, dim=(1, 2), keepdim=True)),
            Sample("no axes", distinct((3, 4)), call(2, ())),
            Sample("nothing", distinct((3, 0)), call(2, 1), constant=True),
            Sample("dtype", distinct((3, 4)), lambda lib, x: lib.norm(x, 2, dtype=lib.float64)),
            Sample("method", distinct((3, 4)), lambda lib, x: x.norm(p=2, dim=1, keepdim=True)),
            Sample("method of all", distinct((3, 4)), lambda lib, x: x.norm()),
        ),
        errors=(
            *bad_dims("norm"),
            Bad("whole numbers", lambda lib: lib.norm(lib.arange(3)), RuntimeError, ("int64",)),
            Bad("unknown order", lambda lib: lib.norm(lib.ones(2, 2), "x"), RuntimeError, ("x",)),
            Bad(
                "maximum of nothing", lambda lib: lib.norm(lib.ones(2, 0), INF, 1), RuntimeError, ("[2, 0]",)
            ),
            # tinynet has no singular values yet.
            Bad(
                "nuclear", lambda lib: lib.norm(lib.ones(2, 2), "nuc"), NotImplementedError, ("nuc",), NoError
            ),
        ),
    )


def _logsumexp() -> Op:
    call = partial(named, "logsumexp")
    return Op(
        "logsumexp",
        (
            *sized(normal, call(-1)),
            Sample("axes", normal((3, 4, 2)), call((0, 2))),
            Sample("list of axes", normal((3, 4, 2)), call([0, 1], True)),
            Sample("kept", normal((3, 4, 2)), call(dim=1, keepdim=True)),
            Sample("nothing", normal((3, 0)), call(1), constant=True),
            Sample("large", lambda rng: (rng.standard_normal((3, 4)) + [[1000.0], [-1000], [0]],), call(1)),
            Sample("method", normal((3, 4)), lambda lib, x: x.logsumexp(dim=0)),
        ),
        errors=(
            *bad_dims("logsumexp"),
            Bad("no axis", lambda lib: lib.logsumexp(lib.ones(2), None), TypeError, ("None",)),
        ),
        integers=(
            Sample("int64", whole("int64", -3, 4, (3, 4)), call(1)),
            Sample("bool", whole("bool", 0, 2, (3, 4)), call(0)),
        ),
    )


def _dist() -> Op:
    call = named("dist")
    return Op(
        "dist",
        (
            Sample("same", normal((3, 4), (3, 4)), call),
            Sample("broadcast", normal((3, 1, 4), (2, 1)), call),
            Sample("0-d", normal((), (3,)), call),
            Sample("size 0", normal((0, 3), (3,)), call, constant=True),
            *(Sample(f"p={p}", normal((3, 4), (4,)), named("dist", p)) for p in (1, 3, INF)),
            Sample("method", normal((3,), (3,)), lambda lib, x, y: x.dist(y, p=2)),
        ),
        errors=(
            Bad("shapes", lambda lib: lib.dist(lib.ones(2, 3), lib.ones(4)), RuntimeError, ("[2, 3]", "[4]")),
        ),
    )


OPS: tuple[Op, ...] = (
    _spread("var"),
    _spread("std"),
    _spread_mean("var_mean"),
    _spread_mean("std_mean"),
    _norm(),
    _dist(),
    _logsumexp(),
)
