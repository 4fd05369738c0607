"""Gradients that are computed later (delayed.py): where two meet, behind a ReLU, of pixels that are seldom read."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet import run_ahead
from tinynet.autograd import delayed
from tinynet.autograd.delayed import (
    DelayedTensor,
    expression_of,
    may_wait,
    possible,
    running,
    unfinished,
)
from tinynet.autograd.expressions import Affine, GradientSum, Masked, SparseGradient
from tinynet.backend import Array
from tinynet.grad_mode import is_grad_enabled
from tinynet.kernels.generic import copying
from tinynet.kernels.generic.copying import Widths
from tinynet.kernels.generic.im2col import Pair
from tinynet.memory import is_private, laid_out_like
from tinynet.tensor.core import Tensor


def sum_of_gradients(x: Tensor, y: Tensor) -> Tensor | None:
    """Return x + y, later, of two gradients that meet; None if they are to be added now."""
    for some, others in ((x, y), (y, x)):
        if _add_to(others, some):
            return running(unfinished(others))
    a, b = unfinished(x), unfinished(y)
    if not possible(a) and possible(b):
        a, b = b, a
    if a.shape != b.shape or a.dtype != b.dtype or not possible(a):
        return None
    b = laid_out_like(b, a)
    return DelayedTensor(GradientSum(a, b)) if is_private(b) else None


def _add_to(grad: Tensor, some: Tensor) -> bool:
    """Add to a gradient, where it lies, that of some pixels, if nobody else has it; return whether that was done."""
    with delayed._lock:
        expression = expression_of(some)
        if not isinstance(expression, SparseGradient | AmongZeros) or not grad._own_memory:
            return False
        array = unfinished(grad)
        return is_private(array) and expression.add_to(array)


def masked(grad: Tensor, y: Array, affine: Affine | None) -> Tensor | None:
    """Return the gradient where y > 0, later; None if it is to be computed now."""
    if not possible(y):
        return None
    expression = expression_of(grad)
    if type(expression) is GradientSum:
        a, b = laid_out_like(expression.x, y), laid_out_like(expression.other, y)
    else:
        a, b = laid_out_like(unfinished(grad), y), None
    return DelayedTensor(Masked(a, b, y, affine)) if is_private(a) and (b is None or is_private(b)) else None


def of_some_pixels(grad_y: Array, weight: Array, image: Pair, **geometry: Any) -> Tensor | None:
    """Return the gradient of a convolution's input, later, if pixels lie between the windows; None if it is to be now.

    If another gradient meets it, only the pixels that are read are added to that one: three of four zeros of a
    shortcut's 1x1 convolution of stride 2 are neither written nor read. Else it is computed as ever, at the end of the
    backward pass at the latest: whoever has it then may change the weights.
    """
    read = geometry["dilation"] == (1, 1) and max(weight.shape[2:]) < min(geometry["stride"])
    if not read or not run_ahead.allowed() or not may_wait(grad_y):
        return None
    x = _outline((len(grad_y), weight.shape[1] * geometry["groups"], *image), grad_y.dtype)
    return DelayedTensor(SparseGradient(x, grad_y, weight, geometry))


@dataclass(eq=False, slots=True)
class Cropped:
    """The gradient of images to which channels of zeros were added: the other channels of a gradient."""

    x: Array
    """An array of the shape and dtype of the gradient, no more."""
    whole: Tensor
    widths: Widths

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return _read_by(self.whole)

    def view(self) -> Array:
        """Return the channels where they lie."""
        (before, _), C = self.widths[1], self.x.shape[1]
        return unfinished(self.whole)[:, before : before + C]

    def compute(self) -> Array:
        """Return the values side by side."""
        cut = tuple((-before, -after) for before, after in self.widths)
        return run_ahead.call(copying.pad_constant, unfinished(self.whole), widths=cut, value=0)


@dataclass(eq=False, slots=True)
class AmongZeros:
    """The gradient of images of which some pixels were taken; that of all others is zero."""

    x: Array
    """An array of the shape and dtype of the gradient, no more."""
    values: Tensor
    index: Any

    def reads(self) -> tuple[Array, ...]:
        """Return the arrays that the values are computed from."""
        return _read_by(self.values)

    def _pixels(self) -> Array:
        expression = expression_of(self.values)
        return expression.view() if type(expression) is Cropped else unfinished(self.values)

    def compute(self) -> Array:
        """Return the values, zeros too."""
        return run_ahead.call(copying.put_in_zeros, self._pixels(), index=self.index, shape=self.x.shape)

    def add_to(self, grad_x: Array) -> bool:
        """Add the gradient of the pixels that were taken; return False if no kernel does this without the others."""
        kernel = copying.add_at_.kernel  # type: ignore[attr-defined]
        values = self._pixels()
        chosen = kernel.select(grad_x, values, index=self.index)
        if chosen is kernel.generic:
            return False
        run_ahead.call(chosen, grad_x, values, index=self.index)
        return True


def _read_by(x: Tensor) -> tuple[Array, ...]:
    expression = expression_of(x)
    return (x.array,) if expression is None else expression.reads()


def of_some_channels(grad: Tensor, widths: Widths) -> Tensor | None:
    """Return the gradient of images to which channels of zeros were added, later; None if it is to be now.

    What meets the gradient of the result may compute both in one pass, where this one would ask for it first.
    """
    if len(widths) != 4 or (*widths[:1], *widths[2:]) != ((0, 0),) * 3 or min(widths[1]) < 0:
        return None
    if not _may_wait_for(grad):
        return None
    N, C, H, W = delayed.outline(grad).shape
    x = _outline((N, C - sum(widths[1]), H, W), delayed.outline(grad).dtype)
    return DelayedTensor(Cropped(x, grad, widths))


def of_every_few_pixels(grad: Tensor, index: Any, shape: tuple[int, ...]) -> Tensor | None:
    """Return the gradient of images of which every few pixels were taken, later; None if it is to be now.

    If another gradient meets it, only those pixels are added to that one, and zeros are neither written nor read.
    """
    if len(shape) != 4 or len(index) != 4 or not all(isinstance(part, slice) for part in index):
        return None
    if max(part.step or 1 for part in index[2:]) < 2 or not _may_wait_for(grad):
        return None
    return DelayedTensor(AmongZeros(_outline(shape, delayed.outline(grad).dtype), grad, index))


def _may_wait_for(grad: Tensor) -> bool:
    """Return whether what is computed from a gradient may be computed later, and is not differentiated again."""
    if is_grad_enabled() or not run_ahead.allowed() or not delayed.anything_may_wait():
        return False
    if not isinstance(delayed.outline(grad), np.ndarray):  # on a GPU there is nothing to gain
        return False
    return expression_of(grad) is not None or is_private(grad.array)


@functools.lru_cache
def _outline(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.broadcast_to(np.zeros((), dtype), shape)
