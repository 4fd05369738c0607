"""Losses of classes: class numbers of any shape, weights, ignored classes, label smoothing, probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, distinct, normal, positive, strided, transposed

SHAPES = {
    "batch": (6, 4),
    "batch 1": (1, 4),
    "no batch": (4,),
    "one axis": (3, 4, 5),
    "images": (2, 4, 3, 5),
    "no axes beside": (2, 4, 1),
}


def classes(shape: tuple[int, ...], ignored: int | None = None) -> np.ndarray:
    """Class numbers for scores of a shape, some of them the ignored one."""
    axis = min(len(shape) - 1, 1)
    labels = np.random.default_rng(0).integers(0, shape[axis], shape[:axis] + shape[axis + 1 :])
    labels = np.asarray(labels)
    if ignored is not None:
        labels.flat[::3] = ignored
        labels.flat[1] = 3
    return labels


def call(name: str, labels: np.ndarray, weight: bool = False, **options: Any) -> Callable[..., Any]:
    def run(lib: Any, x: Any) -> Any:
        if weight:
            options["weight"] = lib.tensor(np.array([0.5, 2.0, 0.0, 1.25])).to(x.dtype)
        return getattr(lib.nn.functional, name)(x, lib.tensor(labels), **options)

    return run


def of_classes(name: str) -> tuple[Sample, ...]:
    """Samples that cross_entropy and nll_loss share."""
    images = SHAPES["images"]
    return (
        *(Sample(kind, normal(shape), call(name, classes(shape))) for kind, shape in SHAPES.items()),
        Sample("sum", normal(images), call(name, classes(images), reduction="sum")),
        Sample("none", normal(images), call(name, classes(images), reduction="none")),
        Sample("weight", normal((6, 4)), call(name, classes((6, 4)), True)),
        Sample("weight none", normal(images), call(name, classes(images), True, reduction="none")),
        Sample("ignored", normal((6, 4)), call(name, classes((6, 4), 1), ignore_index=1)),
        Sample("ignored outside", normal((6, 4)), call(name, classes((6, 4), -7), True, ignore_index=-7)),
        Sample("ignored by default", normal(images), call(name, classes(images, -100), reduction="sum")),
        Sample("transposed", transposed(normal, (6, 4)), call(name, classes((6, 4)))),
        Sample("strided", strided(normal, (6, 4)), call(name, classes((6, 4)))),
        Sample("size 0", normal((0, 4)), call(name, np.zeros(0, int), reduction="sum"), constant=True),
    )


def smoothed() -> tuple[Sample, ...]:
    images = SHAPES["images"]
    options = {
        "smooth": {"label_smoothing": 0.1},
        "smooth weight": {"label_smoothing": 0.3, "weight": True},
        "smooth none": {"label_smoothing": 0.3, "reduction": "none"},
        "smooth sum": {"label_smoothing": 0.3, "reduction": "sum", "weight": True},
        "only smoothing": {"label_smoothing": 1.0},
        "smooth ignored": {"label_smoothing": 0.1, "weight": True, "ignore_index": 1},
    }
    return tuple(
        Sample(
            kind, normal(images), call("cross_entropy", classes(images, chosen.get("ignore_index")), **chosen)
        )
        for kind, chosen in options.items()
    )


def soft(weight: bool = False, **options: Any) -> Callable[..., Any]:
    """cross_entropy with a target of probabilities, which gets a gradient too."""

    def run(lib: Any, x: Any, target: Any) -> Any:
        if weight:
            options["weight"] = lib.tensor(np.array([0.5, 2.0, 0.0, 1.25])).to(x.dtype)
        return lib.nn.functional.cross_entropy(x, target, **options)

    return run


def probabilities() -> tuple[Sample, ...]:
    return (
        Sample("probabilities", positive((6, 4), (6, 4)), soft()),
        Sample("probabilities of one", positive((4,), (4,)), soft(reduction="sum")),
        Sample("probabilities of images", positive((2, 4, 3, 5), (2, 4, 3, 5)), soft(True, reduction="none")),
        Sample("probabilities weight", positive((6, 4), (6, 4)), soft(True)),
        Sample("probabilities smooth", positive((6, 4), (6, 4)), soft(True, label_smoothing=0.2)),
    )


def bad(
    name: str,
    kind: str,
    x: tuple[int, ...],
    target: Any,
    error: type[Exception],
    words: tuple[str, ...],
    dtype: str = "float32",
    weight: tuple[int, str] | None = None,
    torch_error: type[Exception] | None = None,
    **options: Any,
) -> Bad:
    def run(lib: Any) -> Any:
        if weight is not None:
            options["weight"] = lib.ones(weight[0], dtype=getattr(lib, weight[1]))
        scores = lib.ones(x, dtype=getattr(lib, dtype))
        return getattr(lib.nn.functional, name)(scores, lib.tensor(np.asarray(target)), **options)

    return Bad(kind, run, error, words, torch_error)


def shared_errors(name: str) -> tuple[Bad, ...]:
    return (
        bad(name, "class above", (3, 4), [0, 4, 1], IndexError, ("Target 4", "4 classes")),
        bad(name, "class below", (3, 4), [0, 1, -1], IndexError, ("Target -1",)),
        bad(name, "ignored replaced", (3, 4), [0, 1, -100], IndexError, ("Target -100",), ignore_index=2),
        bad(name, "class of a pixel", (1, 4, 2, 1), [[[1], [9]]], IndexError, ("Target 9",)),
        bad(name, "fewer targets", (3, 4), [0, 1], ValueError, ("[2]",)),
        bad(name, "reduction", (3, 4), [0, 1, 2], ValueError, ("avg",), reduction="avg"),
        bad(name, "weights", (3, 4), [0, 1, 2], RuntimeError, ("4 classes", "[3]"), weight=(3, "float32")),
        bad(
            name,
            "dtype of weights",
            (3, 4),
            [0, 1, 2],
            RuntimeError,
            ("float32", "float64"),
            weight=(4, "float64"),
        ),
        bad(name, "whole numbers", (3, 4), [0, 1, 2], RuntimeError, ("int64",), dtype="int64"),
        bad(name, "bool", (3, 4), [True, True, False], RuntimeError, ("bool",)),
    )


MARGIN = (
    *(
        Sample(r, distinct((6, 4)), call("multi_margin_loss", classes((6, 4)), reduction=r))
        for r in ("mean", "sum", "none")
    ),
    Sample("p 2", distinct((6, 4)), call("multi_margin_loss", classes((6, 4)), p=2, reduction="none")),
    Sample("weight", distinct((6, 4)), call("multi_margin_loss", classes((6, 4)), True, margin=0.77)),
    Sample("one row", distinct((4,)), call("multi_margin_loss", np.array(2), margin=0.77)),
)

OPS = (
    Op(
        "nn.functional.cross_entropy",
        (*of_classes("cross_entropy"), *smoothed(), *probabilities()),
        errors=(
            *shared_errors("cross_entropy"),
            bad(
                "cross_entropy",
                "column",
                (3, 4),
                [[0], [1], [2]],
                ValueError,
                ("[3]", "[3, 4]", "[3, 1]"),
                torch_error=RuntimeError,
            ),
            bad(
                "cross_entropy",
                "probabilities",
                (3, 4),
                np.zeros((3, 5)),
                ValueError,
                ("[3, 4]", "[3, 5]"),
                torch_error=RuntimeError,
            ),
            bad("cross_entropy", "smoothing", (3, 4), [0, 1, 2], RuntimeError, ("1.5",), label_smoothing=1.5),
            bad(
                "cross_entropy",
                "ignored probabilities",
                (3, 4),
                np.zeros((3, 4)),
                RuntimeError,
                ("ignore_index 1",),
                ignore_index=1,
            ),
        ),
    ),
    Op(
        "nn.functional.nll_loss",
        of_classes("nll_loss"),
        errors=(
            *shared_errors("nll_loss"),
            bad("nll_loss", "no axes", (), 0, ValueError, ("[]",)),
            bad("nll_loss", "columns", (3, 4), [[0], [1], [2]], RuntimeError, ("[3]", "[3, 4]", "[3, 1]")),
            bad(
                "nll_loss",
                "pixels",
                (1, 4, 2, 1),
                [[[1], [9], [1]]],
                RuntimeError,
                ("[1, 2, 1]", "[1, 3, 1]"),
            ),
            bad("nll_loss", "floating point", (2, 4), [0.0, 1.0], RuntimeError, ("float64",)),
        ),
    ),
    Op(
        "nn.functional.multi_margin_loss",
        MARGIN,
        errors=(
            bad("multi_margin_loss", "p", (3, 4), [0, 1, 2], ValueError, ("3",), p=3),
            bad("multi_margin_loss", "class", (3, 4), [0, 4, 2], RuntimeError, ("4",)),
            bad("multi_margin_loss", "axes", (3, 4, 2), [0, 1, 2], RuntimeError, ("[3, 4, 2]",)),
            bad("multi_margin_loss", "targets", (3, 4), [0, 1], RuntimeError, ("[3]", "[2]", "[3, 4]")),
            bad(
                "multi_margin_loss",
                "weights",
                (3, 4),
                [0, 1, 2],
                RuntimeError,
                ("4", "[3]"),
                weight=(3, "float32"),
            ),
        ),
    ),
)
