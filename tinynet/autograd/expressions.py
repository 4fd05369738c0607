"""What a tensor that waits will compute (delayed.py): chains that begin with an array, as one kernel computes them.

Of these hundreds are made in a step. They do not change, but are not frozen: that would make each take twice as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet import run_ahead
from tinynet.backend import Array
from tinynet.kernels.generic import conv, fused, normalization
from tinynet.memory import empty_like

Ending = tuple[Array | None, Array | None, tuple[Array, Array, float] | None, Any, bool]
"""What is done to the results of a convolution: scale, shift, statistics, other, relu of `conv2d_finished_`."""
PLAIN: Ending = (None, None, None, None, False)
"""Nothing."""


@dataclass(eq=False)
class Convolved:
    """A convolution that nothing will be differentiated through: what follows may be done to its results at once.

    Of `x`, the memory for the results, only shape and layout are to be used. `finish` writes something else into it;
    whoever asks for the plain values after that has them computed again, in other memory.
    """

    x: Array
    kernel: Callable[..., None]
    """The version of `conv2d_finished_` that covers it."""
    arrays: tuple[Array, Array, Array | None]
    """Images, weight and bias."""
    geometry: tuple[Any, ...]
    """Stride, padding, dilation and groups."""
    is_wanted: Callable[[], Any] = lambda: None
    """Whether somebody may still ask for the plain values: a weak reference to the tensor of them."""
    _values: Array | None = None
    _taken: bool = False

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from, or those that they are in."""
        if self._values is not None:
            return (self._values,)
        return tuple(array for array in self.arrays if array is not None)

    def compute(self) -> Array:
        """Return the plain values."""
        if self._values is None:
            y = empty_like(self.x) if self._taken else self.x
            self._values = self._run(y, PLAIN)
        return self._values

    def finish(self, ending: Ending) -> Array | None:
        """Return the values, finished; None if the plain ones are there or wanted too."""
        if self._values is not None or self._taken or self.is_wanted() is not None:
            return None
        self._taken = True
        return self._run(self.x, ending)

    def _run(self, y: Array, ending: Ending) -> Array:
        run_ahead.call(self.kernel, y, *self.arrays, *self.geometry, *ending)
        return y


@dataclass(eq=False, slots=True)
class Affine:
    """x * scale + shift, one scale and shift a channel."""

    x: Array
    scale: Array
    shift: Array
    source: Convolved | None = None
    """What gives x, if that is not computed yet."""
    statistics: tuple[Array, Array, float] | None = None
    """Mean, variance and eps, if scale and shift are the weight and bias of batch normalisation with these."""

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        more = () if self.statistics is None else self.statistics[:2]
        return *((self.x,) if self.source is None else self.source.reads()), self.scale, self.shift, *more

    def coefficients(self) -> tuple[Array, Array]:
        """Return what x is to be multiplied by, and what is to be added."""
        if self.statistics is None:
            return self.scale, self.shift
        with np.errstate(all="ignore"):  # as in every operation
            return normalization.coefficients(self.scale, self.shift, *self.statistics)

    def plain(self) -> Array:
        """Return x, computed."""
        return self.x if self.source is None else self.source.compute()

    def compute(self, relu: bool = False) -> Array:
        """Return the values, or their positive part."""
        return _affine(self, None, relu)


@dataclass(eq=False, slots=True)
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


@dataclass(eq=False, slots=True)
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


@dataclass(eq=False, slots=True)
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


@dataclass(eq=False, slots=True)
class SparseGradient:
    """The gradient of images of which a convolution reads only some pixels; that of all others is zero."""

    x: Array
    """An array of the shape and dtype of the gradient, no more."""
    grad_y: Array
    weight: Array
    geometry: dict[str, Any]
    """Stride, padding, dilation and groups."""

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return self.grad_y, self.weight

    def compute(self) -> Array:
        """Return the values, zeros too."""
        return run_ahead.call(
            conv.conv2d_grad_input, self.grad_y, self.weight, image=self.x.shape[2:], **self.geometry
        )

    def add_to(self, grad_x: Array) -> bool:
        """Add the gradient of the pixels that are read; return False if no kernel does this without the others."""
        kernel = fused.conv2d_grad_input_add_.kernel  # type: ignore[attr-defined]
        given = {"grad_y": self.grad_y, "weight": self.weight, **self.geometry}
        chosen = kernel.select(grad_x, **given)
        if chosen is kernel.generic:
            return False
        run_ahead.call(chosen, grad_x, **given)
        return True


@dataclass(eq=False, slots=True)
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


def waits_for_convolution(expression: Any) -> bool:
    """Return whether a convolution, or its gradient, is part of what is to be computed."""
    parts = (expression.first, expression.second) if isinstance(expression, Sum) else (expression,)
    return any(
        isinstance(part, Convolved | SparseGradient) or (isinstance(part, Affine) and part.source is not None)
        for part in parts
    )


def _affine(first: Affine, second: Affine | Array | None, relu: bool) -> Array:
    other, scale, shift = second, None, None
    if isinstance(second, Affine):
        if second.source is not None:
            other = second.compute()
        else:
            other, (scale, shift) = second.x, second.coefficients()
    if first.source is not None and scale is None:
        y = first.source.finish((first.scale, first.shift, first.statistics, other, relu))
        if y is not None:
            return y
    own_scale, own_shift = first.coefficients()
    return run_ahead.call(
        fused.channel_affine,
        first.plain(),
        scale=own_scale,
        shift=own_shift,
        other=other,
        other_scale=scale,
        other_shift=shift,
        relu=relu,
    )
