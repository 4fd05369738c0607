"""Distances, angles, and losses of margins, off the kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.families.loss import REDUCTIONS, call, fails
from tests.ops.op import Make, Op, Sample, normal, staggered, strided, transposed, within


def signs(*shape: int) -> Callable[[Any], Any]:
    """Return a maker, by library, of alternating 1 and -1 in float64."""
    return lambda lib: lib.tensor(np.resize([1.0, -1.0, -1.0], shape))


def with_target(
    name: str,
    make: Callable[..., Make],
    target: Callable[..., Callable[[Any], Any]],
    options: dict[str, dict[str, Any]] | None = None,
    **facts: Any,
) -> Op:
    """A loss of one tensor and a target that has no gradient."""
    shapes = {"size 1": (1,), "odd sizes": (5, 3, 7)}
    samples = [
        *(Sample(r, make((3, 4)), call(name, target(3, 4), reduction=r)) for r in REDUCTIONS),
        Sample("size 0", make((0, 3)), call(name, target(0, 3), reduction="sum"), constant=True),
        *(Sample(k, make(s), call(name, target(*s), reduction="none")) for k, s in shapes.items()),
        Sample("transposed", transposed(make, (3, 4)), call(name, target(3, 4), reduction="none")),
        Sample("strided", strided(make, (3, 4)), call(name, target(3, 4), reduction="none")),
        *(
            Sample(kind, make((3, 4)), call(name, target(3, 4), **chosen))
            for kind, chosen in (options or {}).items()
        ),
    ]
    return Op(f"nn.functional.{name}", tuple(samples), **facts)


MARGINS = (
    with_target(
        "soft_margin_loss",
        normal,
        signs,
        errors=(fails("soft_margin_loss", RuntimeError, ("[2, 3]", "[4]"), (2, 3), (4,))("sizes"),),
    ),
    with_target(
        "hinge_embedding_loss",
        within(0.1, 0.9),
        signs,
        {"margin": {"margin": 0.05}, "wide": {"margin": 3.0}},
        errors=(fails("hinge_embedding_loss", RuntimeError, ("[2, 3]", "[4]"), (4,), (2, 3))("sizes"),),
    ),
    Op(
        "nn.functional.margin_ranking_loss",
        (
            *(
                Sample(r, staggered((3, 4), (3, 4)), call("margin_ranking_loss", signs(3, 4), reduction=r))
                for r in REDUCTIONS
            ),
            Sample("margin", staggered((3, 4), (3, 4)), call("margin_ranking_loss", signs(3, 4), margin=0.5)),
            Sample("broadcast", staggered((3, 4), (1, 4)), call("margin_ranking_loss", signs(3, 1))),
            Sample("strided", strided(staggered, (3, 4), (3, 4)), call("margin_ranking_loss", signs(3, 4))),
        ),
        errors=(
            fails("margin_ranking_loss", RuntimeError, ("[2, 3]", "[3]"), (2, 3), (2, 3), (3,))("axes"),
            fails("margin_ranking_loss", RuntimeError, ("[2]", "[3]"), (2,), (3,), (2,))("sizes"),
        ),
    ),
    Op(
        "nn.functional.cosine_embedding_loss",
        (
            *(
                Sample(r, normal((4, 3), (4, 3)), call("cosine_embedding_loss", signs(4), reduction=r))
                for r in REDUCTIONS
            ),
            Sample("margin", normal((4, 3), (4, 3)), call("cosine_embedding_loss", signs(4), margin=-0.9)),
            Sample(
                "one row",
                normal((3,), (3,)),
                call("cosine_embedding_loss", lambda lib: lib.tensor(np.array(1.0))),
            ),
            Sample("transposed", transposed(normal, (4, 3), (4, 3)), call("cosine_embedding_loss", signs(4))),
        ),
        errors=(
            fails("cosine_embedding_loss", RuntimeError, ("[2, 3]",), (2, 3), (2, 3), (2, 3))("target"),
            fails("cosine_embedding_loss", RuntimeError, ("[2, 3]", "[2, 4]"), (2, 3), (2, 4), (2,))("sizes"),
        ),
    ),
    Op(
        "nn.functional.triplet_margin_loss",
        (
            *(
                Sample(
                    r, normal((4, 3), (4, 3), (4, 3)), call("triplet_margin_loss", reduction=r, margin=5.0)
                )
                for r in REDUCTIONS
            ),
            Sample("p 1", normal((4, 3), (4, 3), (4, 3)), call("triplet_margin_loss", p=1, margin=9.0)),
            Sample(
                "swap", normal((4, 3), (4, 3), (4, 3)), call("triplet_margin_loss", swap=True, margin=5.0)
            ),
            Sample("one row", normal((3,), (3,), (3,)), call("triplet_margin_loss", margin=5.0, eps=0.1)),
            Sample("default", normal((4, 3), (4, 3), (4, 3)), call("triplet_margin_loss")),
        ),
        errors=(
            fails("triplet_margin_loss", ValueError, ("-1",), (2, 3), (2, 3), (2, 3), margin=-1)("margin"),
            fails("triplet_margin_loss", RuntimeError, ("[2, 3]", "[3]"), (2, 3), (3,), (2, 3))("axes"),
            fails("triplet_margin_loss", RuntimeError, ("[2, 3]", "[2, 4]"), (2, 3), (2, 4), (2, 3))("sizes"),
        ),
    ),
    Op(
        "nn.functional.triplet_margin_with_distance_loss",
        (
            Sample("default", normal((4, 3), (4, 3), (4, 3)), call("triplet_margin_with_distance_loss")),
            Sample(
                "a distance",
                normal((4, 3), (4, 3), (4, 3)),
                lambda lib, a, p, n: lib.nn.functional.triplet_margin_with_distance_loss(
                    a,
                    p,
                    n,
                    distance_function=lambda x, y: 1 - lib.nn.functional.cosine_similarity(x, y),
                    swap=True,
                    reduction="none",
                    margin=3.0,
                ),
            ),
        ),
    ),
)

DISTANCES = (
    Op(
        "nn.functional.cosine_similarity",
        (
            Sample("axis 1", normal((3, 4), (3, 4)), call("cosine_similarity")),
            Sample("axis 0", normal((3, 4), (3, 4)), call("cosine_similarity", dim=0)),
            Sample("last axis", normal((2, 3, 4), (2, 3, 4)), call("cosine_similarity", dim=-1)),
            Sample("broadcast", normal((2, 1, 4), (3, 1)), call("cosine_similarity", dim=2)),
            Sample("one row", normal((3, 4), (4,)), call("cosine_similarity")),
            Sample("transposed", transposed(normal, (3, 4), (3, 4)), call("cosine_similarity")),
            Sample("size 0", normal((0, 4), (0, 4)), call("cosine_similarity"), constant=True),
        ),
        errors=(
            fails("cosine_similarity", RuntimeError, ("[2, 3]", "[4]"), (2, 3), (4,))("sizes"),
            fails("cosine_similarity", IndexError, ("[-1, 0]", "1"), (3,), (3,))("axis"),
            fails("cosine_similarity", RuntimeError, ("int64",), ((2, 3), "int64"), ((2, 3), "int64"))(
                "whole numbers"
            ),
        ),
    ),
    Op(
        "nn.functional.pairwise_distance",
        (
            Sample("2", normal((3, 4), (3, 4)), call("pairwise_distance")),
            Sample("1", staggered((3, 4), (3, 4)), call("pairwise_distance", 1.0)),
            Sample("3 keepdim", staggered((3, 4), (3, 4)), call("pairwise_distance", 3, keepdim=True)),
            Sample("2 keepdim", normal((3, 4), (3, 4)), call("pairwise_distance", keepdim=True)),
            Sample("1.5", staggered((3, 4), (3, 4)), call("pairwise_distance", 1.5)),
            Sample("inf", staggered((3, 4), (3, 4)), call("pairwise_distance", float("inf"))),
            Sample("-inf", staggered((3, 4), (3, 4)), call("pairwise_distance", float("-inf"))),
            Sample("broadcast", normal((2, 3, 4), (3, 1)), call("pairwise_distance", eps=0.1)),
            Sample("one row", normal((4,), (4,)), call("pairwise_distance")),
            Sample("strided", strided(normal, (3, 4), (3, 4)), call("pairwise_distance")),
            Sample("size 0", normal((0, 4), (0, 4)), call("pairwise_distance"), constant=True),
        ),
        errors=(fails("pairwise_distance", RuntimeError, ("[2, 3]", "[4]"), (2, 3), (4,))("sizes"),),
    ),
)

OPS = (*MARGINS, *DISTANCES)
