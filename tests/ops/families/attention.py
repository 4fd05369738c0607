"""Attention: masks of bools and of numbers, causal, scaled, of several shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, normal, strided, transposed

SEEN = np.array([[True, False, True, True, False], [False, True, True, True, True], [True] * 5])


def call(**options: Any) -> Callable[..., Any]:
    return lambda lib, *xs: lib.nn.functional.scaled_dot_product_attention(*xs, **options)


def masked(mask: np.ndarray) -> Callable[..., Any]:
    """Attention with a mask, a number mask in the dtype of the query."""

    def run(lib: Any, *xs: Any) -> Any:
        seen = lib.tensor(mask)
        seen = seen if mask.dtype == bool else seen.to(xs[0].dtype)
        return lib.nn.functional.scaled_dot_product_attention(*xs, attn_mask=seen)

    return run


QKV = ((2, 3, 4), (2, 5, 4), (2, 5, 6))

OPS = (
    Op(
        "nn.functional.scaled_dot_product_attention",
        (
            Sample("3-d", normal(*QKV), call()),
            Sample("2-d", normal((3, 4), (5, 4), (5, 6)), call()),
            Sample("heads", normal((2, 3, 3, 4), (2, 3, 5, 4), (2, 3, 5, 4)), call()),
            Sample("scale", normal(*QKV), call(scale=0.3)),
            Sample("causal", normal((2, 4, 3), (2, 4, 3), (2, 4, 3)), call(is_causal=True)),
            Sample("causal, more keys", normal(*QKV), call(is_causal=True)),
            Sample("mask", normal(*QKV), masked(SEEN)),
            Sample("mask of each", normal(*QKV), masked(np.stack([SEEN, SEEN[::-1]]))),
            Sample("mask of numbers", normal(*QKV), masked(np.where(SEEN, 0.5, -np.inf))),
            Sample("a query without keys", normal(*QKV), masked(SEEN & [[True], [False], [True]])),
            Sample(
                "a mask with a gradient",
                normal(*QKV, (3, 5)),
                lambda lib, q, k, v, m: lib.nn.functional.scaled_dot_product_attention(q, k, v, m),
            ),
            Sample("one key", normal((2, 3, 4), (2, 1, 4), (2, 1, 6)), call()),
            Sample("strided", strided(normal, *QKV), call()),
            Sample("transposed", transposed(normal, (3, 4), (5, 4), (5, 6)), call()),
        ),
        errors=(
            Bad(
                "two masks",
                lambda lib: call(attn_mask=lib.ones(2, 2), is_causal=True)(lib, *[lib.ones(2, 2)] * 3),
                RuntimeError,
                ("is_causal",),
            ),
            Bad(
                "dtypes",
                lambda lib: call()(lib, lib.ones(2, 2), lib.ones(2, 2, dtype=lib.float64), lib.ones(2, 2)),
                RuntimeError,
                ("float32", "float64"),
            ),
            Bad(
                "widths",
                lambda lib: call()(lib, lib.ones(2, 3), lib.ones(2, 4), lib.ones(2, 4)),
                RuntimeError,
                ("[2, 3]", "[4, 2]"),
            ),
            Bad(
                "mask",
                lambda lib: call(attn_mask=lib.ones(3, 3))(lib, *[lib.ones(2, 2)] * 3),
                RuntimeError,
                ("[2, 2]", "[3, 3]"),
            ),
            Bad("one axis", lambda lib: call()(lib, *[lib.ones(2)] * 3), (RuntimeError), ("[2]",)),
        ),
    ),
)
