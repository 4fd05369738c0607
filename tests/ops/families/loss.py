"""Losses of each element and distances: all reductions and options, off the kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import (
    Arrays,
    Bad,
    Make,
    Op,
    Sample,
    normal,
    positive,
    strided,
    transposed,
    within,
)

REDUCTIONS = ("mean", "sum", "none")
probability = within(0.05, 0.95)


def call(name: str, *more: Any, **options: Any) -> Callable[..., Any]:
    """Call a loss on the sample's tensors, then on `more`; what is callable there makes a tensor of the library."""

    def run(lib: Any, *xs: Any) -> Any:
        extra = [_like(m(lib), xs[0]) if callable(m) else m for m in more]
        named = {k: _like(v(lib), xs[0]) if callable(v) else v for k, v in options.items()}
        return getattr(lib.nn.functional, name)(*xs, *extra, **named)

    return run


def _like(tensor: Any, x: Any) -> Any:
    return tensor.to(x.dtype)


def elementwise(
    name: str, make: Callable[..., Make], options: dict[str, dict[str, Any]] | None = None, **facts: Any
) -> Op:
    """A loss of two tensors of one shape: every reduction, shape, layout, and option."""
    samples = [
        *(
            Sample(r, make((3, 4), (3, 4)), call(name, reduction=r))
            for r in facts.pop("reductions", REDUCTIONS)
        ),
        Sample("0-d", make((), ()), call(name, reduction="sum")),
        Sample("size 0", make((0, 3), (0, 3)), call(name, reduction="sum"), constant=True),
        Sample("size 1", make((1,), (1,)), call(name, reduction="none")),
        Sample("odd sizes", make((5, 3, 7), (5, 3, 7)), call(name, reduction="sum")),
        Sample("transposed", transposed(make, (3, 4), (3, 4)), call(name, reduction="none")),
        Sample("strided", strided(make, (3, 4), (3, 4)), call(name, reduction="none")),
        *(
            Sample(kind, make((3, 4), (3, 4)), call(name, **{"reduction": "sum", **chosen}))
            for kind, chosen in (options or {}).items()
        ),
    ]
    return Op(f"nn.functional.{name}", tuple(samples), **facts)


def weights(*shape: int) -> Callable[[Any], Any]:
    return lambda lib: lib.tensor(np.linspace(0.5, 2, int(np.prod(shape))).reshape(shape))


def fails(name: str, error: type[Exception], words: tuple[str, ...], *shapes: Any, **options: Any) -> Any:
    """A call on ones of the given shapes that must fail; of a pair (shape, dtype) in that dtype."""

    def run(lib: Any) -> Any:
        tensors = [
            lib.ones(s[0], dtype=getattr(lib, s[1])) if s and isinstance(s[-1], str) else lib.ones(s)
            for s in shapes
        ]
        return getattr(lib.nn.functional, name)(*tensors, **options)

    return lambda kind: Bad(kind, run, error, words)


def regression_errors(name: str) -> tuple[Bad, ...]:
    return (
        fails(name, RuntimeError, ("int64",), ((2,), "int64"), ((2,), "int64"))("whole numbers"),
        fails(name, ValueError, ("avg",), (2,), (2,), reduction="avg")("reduction"),
    )


def apart(*shapes: tuple[int, ...]) -> Make:
    """Two arrays whose differences keep off 0, 0.5, 1 and 1.5, far from and near to them."""

    def make(rng: np.random.Generator) -> Arrays:
        (x,) = normal(shapes[0])(rng)
        return x, np.asarray(x + np.resize([0.31, -0.77, 1.23, -2.41, 0.11], x.shape))

    return make


WEIGHTS = {
    "weight": {"weight": weights(3, 4)},
    "weighted mean": {"weight": weights(3, 4), "reduction": "mean"},
}

