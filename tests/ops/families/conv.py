"""Convolution, transposed convolution, windows as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.ops.op import Bad, Make, Op, Sample, channels_last, normal, strided, transposed


def call(function: str, **options: Any) -> Callable[..., Any]:
    """A call of a function of nn.functional with options."""
    return lambda lib, *tensors: getattr(lib.nn.functional, function)(*tensors, **options)


def bad(kind: str, function: str, shapes: Any, words: tuple[str, ...], **options: Any) -> Bad:
    """A call on ones of some shapes that raises RuntimeError; `error` and `torch_error` may say otherwise."""
    error = options.pop("error", RuntimeError)
    torch_error = options.pop("torch_error", None)
    return Bad(
        kind,
        lambda lib: getattr(lib.nn.functional, function)(*(lib.ones(*s) for s in shapes), **options),
        error,
        words,
        torch_error,
    )


def samples(function: str, cases: dict[str, tuple[Make, dict[str, Any]]]) -> tuple[Sample, ...]:
    """A sample of each case: arrays and options; of an empty batch every gradient is zero or empty."""
    return tuple(
        Sample(kind, make, call(function, **options), constant="empty" in kind)
        for kind, (make, options) in cases.items()
    )


CONV1D = {
    "plain": (normal((2, 3, 7), (4, 3, 3), (4,)), {}),
    "no bias": (normal((2, 3, 7), (4, 3, 2)), {"stride": 2, "padding": 1}),
    "all options": (
        normal((2, 4, 11), (6, 2, 3), (6,)),
        {"stride": 3, "padding": (2,), "dilation": (2,), "groups": 2},
    ),
    "same": (normal((1, 1, 6), (2, 1, 4), (2,)), {"padding": "same", "dilation": 1}),
    "same, dilated": (normal((2, 2, 6), (2, 2, 2), (2,)), {"padding": "same", "dilation": 3}),
    "valid": (normal((2, 2, 6), (2, 2, 3)), {"padding": "valid", "stride": (2,)}),
    "one signal": (normal((3, 6), (4, 3, 3), (4,)), {"padding": 1}),
    "transposed": (transposed(normal, (2, 3, 6), (4, 3, 2)), {}),
    "empty batch": (normal((0, 3, 6), (4, 3, 3), (4,)), {}),
}
CONV2D = {
    "3x3": (normal((2, 3, 5, 4), (4, 3, 3, 3), (4,)), {"padding": 1}),
    "no bias": (normal((2, 3, 5, 4), (4, 3, 3, 2)), {}),
    "3x2 stride (2, 1)": (
        normal((2, 2, 6, 5), (3, 2, 3, 2), (3,)),
        {"stride": (2, 1), "padding": (1, 0)},
    ),
    "remainder": (normal((1, 2, 6, 7), (2, 2, 3, 3), (2,)), {"stride": 2}),
    "dilated": (
        channels_last(normal, (2, 2, 7, 6), (3, 2, 2, 3), (3,)),
        {"dilation": (2, 1), "padding": (0, 1)},
    ),
    "groups": (normal((2, 4, 4, 5), (6, 2, 2, 2), (6,)), {"groups": 2, "stride": (1, 2)}),
    "depthwise": (
        channels_last(normal, (2, 3, 5, 4), (3, 1, 3, 3), (3,)),
        {"groups": 3, "padding": 1},
    ),
    "1x1": (normal((2, 3, 3, 2), (4, 3, 1, 1), (4,)), {"stride": 2}),
    "padding above the window": (normal((1, 2, 3, 4), (2, 2, 2, 1)), {"padding": (3, 2)}),
    "same": (normal((1, 1, 4, 5), (2, 1, 2, 3), (2,)), {"padding": "same"}),
    "same, dilated": (normal((1, 2, 7, 5), (2, 2, 2, 3)), {"padding": "same", "dilation": (3, 2)}),
    "valid": (normal((1, 2, 4, 5), (2, 2, 2, 3)), {"padding": "valid", "stride": 2}),
    "one image": (normal((2, 4, 5), (3, 2, 3, 3), (3,)), {"padding": 2}),
    "transposed": (transposed(normal, (2, 3, 5, 4), (2, 3, 2, 3)), {}),
    "strided": (strided(normal, (2, 2, 5, 4), (2, 2, 2, 3)), {}),
    "empty batch": (normal((0, 2, 4, 5), (3, 2, 3, 3), (3,)), {"padding": 1}),
}
TRANSPOSE1D = {
    "plain": (normal((2, 3, 4), (3, 2, 3), (2,)), {}),
    "all options": (
        normal((2, 4, 5), (4, 3, 3), (6,)),
        {"stride": 3, "padding": 2, "output_padding": 1, "groups": 2, "dilation": 2},
    ),
    "one signal": (normal((3, 4), (3, 2, 2)), {"stride": (2,)}),
    "output padding above the stride": (
        normal((2, 2, 4), (2, 3, 2), (3,)),
        {"padding": 1, "output_padding": 2, "dilation": 3},
    ),
    "empty batch": (normal((0, 3, 4), (3, 2, 3), (2,)), {}),
}
TRANSPOSE2D = {
    "plain": (normal((2, 3, 4, 3), (3, 2, 3, 2), (2,)), {}),
    "no bias": (normal((1, 1, 4, 3), (1, 1, 3, 2)), {"stride": 2, "padding": 1}),
    "doubles": (channels_last(normal, (2, 3, 3, 4), (3, 2, 2, 2), (2,)), {"stride": 2}),
    "all options": (
        normal((2, 4, 3, 4), (4, 3, 3, 2), (6,)),
        {
            "stride": (2, 3),
            "padding": (1, 2),
            "output_padding": (1, 0),
            "groups": 2,
            "dilation": (1, 2),
        },
    ),
    "depthwise": (normal((2, 3, 3, 4), (3, 1, 2, 3)), {"groups": 3, "padding": (0, 1)}),
    "padding above the window": (normal((2, 2, 5, 6), (2, 2, 2, 3)), {"padding": (2, 3)}),
    "output padding above the stride": (
        normal((1, 2, 3, 4), (2, 2, 2, 3), (2,)),
        {"stride": (1, 2), "dilation": 3, "padding": (1, 0), "output_padding": 2},
    ),
    "one image": (normal((2, 3, 4), (2, 3, 3, 3), (3,)), {"padding": 1}),
    "transposed": (transposed(normal, (2, 3, 5, 4), (3, 2, 2, 3)), {}),
    "empty batch": (normal((0, 2, 4, 5), (2, 3, 3, 3), (3,)), {"padding": 1}),
}
UNFOLD = {
    "plain": (normal((2, 3, 4, 5)), {"kernel_size": 2}),
    "all options": (
        normal((2, 2, 7, 6)),
        {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)},
    ),
    "one image": (normal((2, 4, 5)), {"kernel_size": (2, 3), "stride": 2}),
    "channels last": (channels_last(normal, (2, 3, 4, 5)), {"kernel_size": 3, "padding": 1}),
    "empty batch": (normal((0, 2, 4, 5)), {"kernel_size": 2}),
}
FOLD = {
    "plain": (normal((2, 12, 12)), {"output_size": (4, 5), "kernel_size": 2}),
    "all options": (
        normal((2, 12, 16)),
        {
            "output_size": (7, 6),
            "kernel_size": (3, 2),
            "dilation": (1, 2),
            "padding": (1, 0),
            "stride": (2, 1),
        },
    ),
    "one image": (normal((8, 9)), {"output_size": 4, "kernel_size": 2}),
    "transposed": (transposed(normal, (2, 4, 12)), {"output_size": (4, 5), "kernel_size": 2}),
    "empty batch": (normal((0, 8, 12)), {"output_size": (4, 5), "kernel_size": 2}),
}

OPS = (
    Op(
        "nn.functional.conv1d",
        samples("conv1d", CONV1D),
        errors=(
            bad("channels", "conv1d", ((1, 2, 5), (3, 4, 2)), ("[3, 4, 2]", "[1, 2, 5]", "4 channels")),
            bad("bias", "conv1d", ((1, 2, 5), (3, 2, 2), (4,)), ("[3]", "[4]")),
            bad("four axes", "conv1d", ((1, 2, 4, 5), (3, 2, 2)), ("2D", "3D", "[1, 2, 4, 5]")),
            bad("weight", "conv1d", ((1, 2, 5), (3, 2)), ("[3, 2]",)),
            bad("window", "conv1d", ((1, 2, 5), (3, 2, 7)), ("7", "5")),
            bad("two strides", "conv1d", ((1, 2, 5), (3, 2, 2)), ("stride", "(1, 1)"), stride=(1, 1)),
        ),
    ),
    Op(
        "nn.functional.conv2d",
        samples("conv2d", CONV2D),
        errors=(
            bad("channels", "conv2d", ((1, 2, 5, 5), (3, 4, 2, 2)), ("[3, 4, 2, 2]", "[1, 2, 5, 5]")),
            bad("groups", "conv2d", ((1, 4, 5, 5), (3, 2, 2, 2)), ("groups=2", "[3, 2, 2, 2]"), groups=2),
            bad("bias", "conv2d", ((1, 2, 5, 5), (3, 2, 2, 2), (4,)), ("[3]", "[4]")),
            bad("five axes", "conv2d", ((1, 1, 2, 5, 5), (3, 2, 2, 2)), ("3D", "4D", "[1, 1, 2, 5, 5]")),
            bad("window", "conv2d", ((1, 2, 4, 6), (3, 2, 5, 2)), ("[5, 2]", "[4, 6]")),
            bad(
                "same with a stride",
                "conv2d",
                ((1, 2, 4, 6), (3, 2, 3, 3)),
                ("same", "2"),
                padding="same",
                stride=2,
            ),
            bad("padding", "conv2d", ((1, 2, 4, 6), (3, 2, 3, 3)), ("'full'",), padding="full"),
        ),
    ),
    Op(
        "nn.functional.conv_transpose1d",
        samples("conv_transpose1d", TRANSPOSE1D),
        errors=(
            bad("channels", "conv_transpose1d", ((1, 2, 5), (3, 4, 2)), ("[3, 4, 2]", "3 channels")),
            bad("four axes", "conv_transpose1d", ((1, 2, 4, 5), (3, 2, 2)), ("[1, 2, 4, 5]",)),
        ),
    ),
    Op(
        "nn.functional.conv_transpose2d",
        samples("conv_transpose2d", TRANSPOSE2D),
        errors=(
            bad(
                "channels",
                "conv_transpose2d",
                ((1, 2, 5, 5), (3, 4, 2, 2)),
                ("[3, 4, 2, 2]", "[1, 2, 5, 5]", "3 channels"),
            ),
            bad("groups", "conv_transpose2d", ((1, 4, 5, 5), (4, 2, 2, 2)), ("groups=3", "[4,"), groups=3),
            bad("bias", "conv_transpose2d", ((1, 2, 5, 5), (2, 3, 2, 2), (2,)), ("[3]", "[2]")),
            bad(
                "output padding",
                "conv_transpose2d",
                ((1, 2, 5, 5), (2, 3, 2, 2)),
                ("output_padding=2", "(2, 2)"),
                output_padding=2,
                stride=2,
            ),
            bad(
                "nothing left",
                "conv_transpose2d",
                ((1, 2, 1, 1), (2, 3, 1, 1)),
                ("[1, 2, 1, 1]", "[-1, -1]"),
                padding=1,
            ),
        ),
    ),
    Op(
        "nn.functional.unfold",
        samples("unfold", UNFOLD),
        errors=(
            bad("window", "unfold", ((1, 2, 4, 5),), ("[6, 6]", "[4, 5]"), kernel_size=6),
            # torch raises IndexError, from asking for an axis that is not there
            bad("two axes", "unfold", ((4, 5),), ("[4, 5]",), kernel_size=2, torch_error=IndexError),
            bad("stride", "unfold", ((1, 2, 4, 5),), ("stride", "0"), kernel_size=2, stride=0),
        ),
    ),
    Op(
        "nn.functional.fold",
        samples("fold", FOLD),
        errors=(
            bad("columns", "fold", ((1, 8, 11),), ("3 x 4", "11"), output_size=(4, 5), kernel_size=2),
            bad("channels", "fold", ((1, 7, 12),), ("[1, 7, 12]",), output_size=(4, 5), kernel_size=2),
            bad("axes", "fold", ((1, 1, 8, 12),), ("[1, 1, 8, 12]",), output_size=(4, 5), kernel_size=2),
        ),
    ),
)
