"""What a tensor that waits will compute (delayed.py): chains that begin with an array, as one kernel computes them."""

from __future__ import annotations

from dataclasses import dataclass

from tinynet import run_ahead
from tinynet.backend import Array
from tinynet.kernels.generic import fused


@dataclass(frozen=True, eq=False)
class Affine:
    """x * scale + shift, one scale and shift a channel."""

    x: Array
    scale: Array
    shift: Array

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return self.x, self.scale, self.shift

    def compute(self, relu: bool = False) -> Array:
        """Return the values, or their positive part."""
        return _affine(self, None, relu)


@dataclass(frozen=True, eq=False)
class Sum:
    """The sum of a scaled and shifted array and another, scaled and shifted too or as it is."""

    first: Affine
    second: Affine | Array

    @property
    def x(self) -> Array:
        """An array of the shape of the result."""
        return self.first.x

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        second = self.second
        return *self.first.reads(), *(second.reads() if isinstance(second, Affine) else (second,))

    def compute(self, relu: bool = False) -> Array:
        """Return the values, or their positive part."""
        return _affine(self.first, self.second, relu)


@dataclass(frozen=True, eq=False)
class GradientSum:
    """The sum of two gradients that meet."""

    x: Array
    other: Array

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return self.x, self.other

    def compute(self) -> Array:
        """Return the values."""
        return run_ahead.call(fused.sum_of_two, self.x, other=self.other)


@dataclass(frozen=True, eq=False)
class Masked:
    """The gradient x (+ other) where a ReLU passed: where y > 0; `affine` is what the ReLU was applied to, if alone."""

    x: Array
    other: Array | None
    y: Array
    affine: Affine | None

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return (self.x, self.y) if self.other is None else (self.x, self.y, self.other)

    def compute(self) -> Array:
        """Return the values."""
        return run_ahead.call(fused.masked_sum, self.x, other=self.other, y=self.y)


@dataclass(frozen=True, eq=False)
class Running:
    """What a kernel that was left running writes (run_ahead.py): as a gradient, one that is added to no other."""

    x: Array
    other: None = None

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from: none that anyone could change."""
        return ()

    def compute(self) -> Array:
        """Return the array; who looks at the values has to wait."""
        return self.x


def _affine(first: Affine, second: Affine | Array | None, relu: bool) -> Array:
    other, scale, shift = second, None, None
    if isinstance(second, Affine):
        other, scale, shift = second.x, second.scale, second.shift
    return run_ahead.call(
        fused.channel_affine,
        first.x,
        scale=first.scale,
        shift=first.shift,
        other=other,
        other_scale=scale,
        other_shift=shift,
        relu=relu,
    )