REGRESSION = (
    elementwise("mse_loss", normal, WEIGHTS, errors=regression_errors("mse_loss")),
    elementwise("l1_loss", apart, WEIGHTS, errors=regression_errors("l1_loss")),
    elementwise(
        "smooth_l1_loss",
        apart,
        {"beta": {"beta": 0.5}, "large beta": {"beta": 1.5}, "beta 0": {"beta": 0.0}},
        errors=(
            *regression_errors("smooth_l1_loss"),
            fails("smooth_l1_loss", RuntimeError, ("-1.0",), (2,), (2,), beta=-1.0)("beta"),
        ),
    ),
    elementwise(
        "huber_loss",
        apart,
        {"delta": {"delta": 0.5}, "large delta": {"delta": 1.5}, **WEIGHTS},
        errors=(
            *regression_errors("huber_loss"),
            fails("huber_loss", RuntimeError, ("0.0",), (2,), (2,), delta=0.0)("delta"),
        ),
    ),
    elementwise(
        "poisson_nll_loss",
        positive,
        {
            "of counts": {"log_input": False},
            "eps": {"log_input": False, "eps": 0.1},
            "full": {"full": True},
            "full of counts": {"full": True, "log_input": False},
        },
        errors=(fails("poisson_nll_loss", ValueError, ("avg",), (2,), (2,), reduction="avg")("reduction"),),
    ),
    elementwise(
        "kl_div",
        positive,
        {
            "batchmean": {"reduction": "batchmean"},
            "log target": {"log_target": True},
            "batchmean of logs": {"log_target": True, "reduction": "batchmean"},
        },
        reductions=("sum", "none"),  # the mean warns: tests/nn/test_loss.py
        errors=(
            fails("kl_div", RuntimeError, ("int64",), (2,), ((2,), "int64"), reduction="sum")(
                "whole numbers"
            ),
            fails("kl_div", ValueError, ("avg",), (2,), (2,), reduction="avg")("reduction"),
        ),
    ),
    elementwise(
        "binary_cross_entropy",
        probability,
        {"weight": {"weight": weights(3, 4)}, "one row of weights": {"weight": weights(4)}},
        errors=(
            fails("binary_cross_entropy", ValueError, ("[3]", "[2, 3]"), (2, 3), (3,))("sizes"),
            fails("binary_cross_entropy", RuntimeError, ("float32", "float64"), (2,), ((2,), "float64"))(
                "dtypes"
            ),
            fails("binary_cross_entropy", ValueError, ("avg",), (2,), (2,), reduction="avg")("reduction"),
            fails("binary_cross_entropy", RuntimeError, ("[2]", "[2, 3]"), (2, 3), (2, 3), (2,))("weight"),
            Bad(
                "input above 1",
                lambda lib: lib.nn.functional.binary_cross_entropy(lib.ones(2) * 1.5, lib.ones(2)),
                RuntimeError,
                ("input", "between 0 and 1"),
            ),
            Bad(
                "target below 0",
                lambda lib: lib.nn.functional.binary_cross_entropy(lib.ones(2), lib.ones(2) * -1),
                RuntimeError,
                ("target", "between 0 and 1"),
            ),
        ),
    ),
    elementwise(
        "binary_cross_entropy_with_logits",
        normal,
        {
            "weight": {"weight": weights(3, 4)},
            "pos_weight": {"pos_weight": weights(4)},
            "both": {"weight": weights(3, 1), "pos_weight": weights(3, 4), "reduction": "mean"},
        },
        errors=(
            fails("binary_cross_entropy_with_logits", ValueError, ("[3]", "[2, 3]"), (2, 3), (3,))("sizes"),
            fails("binary_cross_entropy_with_logits", RuntimeError, ("int64",), (2,), ((2,), "int64"))(
                "dtypes"
            ),
            fails("binary_cross_entropy_with_logits", ValueError, ("avg",), (2,), (2,), reduction="avg")(
                "reduction"
            ),
            fails("binary_cross_entropy_with_logits", RuntimeError, ("[2]", "[2, 3]"), (2, 3), (2, 3), (2,))(
                "weight"
            ),
        ),
    ),
    Op(
        "nn.functional.multilabel_soft_margin_loss",
        (
            *(
                Sample(r, normal((3, 4), (3, 4)), call("multilabel_soft_margin_loss", reduction=r))
                for r in REDUCTIONS
            ),
            Sample("one row", normal((4,), (4,)), call("multilabel_soft_margin_loss")),
            Sample(
                "weight",
                transposed(normal, (3, 4), (3, 4)),
                call("multilabel_soft_margin_loss", weight=weights(4)),
            ),
        ),
        errors=(
            fails("multilabel_soft_margin_loss", RuntimeError, ("[2, 3]", "[4]"), (2, 3), (4,))("sizes"),
        ),
    ),
    Op(
        "nn.functional.gaussian_nll_loss",
        (
            *(
                Sample(r, positive((3, 4), (3, 4), (3, 4)), call("gaussian_nll_loss", reduction=r))
                for r in REDUCTIONS
            ),
            Sample("full", positive((3, 4), (3, 4), (3, 4)), call("gaussian_nll_loss", full=True)),
            Sample("one variance a row", positive((3, 4), (3, 4), (3,)), call("gaussian_nll_loss")),
            Sample("column of variances", positive((3, 4), (3, 4), (3, 1)), call("gaussian_nll_loss")),
            Sample("a number", positive((3, 4), (3, 4)), call("gaussian_nll_loss", 0.7, full=True)),
            Sample("broadcast", positive((3, 4), (4,), (3, 4)), call("gaussian_nll_loss")),
            Sample("transposed", transposed(positive, (3, 4), (3, 4), (3, 4)), call("gaussian_nll_loss")),
        ),
        errors=(
            fails("gaussian_nll_loss", ValueError, ("[3]", "[2, 3]"), (2, 3), (2, 3), (3,))("variances"),
            fails("gaussian_nll_loss", ValueError, ("avg",), (2,), (2,), (2,), reduction="avg")("reduction"),
            Bad(
                "negative variance",
                lambda lib: lib.nn.functional.gaussian_nll_loss(lib.ones(2), lib.ones(2), lib.ones(2) * -3),
                ValueError,
                ("negative", "-3"),
            ),
        ),
    ),
)

OPS = REGRESSION
