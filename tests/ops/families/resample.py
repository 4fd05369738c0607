"""Images of another size; channels as pixels."""

from __future__ import annotations

from typing import Any

from tests.ops.families.conv import bad, samples
from tests.ops.op import Bad, Make, Op, Sample, channels_last, normal, transposed

SIGNAL, IMAGE = (2, 2, 4), (1, 2, 3, 4)


def _sizes(shape: tuple[int, ...], mode: str, **options: Any) -> dict[str, tuple[Make, dict[str, Any]]]:
    """One mode with sizes and factors up, down, and uneven."""
    axes = len(shape) - 2
    chosen: dict[str, dict[str, Any]] = {
        "up": {"size": (5, 7)[:axes]},
        "down": {"size": (2, 3)[:axes]},
        "doubled": {"scale_factor": 2},
        "factor": {"scale_factor": (1.7, 0.6)[:axes]},
        "factor computed again": {"scale_factor": 1.7, "recompute_scale_factor": True},
        "same size": {"size": shape[2:]},
        "to one": {"size": 1},
    }
    return {f"{mode}, {k}": (normal(shape), {"mode": mode, **options, **o}) for k, o in chosen.items()}


def _corners(shape: tuple[int, ...], mode: str) -> dict[str, tuple[Make, dict[str, Any]]]:
    aligned = _sizes(shape, mode, align_corners=True)
    return _sizes(shape, mode) | {f"{kind}, aligned": case for kind, case in aligned.items()}


CASES = {
    **{f"{k}, 1 axis": v for k, v in _sizes(SIGNAL, "nearest").items()},
    **{f"{k}, 1 axis": v for k, v in _sizes(SIGNAL, "nearest-exact").items()},
    **_sizes(IMAGE, "nearest"),
    **_sizes(IMAGE, "nearest-exact"),
    **_corners(SIGNAL, "linear"),
    **_corners(IMAGE, "bilinear"),
    **_corners(IMAGE, "bicubic"),
    **{f"{k}, 1 axis": v for k, v in _sizes(SIGNAL, "area").items()},
    **_sizes(IMAGE, "area"),
    "channels last": (channels_last(normal, (2, 3, 3, 4)), {"scale_factor": 2, "mode": "bilinear"}),
    "transposed": (transposed(normal, (2, 3, 3, 4)), {"scale_factor": 2}),
    "factors that keep and double the size": (normal(IMAGE), {"scale_factor": (1.1, 2.1)}),
    "factor that keeps the size, bilinear": (normal(IMAGE), {"scale_factor": 1.1, "mode": "bilinear"}),
    "of one pixel": (normal((1, 1, 1, 1)), {"size": (3, 2), "mode": "bilinear"}),
    "of one pixel, aligned": (
        normal((1, 1, 1, 1)),
        {"size": (3, 2), "mode": "bilinear", "align_corners": True},
    ),
    "of one pixel, bicubic": (normal((1, 1, 1, 2)), {"size": (3, 2), "mode": "bicubic"}),
    "empty batch": (normal((0, 2, 4, 5)), {"size": 3, "mode": "bilinear"}),
}


def _interpolate_error(kind: str, words: tuple[str, ...], error: type[Exception], **options: Any) -> Bad:
    return bad(kind, "interpolate", ((1, 2, 4, 5),), words, error=error, **options)


def _shuffled(
    function: str, first: tuple[int, ...], *more: tuple[int, ...], factor: int
) -> tuple[Sample, ...]:
    name = {"pixel_shuffle": "upscale_factor", "pixel_unshuffle": "downscale_factor"}.get(function, "groups")
    cases: dict[str, tuple[Make, dict[str, Any]]] = {
        f"{len(shape)} axes": (normal(shape), {name: factor}) for shape in (first, *more)
    }
    cases["channels last"] = (channels_last(normal, first), {name: factor})
    cases["1"] = (normal(first), {name: 1})
    if function == "channel_shuffle":  # torch 2.13 gives an empty batch a wrong shape in the other two
        cases["empty batch"] = (normal((0, *first[1:])), {name: factor})
    return samples(function, cases)


def _shuffle_errors(function: str, name: str, shape: tuple[int, ...], text: str) -> tuple[Bad, ...]:
    return (
        bad("does not divide", function, (shape,), (text, "2"), **{name: 2}),
        bad("0", function, (shape,), ("0",), **{name: 0}),
        bad("two axes", function, ((4, 4),), ("[4, 4]",), **{name: 1}),
        bad("no int", function, (shape,), ("float",), **{name: 1.5}, error=TypeError),
    )


OPS = (
    Op(
        "nn.functional.interpolate",
        samples("interpolate", CASES),
        errors=(
            _interpolate_error("nothing", ("size", "scale_factor"), ValueError),
            _interpolate_error("both", ("size", "scale_factor"), ValueError, size=2, scale_factor=2),
            _interpolate_error("three sizes", ("[4, 5]", "(2, 3, 4)"), ValueError, size=(2, 3, 4)),
            _interpolate_error("one factor", ("[4, 5]", "(2,)"), ValueError, scale_factor=(2,)),
            _interpolate_error("mode", ("'soft'",), NotImplementedError, size=2, mode="soft"),
            _interpolate_error("linear", ("linear", "4D"), NotImplementedError, size=2, mode="linear"),
            _interpolate_error("corners", ("nearest",), ValueError, size=2, align_corners=True),
            _interpolate_error("size 0", ("[1, 2, 4, 5]", "[0, 0]"), RuntimeError, size=0),
            _interpolate_error("negative", ("[-4, -5]",), RuntimeError, scale_factor=-1.0),
            _interpolate_error(
                "computed again", ("recompute",), ValueError, size=2, recompute_scale_factor=True
            ),
            _interpolate_error("no int", ("2.5",), TypeError, size=2.5),
            _interpolate_error("antialias of nearest", ("nearest",), ValueError, size=2, antialias=True),
            bad("two axes", "interpolate", ((4, 5),), ("[4, 5]",), size=2, error=NotImplementedError),
        ),
    ),
    Op(
        "nn.functional.pixel_shuffle",
        _shuffled("pixel_shuffle", (2, 8, 2, 3), (4, 3, 2), (2, 1, 4, 1, 3), factor=2),
        errors=_shuffle_errors("pixel_shuffle", "upscale_factor", (1, 2, 3, 4), "[1, 2, 3, 4]"),
    ),
    Op(
        "nn.functional.pixel_unshuffle",
        _shuffled("pixel_unshuffle", (2, 2, 4, 6), (3, 2, 4), factor=2),
        errors=_shuffle_errors("pixel_unshuffle", "downscale_factor", (1, 2, 4, 5), "[1, 2, 4, 5]"),
    ),
    Op(
        "nn.functional.channel_shuffle",
        _shuffled("channel_shuffle", (2, 6, 2, 3), (2, 6, 3), (1, 6, 2, 1, 2), factor=3),
        errors=_shuffle_errors("channel_shuffle", "groups", (1, 3, 4, 5), "[1, 3, 4, 5]"),
    ),
)
