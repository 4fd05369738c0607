"""Pooling over windows and over grids of regions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.families.conv import bad, samples
from tests.ops.op import Arrays, Bad, Make, Op, Sample, channels_last, distinct, normal, positive, transposed

WINDOWS1: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "2": ((2, 3, 7), {"kernel_size": 2}),
    "overlap": ((2, 3, 7), {"kernel_size": (3,), "stride": (2,), "padding": (1,)}),
    "ceil": ((2, 3, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "ceil, padded": ((1, 1, 6), {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True}),
    "one signal": ((3, 6), {"kernel_size": 2, "stride": 1}),
    "empty batch": ((0, 3, 6), {"kernel_size": 2}),
}
WINDOWS2: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "2": ((2, 2, 4, 5), {"kernel_size": 2}),
    "overlap": ((1, 2, 6, 7), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
    "stride above the window": ((1, 2, 7, 6), {"kernel_size": 2, "stride": (3, 4)}),
    "ceil": ((1, 2, 6, 5), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "ceil, padded": (
        (1, 1, 6, 5),
        {"kernel_size": (3, 2), "stride": (2, 3), "padding": 1, "ceil_mode": True},
    ),
    "whole image": ((2, 3, 3, 2), {"kernel_size": (3, 2)}),
    "one image": ((3, 4, 5), {"kernel_size": (3, 2), "stride": 1}),
    "empty batch": ((0, 3, 4, 5), {"kernel_size": 2}),
}
AVG1 = WINDOWS1 | {
    "inside": ((2, 3, 7), {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    "inside, ceil": (
        (2, 3, 8),
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    ),
}
AVG2 = WINDOWS2 | {
    "inside": ((1, 2, 6, 5), {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
    "inside, ceil": (
        (1, 2, 6, 5),
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
    ),
    "divisor": ((1, 2, 4, 4), {"kernel_size": 2, "divisor_override": 3}),
    "divisor, padded, ceil": (
        (1, 2, 5, 6),
        {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "divisor_override": -2},
    ),
}
DILATED1 = {"dilated": ((1, 2, 8), {"kernel_size": 2, "stride": 1, "dilation": 3, "padding": 1})}
DILATED2: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "dilated": ((1, 1, 7, 6), {"kernel_size": 2, "stride": 1, "dilation": (2, 3)}),
    "all options": (
        (1, 2, 8, 9),
        {"kernel_size": 3, "stride": (2, 3), "padding": 1, "dilation": (3, 2), "ceil_mode": True},
    ),
}
INDICES = {"indices": ((2, 2, 5, 4), {"kernel_size": (3, 2), "stride": 1, "return_indices": True})}
GRIDS1: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "1": ((2, 3, 5), {"output_size": 1}),
    "divides": ((2, 3, 6), {"output_size": 3}),
    "does not divide": ((2, 3, 7), {"output_size": (3,)}),
    "larger": ((1, 2, 3), {"output_size": 5}),
    "one signal": ((3, 7), {"output_size": 4}),
    "empty batch": ((0, 3, 7), {"output_size": 3}),
}
GRIDS2: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "1": ((2, 3, 4, 5), {"output_size": 1}),
    "divides": ((2, 3, 6, 4), {"output_size": (3, 2)}),
    "does not divide": ((2, 2, 5, 7), {"output_size": (3, 2)}),
    "one axis divides": ((1, 2, 6, 7), {"output_size": (3, 3)}),
    "larger": ((1, 2, 2, 3), {"output_size": (None, 5)}),
    "one image": ((2, 5, 7), {"output_size": (3, 4)}),
    "of one pixel": ((2, 2, 1, 1), {"output_size": 3}),
    "empty batch": ((0, 3, 5, 7), {"output_size": (3, 2)}),
}


def _of(
    function: str, make: Any, cases: dict[str, tuple[tuple[int, ...], dict[str, Any]]]
) -> tuple[Sample, ...]:
    return samples(function, {kind: (make(shape), options) for kind, (shape, options) in cases.items()})


def _layouts(function: str, make: Any, **options: Any) -> tuple[Sample, ...]:
    shape = (2, 3, 5, 4)
    return samples(
        function,
        {
            "channels last": (channels_last(make, shape), options),
            "transposed": (transposed(make, shape), options),
        },
    )


def _window_errors(function: str) -> tuple[Bad, ...]:
    axes = int(function[-2])
    image, large = ((1, 2, 4), (5,)) if axes == 1 else ((1, 2, 4, 6), (5, 2))
    return (
        bad("window", function, (image,), ("5", "4"), kernel_size=large),
        bad("padding", function, (image,), ("half", "2"), kernel_size=2, padding=2),
        bad("axes", function, ((1, 1, 2, 4, 6),), ("[1, 1, 2, 4, 6]",), kernel_size=2),
        bad("stride", function, (image,), ("stride", "0"), kernel_size=2, stride=0),
        bad("three sizes", function, (image,), ("(1, 2, 3)",), kernel_size=(1, 2, 3)),
    )


def _grid_errors(function: str) -> tuple[Bad, ...]:
    image = (1, 2, 4, 6)[: int(function[-2]) + 2]
    return (
        bad("negative", function, (image,), ("-1",), output_size=-1),
        bad("three sizes", function, (image,), ("(1, 2, 3)",), output_size=(1, 2, 3)),
        bad("no int", function, (image,), ("1.5",), output_size=1.5, error=TypeError),
        bad("no width", function, ((1, 2, 0, 0)[: len(image)],), ("non-zero",), output_size=2),
    )


def _unpool(*shape: int) -> Make:
    """Values, which get the distinct places of _places."""
    return normal(shape)


def _places(lib: Any, shape: tuple[int, ...], size: int) -> Any:
    """Return distinct places of images of `size` pixels, in no order."""
    count = int(np.prod(shape[2:]))
    rng = np.random.default_rng(5)
    rows = [rng.permutation(size)[:count] for _ in range(int(np.prod(shape[:2])))]
    return lib.tensor(np.array(rows, np.int64).reshape(shape).tolist(), dtype=lib.int64)


def _unpool1d(lib: Any, x: Any) -> Any:
    index = _places(lib, (1, 2, 3), 7)
    return lib.nn.functional.max_unpool1d(x, index, 2, output_size=(7,))


def _unpool2d(lib: Any, x: Any) -> Any:
    index = _places(lib, (2, 2, 2, 3), 20)
    return lib.nn.functional.max_unpool2d(x, index, (2, 1), (2, 2), (0, 0), output_size=(2, 2, 4, 5))


def _round_trip(lib: Any, x: Any) -> Any:
    y, index = lib.nn.functional.max_pool2d(x, 2, return_indices=True)
    return lib.nn.functional.max_unpool2d(y, index, 2)


def _unpool_one(lib: Any, x: Any) -> Any:
    return lib.nn.functional.max_unpool2d(x, _places(lib, (1, 2, 2, 3), 24)[0], 2)


def _bad_place(lib: Any) -> Any:
    return lib.nn.functional.max_unpool2d(lib.ones(1, 1, 1, 1), lib.tensor([[[[9]]]]), 2)


def _bad_places(lib: Any) -> Any:
    return lib.nn.functional.max_unpool2d(lib.ones(1, 1, 1, 2), lib.tensor([[[[0]]]]), 2)


def _bad_size(lib: Any) -> Any:
    return lib.nn.functional.max_unpool2d(lib.ones(1, 1, 1, 1), lib.tensor([[[[0]]]]), 2, output_size=(2, 5))


def _max_index(lib: Any, x: Any) -> Arrays:
    return lib.nn.functional.adaptive_max_pool2d(x, (3, 2), return_indices=True)


OPS = (
    Op(
        "nn.functional.max_pool1d",
        _of("max_pool1d", distinct, WINDOWS1 | DILATED1),
        _window_errors("max_pool1d"),
    ),
    Op(
        "nn.functional.max_pool2d",
        (
            *_of("max_pool2d", distinct, WINDOWS2 | DILATED2 | INDICES),
            *_layouts("max_pool2d", distinct, kernel_size=(3, 2), stride=2, padding=1),
        ),
        _window_errors("max_pool2d"),
    ),
    Op("nn.functional.avg_pool1d", _of("avg_pool1d", normal, AVG1), _window_errors("avg_pool1d")),
    Op(
        "nn.functional.avg_pool2d",
        (
            *_of("avg_pool2d", normal, AVG2),
            *_layouts("avg_pool2d", normal, kernel_size=(3, 2), stride=2, padding=1),
        ),
        (
            *_window_errors("avg_pool2d"),
            bad("divisor", "avg_pool2d", ((1, 1, 4, 4),), ("divisor",), kernel_size=2, divisor_override=0),
        ),
    ),
    Op(
        "nn.functional.adaptive_avg_pool1d",
        _of("adaptive_avg_pool1d", normal, GRIDS1),
        _grid_errors("adaptive_avg_pool1d"),
    ),
    Op(
        "nn.functional.adaptive_avg_pool2d",
        (
            *_of("adaptive_avg_pool2d", normal, GRIDS2),
            *_layouts("adaptive_avg_pool2d", normal, output_size=(3, 3)),
        ),
        _grid_errors("adaptive_avg_pool2d"),
    ),
    Op(
        "nn.functional.adaptive_max_pool1d",
        _of("adaptive_max_pool1d", distinct, GRIDS1),
        _grid_errors("adaptive_max_pool1d"),
    ),
    Op(
        "nn.functional.adaptive_max_pool2d",
        (
            *_of("adaptive_max_pool2d", distinct, GRIDS2),
            *_layouts("adaptive_max_pool2d", distinct, output_size=(3, 3)),
            Sample("indices", distinct((2, 2, 5, 7)), _max_index),
        ),
        _grid_errors("adaptive_max_pool2d"),
    ),
    Op(
        "nn.functional.lp_pool1d",
        samples(
            "lp_pool1d",
            {
                "2": (positive((2, 3, 7)), {"norm_type": 2, "kernel_size": 3, "stride": 2}),
                "3, ceil": (
                    positive((2, 3, 8)),
                    {"norm_type": 3.0, "kernel_size": 3, "stride": 2, "ceil_mode": True},
                ),
                "one signal": (positive((3, 6)), {"norm_type": 1, "kernel_size": 2}),
            },
        ),
    ),
    Op(
        "nn.functional.lp_pool2d",
        samples(
            "lp_pool2d",
            {
                "2": (positive((2, 3, 4, 5)), {"norm_type": 2, "kernel_size": 2}),
                "of both signs": (
                    distinct((1, 2, 5, 6)),
                    {"norm_type": 2.0, "kernel_size": (3, 2), "stride": 2},
                ),
                "1.5, ceil": (
                    positive((1, 2, 6, 5)),
                    {"norm_type": 1.5, "kernel_size": 3, "stride": 2, "ceil_mode": True},
                ),
            },
        ),
        (
            bad(
                "norm 0",
                "lp_pool2d",
                ((1, 1, 4, 4),),
                ("division",),
                norm_type=0,
                kernel_size=2,
                error=ZeroDivisionError,
            ),
        ),
    ),
    Op("nn.functional.max_unpool1d", (Sample("output size", _unpool(1, 2, 3), _unpool1d),)),
    Op(
        "nn.functional.max_unpool2d",
        (
            Sample("output size", _unpool(2, 2, 2, 3), _unpool2d),
            Sample("after pooling", distinct((2, 2, 4, 6)), _round_trip),
            Sample("one image", _unpool(2, 2, 3), _unpool_one),
        ),
        (
            Bad("place", _bad_place, RuntimeError, ("9", "[2, 2]")),
            Bad("shape of places", _bad_places, RuntimeError, ("[1, 1, 1, 2]", "[1, 1, 1, 1]")),
            Bad("output size", _bad_size, ValueError, ("[2, 5]", "[2, 2]")),
        ),
    ),
)
