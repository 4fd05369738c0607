"""One table of the public operations: how to call each in tinynet and in torch, and samples that catch bugs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as TF

import tinynet as tn
import tinynet.nn.functional as F

Arrays = tuple[np.ndarray, ...]
Make = Callable[[np.random.Generator], Arrays]


@dataclass(frozen=True)
class Sample:
    """One call: a name, the float64 arrays that get gradients, and the two functions that take them."""

    name: str
    make: Make
    ours: Callable[..., Any]
    theirs: Callable[..., Any]

    def __str__(self) -> str:
        return self.name


def normal(*shapes: tuple[int, ...]) -> Make:
    """Standard normal arrays."""
    return lambda rng: tuple(rng.standard_normal(shape) for shape in shapes)


def positive(*shapes: tuple[int, ...]) -> Make:
    """Arrays in [0.5, 2): away from the poles of log, sqrt and division."""
    return lambda rng: tuple(rng.uniform(0.5, 2, shape) for shape in shapes)


def distinct(*shapes: tuple[int, ...]) -> Make:
    """Values at least 0.1 apart and at least 0.05 from 0: no step of a finite difference crosses a kink or a tie."""

    def make(rng: np.random.Generator) -> Arrays:
        return tuple(
            (rng.permutation(int(np.prod(s))) - np.prod(s) // 2 + 0.5).reshape(s) * 0.1 for s in shapes
        )

    return make


def staggered(*shapes: tuple[int, ...]) -> Make:
    """Distinct arrays that share no value with each other, so that comparing them meets no tie."""

    def make(rng: np.random.Generator) -> Arrays:
        return tuple(array + 0.03 * i for i, array in enumerate(distinct(*shapes)(rng)))

    return make


def transposed(*shapes: tuple[int, ...]) -> Make:
    """Arrays of the given shapes whose memory runs the other way round."""
    return lambda rng: tuple(rng.standard_normal(shape[::-1]).T for shape in shapes)


def strided(*shapes: tuple[int, ...]) -> Make:
    """Arrays that skip every other element of their last axis."""
    return lambda rng: tuple(rng.standard_normal((*s[:-1], 2 * s[-1]))[..., ::2] for s in shapes)


def channels_last(*shapes: tuple[int, ...]) -> Make:
    """Images with their channels side by side in memory."""
    return lambda rng: tuple(
        rng.standard_normal((s[0], *s[2:], s[1])).transpose(0, 3, 1, 2)
        if len(s) == 4
        else rng.standard_normal(s)
        for s in shapes
    )


def _both(name: str, make: Make, call: Callable[..., Any]) -> Sample:
    """A sample written once: `call` gets the library (tinynet or torch) and the tensors."""
    return Sample(name, make, lambda *xs: call(tn, *xs), lambda *xs: call(torch, *xs))


def _binary() -> list[Sample]:
    shapes = {
        "same": ((2, 3), (2, 3)),
        "broadcast": ((2, 1, 3), (4, 1)),
        "0-d": ((), (2, 3)),
        "size 0": ((0, 3), (3,)),
        "size 1": ((1,), (1, 1)),
    }
    operations: list[tuple[str, Callable[..., Any]]] = [
        ("add", lambda lib, x, y: lib.add(x, y)),
        ("sub", lambda lib, x, y: lib.sub(x, y)),
        ("mul", lambda lib, x, y: lib.mul(x, y)),
        ("div", lambda lib, x, y: lib.div(x, y)),
        ("pow", lambda lib, x, y: lib.pow(x, y)),
        ("where", lambda lib, x, y: lib.where(x > y, x, y)),
    ]
    samples = []
    for name, call in operations:
        make = staggered if name == "where" else positive
        samples += [_both(f"{name} {kind}", make(*pair), call) for kind, pair in shapes.items()]
    return samples


def _numbers() -> list[Sample]:
    operations: list[tuple[str, Callable[..., Any]]] = [
        ("add number", lambda lib, x: 2 + x + 1.5),
        ("sub number", lambda lib, x: 2 - (x - 1.5)),
        ("mul number", lambda lib, x: 2 * x * 1.5),
        ("div number", lambda lib, x: 2 / x / 1.5),
        ("pow number", lambda lib, x: 2**x + x**2.5 + x**0 + x**-1),
        ("where number", lambda lib, x: lib.where(x > 1, x, 0.5) + lib.where(x > 1.2, -1.0, x)),
    ]
    return [_both(name, positive((2, 3)), call) for name, call in operations]


def _unary() -> list[Sample]:
    samples = []
    for name, make in (
        ("neg", normal),
        ("exp", normal),
        ("log", positive),
        ("sqrt", positive),
        ("abs", distinct),
        ("tanh", normal),
        ("sigmoid", normal),
        ("relu", distinct),
    ):
        for kind, shape in {"2-d": (3, 4), "0-d": (), "size 0": (2, 0), "size 1": (1,)}.items():
            samples.append(
                _both(f"{name} {kind}", make(shape), lambda lib, x, name=name: getattr(lib, name)(x))
            )
    samples += [
        _both("exp transposed", transposed((3, 4)), lambda lib, x: lib.exp(x)),
        _both("relu strided", strided((3, 4)), lambda lib, x: lib.relu(x)),
        _both("clone transposed", transposed((3, 4)), lambda lib, x: x.clone()),
    ]
    return samples


def _reductions() -> list[Sample]:
    return [
        _both("sum all", normal((3, 4)), lambda lib, x: lib.sum(x)),
        _both("sum axis", normal((3, 4, 2)), lambda lib, x: lib.sum(x, 1)),
        _both("sum axes keepdim", transposed((3, 4, 2)), lambda lib, x: lib.sum(x, (0, -1), True)),
        _both("sum 0-d", normal(()), lambda lib, x: lib.sum(x)),
        _both("sum size 0", normal((0, 3)), lambda lib, x: lib.sum(x, 0)),
        _both("mean all", strided((3, 4)), lambda lib, x: lib.mean(x)),
        _both("mean axes", normal((3, 4, 2)), lambda lib, x: lib.mean(x, (0, 2))),
        _both("amax axis", distinct((3, 4)), lambda lib, x: lib.amax(x, 1)),
        _both("amax all keepdim", distinct((3, 4)), lambda lib, x: lib.amax(x, (0, 1), True)),
        Sample(
            "sum_to", normal((2, 4, 3)), lambda x: tn.ops.sum_to(x, (4, 1)), lambda x: x.sum_to_size(4, 1)
        ),
        _both("log_softmax", normal((3, 4)), lambda lib, x: lib.log_softmax(x, 1)),
        _both("log_softmax axis 0", transposed((3, 4)), lambda lib, x: lib.log_softmax(x, 0)),
        _both("log_softmax 0-d", normal(()), lambda lib, x: lib.log_softmax(x, 0)),
        _both("log_softmax size 0", normal((0, 4)), lambda lib, x: lib.log_softmax(x, 1)),
        _both("softmax", normal((3, 4, 2)), lambda lib, x: lib.softmax(x, 1)),
    ]


def _shapes() -> list[Sample]:
    return [
        _both("reshape", transposed((3, 4)), lambda lib, x: lib.reshape(x, (2, -1))),
        _both("reshape 0-d", normal((1, 1)), lambda lib, x: lib.reshape(x, ())),
        _both("flatten", normal((2, 3, 4)), lambda lib, x: lib.flatten(x, 1)),
        _both("flatten 0-d", normal(()), lambda lib, x: lib.flatten(x)),
        _both("permute", normal((2, 3, 4)), lambda lib, x: lib.permute(x, (2, 0, 1))),
        _both("transpose", normal((2, 3, 4)), lambda lib, x: lib.transpose(x, -1, 0)),
        _both("T", normal((2, 3)), lambda lib, x: x.T),
        _both("squeeze", normal((1, 3, 1)), lambda lib, x: lib.squeeze(x)),
        _both("squeeze axis", normal((1, 3, 1)), lambda lib, x: x.squeeze(2)),
        _both("unsqueeze", normal((3, 2)), lambda lib, x: lib.unsqueeze(x, -1)),
        _both("expand", normal((3, 1)), lambda lib, x: x.expand(2, -1, 4)),
        _both("expand size 0", normal((1, 3)), lambda lib, x: x.expand(0, 3)),
        _both("cat", normal((2, 3), (2, 1), (2, 0)), lambda lib, *xs: lib.cat(xs, 1)),
        _both("stack", normal((2, 3), (2, 3)), lambda lib, *xs: lib.stack(xs, -1)),
        Sample("pad", normal((2, 3, 4)), lambda x: F.pad(x, (1, 0, 2, 3)), lambda x: TF.pad(x, (1, 0, 2, 3))),
        Sample(
            "pad value",
            normal((2, 3)),
            lambda x: F.pad(x, (2, 1), value=3.0),
            lambda x: TF.pad(x, (2, 1), value=3.0),
        ),
        Sample(
            "pad cuts",
            normal((4, 5)),
            lambda x: F.pad(x, (-1, 2, 0, -2)),
            lambda x: TF.pad(x, (-1, 2, 0, -2)),
        ),
        _both("getitem slices", normal((4, 5)), lambda lib, x: x[1:, ::2]),
        _both("getitem row", normal((4, 5)), lambda lib, x: x[-1]),
        _both("getitem new axis", normal((4, 5)), lambda lib, x: x[..., None, 1]),
        _both("getitem list", normal((4, 5)), lambda lib, x: x[[0, 0, 3], 1:]),
        _both(
            "getitem arrays", normal((4, 5)), lambda lib, x: x[lib.tensor([0, 1, 1]), lib.tensor([4, 2, 2])]
        ),
        _both("getitem mask", distinct((4, 5)), lambda lib, x: x[x > 0]),
    ]


def _matmul() -> list[Sample]:
    shapes = {
        "2-d": ((3, 4), (4, 2)),
        "stacks": ((2, 1, 3, 4), (5, 4, 2)),
        "vectors": ((4,), (4,)),
        "row": ((4,), (2, 4, 3)),
        "column": ((2, 3, 4), (4,)),
        "inner size 0": ((3, 0), (0, 2)),
    }
    samples = [_both(f"matmul {k}", normal(*pair), lambda lib, x, y: x @ y) for k, pair in shapes.items()]
    samples.append(_both("matmul transposed", transposed((3, 4), (4, 2)), lambda lib, x, y: lib.matmul(x, y)))
    return samples


def _images() -> list[Sample]:
    samples = []
    convolutions: list[tuple[str, Make, dict[str, Any]]] = [
        ("3x3", normal((2, 3, 5, 4), (4, 3, 3, 3), (4,)), {"padding": 1}),
        (
            "3x2 stride (2, 1)",
            normal((2, 2, 6, 5), (3, 2, 3, 2), (3,)),
            {"stride": (2, 1), "padding": (1, 0)},
        ),
        ("remainder", normal((1, 2, 6, 7), (2, 2, 3, 3), (2,)), {"stride": 2}),
        ("dilated", channels_last((2, 2, 7, 6), (3, 2, 2, 3), (3,)), {"dilation": (2, 1), "padding": (0, 1)}),
        ("groups", normal((2, 4, 4, 5), (6, 2, 2, 2), (6,)), {"groups": 2, "stride": (1, 2)}),
        ("depthwise", channels_last((2, 3, 5, 4), (3, 1, 3, 3), (3,)), {"groups": 3, "padding": 1}),
        ("1x1", normal((2, 3, 3, 2), (4, 3, 1, 1), (4,)), {"stride": 2}),
        ("same", normal((1, 1, 4, 5), (2, 1, 2, 3), (2,)), {"padding": "same"}),
        ("one image", normal((2, 4, 5), (3, 2, 3, 3), (3,)), {"padding": 2}),
        ("empty batch", normal((0, 2, 4, 5), (3, 2, 3, 3), (3,)), {"padding": 1}),
    ]
    for name, make, options in convolutions:
        samples.append(
            Sample(
                f"conv2d {name}",
                make,
                lambda x, w, b, o=options: F.conv2d(x, w, b, **o),
                lambda x, w, b, o=options: TF.conv2d(x, w, b, **o),
            )
        )
    pools: list[tuple[str, str, Make, dict[str, Any]]] = [
        ("max_pool2d", "2", distinct((2, 2, 4, 5)), {"kernel_size": 2}),
        ("max_pool2d", "overlap", distinct((1, 2, 6, 7)), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
        (
            "max_pool2d",
            "dilated",
            distinct((1, 1, 7, 6)),
            {"kernel_size": 2, "stride": 1, "dilation": (2, 3)},
        ),
        ("max_pool2d", "ceil", distinct((1, 2, 6, 5)), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        ("avg_pool2d", "2", normal((2, 2, 4, 5)), {"kernel_size": 2}),
        ("avg_pool2d", "padded", normal((1, 2, 6, 5)), {"kernel_size": (3, 2), "stride": 2, "padding": 1}),
        (
            "avg_pool2d",
            "inside",
            normal((1, 2, 6, 5)),
            {"kernel_size": 3, "padding": 1, "count_include_pad": False},
        ),
        (
            "avg_pool2d",
            "ceil",
            normal((1, 1, 6, 5)),
            {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1},
        ),
        ("avg_pool2d", "divisor", channels_last((1, 2, 4, 4)), {"kernel_size": 2, "divisor_override": 3}),
        ("adaptive_avg_pool2d", "1", channels_last((2, 3, 4, 5)), {"output_size": 1}),
        ("adaptive_avg_pool2d", "grid", normal((2, 2, 5, 7)), {"output_size": (3, 2)}),
        ("adaptive_avg_pool2d", "larger", normal((1, 2, 2, 3)), {"output_size": (None, 5)}),
    ]
    for function, name, make, options in pools:
        ours, theirs = getattr(F, function), getattr(TF, function)
        samples.append(
            Sample(
                f"{function} {name}",
                make,
                lambda x, f=ours, o=options: f(x, **o),
                lambda x, f=theirs, o=options: f(x, **o),
            )
        )
    for name, make in (
        ("images", normal((3, 2, 2, 3), (2,), (2,))),
        ("channels last", channels_last((2, 3, 4, 2), (3,), (3,))),
        ("rows", normal((5, 2), (2,), (2,))),
        ("one channel", normal((2, 1, 3, 3), (1,), (1,))),
    ):
        samples.append(
            Sample(
                f"batch_norm {name}",
                make,
                lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
                lambda x, w, b: TF.batch_norm(x, None, None, w, b, training=True),
            )
        )
    return samples


SAMPLES: list[Sample] = [
    *_binary(),
    *_numbers(),
    *_unary(),
    *_reductions(),
    *_shapes(),
    *_matmul(),
    *_images(),
]
