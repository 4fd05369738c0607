"""How the table of operations describes one: samples that catch bugs, calls that must fail, and what holds of it.

A call is written once and gets the library, tinynet or torch, as its first argument: `lambda lib, x: lib.exp(x)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, ...]
Make = Callable[[np.random.Generator], Arrays]


@dataclass(frozen=True)
class Sample:
    """One call: its kind ("broadcast", "size 0", "transposed", ...), its float64 arrays, and the call itself."""

    kind: str
    make: Make
    call: Callable[..., Any]
    constant: bool = False
    """Every gradient is zero or empty, so finite differences prove nothing: compared with torch only."""

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Bad:
    """A call that must raise, in tinynet and in torch alike, and words that tinynet's message must hold."""

    kind: str
    call: Callable[..., Any]
    """Gets the library alone."""
    error: type[Exception]
    words: tuple[str, ...]
    """For example the offending sizes: ("[2, 3]", "[4]")."""
    torch_error: type[Exception] | None = None
    """Where torch raises another type, or `NoError` where it accepts the call; say why in a comment."""

    def __str__(self) -> str:
        return self.kind


class NoError(Exception):
    """Says of a Bad call that torch lets it pass."""


@dataclass(frozen=True)
class Op:
    """A public operation, by its name under torch: "exp", "Tensor.expand", "nn.functional.conv2d"."""

    name: str
    samples: tuple[Sample, ...]
    errors: tuple[Bad, ...] = ()
    differentiable: bool = True
    """False where no output has a gradient: comparisons, indices."""
    second_order: bool = True
    """False where the second derivative does not exist: tinynet must say so in an error."""
    integers: tuple[Sample, ...] = ()
    """Calls on whole numbers or bools; their arrays keep the dtype that `make` gives them."""

    def __str__(self) -> str:
        return self.name


def named(name: str, *args: Any, **options: Any) -> Callable[..., Any]:
    """The call of a function by its name under torch, such as "nn.functional.relu", with these arguments at the end."""
    return lambda lib, *xs, **more: attrgetter(name)(lib)(*xs, *args, **options, **more)


def normal(*shapes: tuple[int, ...]) -> Make:
    """Standard normal arrays."""
    return lambda rng: tuple(np.asarray(rng.standard_normal(shape)) for shape in shapes)


def positive(*shapes: tuple[int, ...]) -> Make:
    """Arrays in [0.5, 2): away from the poles of log, sqrt and division."""
    return lambda rng: tuple(np.asarray(rng.uniform(0.5, 2, shape)) for shape in shapes)


def within(low: float, high: float) -> Callable[..., Make]:
    """Return a maker of uniform arrays in [low, high)."""
    return lambda *shapes: lambda rng: tuple(np.asarray(rng.uniform(low, high, s)) for s in shapes)


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


def transposed(make: Callable[..., Make], *shapes: tuple[int, ...]) -> Make:
    """Arrays of `make` (normal, positive, distinct, ...) whose memory runs the other way round."""
    return lambda rng: tuple(a.T for a in make(*(shape[::-1] for shape in shapes))(rng))


def strided(make: Callable[..., Make], *shapes: tuple[int, ...]) -> Make:
    """Arrays of `make` that skip every other element of their last axis."""
    return lambda rng: tuple(a[..., ::2] for a in make(*((*s[:-1], 2 * s[-1]) for s in shapes))(rng))


def channels_last(make: Callable[..., Make], *shapes: tuple[int, ...]) -> Make:
    """Arrays of `make`, those with four axes as images with their channels side by side in memory."""

    def build(rng: np.random.Generator) -> Arrays:
        arrays = make(*shapes)(rng)
        return tuple(
            np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if a.ndim == 4 else a
            for a in arrays
        )

    return build


def whole(dtype: str, low: int, high: int, *shapes: tuple[int, ...]) -> Make:
    """Whole numbers from low to high - 1 in a dtype, "bool" among them."""
    return lambda rng: tuple(np.asarray(rng.integers(low, high, s)).astype(dtype) for s in shapes)


SHAPES = {"2-d": (3, 4), "0-d": (), "size 0": (2, 0), "size 1": (1,), "odd sizes": (5, 3, 7)}


def unary_samples(make: Callable[..., Make], call: Callable[..., Any]) -> tuple[Sample, ...]:
    """Samples of an operation on each element of one tensor: all shapes, transposed, strided."""
    samples = [Sample(kind, make(shape), call, constant=0 in shape) for kind, shape in SHAPES.items()]
    return (
        *samples,
        Sample("transposed", transposed(make, (3, 4)), call),
        Sample("strided", strided(make, (3, 4)), call),
    )


BINARY_SHAPES = {
    "same": ((2, 3), (2, 3)),
    "broadcast": ((2, 1, 3), (4, 1)),
    "0-d": ((), (2, 3)),
    "both 0-d": ((), ()),
    "size 0": ((0, 3), (3,)),
    "size 1": ((1,), (1, 1)),
}


def binary_samples(make: Callable[..., Make], call: Callable[..., Any]) -> tuple[Sample, ...]:
    """Samples of an operation on the elements of two tensors: all ways to broadcast, transposed, strided."""
    samples = [
        Sample(kind, make(*pair), call, constant=any(0 in shape for shape in pair))
        for kind, pair in BINARY_SHAPES.items()
    ]
    return (
        *samples,
        Sample("transposed", transposed(make, (3, 4), (3, 4)), call),
        Sample("strided", strided(make, (3, 4), (4,)), call),
    )
