"""Tensors whose values are computed later, in one pass together with what follows: how chains are fused.

Batch normalisation knows from the statistics of its input how it will scale and shift each channel. Instead of writing
the result it returns a DelayedTensor that remembers this. If a ReLU comes next, or the sum with a shortcut and then a
ReLU, one kernel writes what comes out at the end, and memory is passed over once instead of two or three times. On the
way back the ReLU hands on a gradient that remembers where it passes, and batch normalisation reads it so.

Whoever asks a DelayedTensor for its `.array` gets it: the values are computed then, once, and the tensor is an ordinary
one from there on. The graph, hooks, and every bit of the results are as without delay (TINYNET_FUSION=off).

What a delayed tensor is computed from must not change before. Operations in place ask for all values that still wait
first (`settle`), and so does what hands memory out to NumPy; memory that was handed out is never delayed upon
(`memory.is_private`). A program that writes into `.array` itself is as little noticed here as by version counters.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from typing import Any

from tinynet.backend import Array
from tinynet.grad_mode import thread
from tinynet.kernels.generic import fused
from tinynet.memory import is_private, laid_out_like
from tinynet.tensor.core import Tensor
from tinynet.tensor.size import Size


def _read_switch() -> bool:
    choice = os.environ.get("TINYNET_FUSION", "on")
    if choice not in ("on", "off"):
        raise ValueError(f"TINYNET_FUSION is {choice!r}; it must be 'on' or 'off'")
    return choice == "on"


enabled = _read_switch()


@dataclass(frozen=True, eq=False)
class Affine:
    """x * scale + shift, one scale and shift a channel."""

    x: Array
    scale: Array
    shift: Array

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

    def compute(self, relu: bool = False) -> Array:
        """Return the values, or their positive part."""
        return _affine(self.first, self.second, relu)


@dataclass(frozen=True, eq=False)
class GradientSum:
    """The sum of two gradients that meet."""

    x: Array
    other: Array

    def compute(self) -> Array:
        """Return the values."""
        return fused.sum_of_two(self.x, other=self.other)


@dataclass(frozen=True, eq=False)
class Masked:
    """The gradient x (+ other) where a ReLU passed: where y > 0; `affine` is what the ReLU was applied to, if alone."""

    x: Array
    other: Array | None
    y: Array
    affine: Affine | None

    def compute(self) -> Array:
        """Return the values."""
        return fused.masked_sum(self.x, other=self.other, y=self.y)


def _affine(first: Affine, second: Affine | Array | None, relu: bool) -> Array:
    scaled = isinstance(second, Affine)
    return fused.channel_affine(
        first.x,
        scale=first.scale,
        shift=first.shift,
        other=second.x if scaled else second,
        other_scale=second.scale if scaled else None,
        other_shift=second.shift if scaled else None,
        relu=relu,
    )


_waiting: weakref.WeakValueDictionary[int, DelayedTensor] = weakref.WeakValueDictionary()


class DelayedTensor(Tensor):
    """A tensor that remembers what to compute; see the module."""

    expression: Any
    shared = False
    """Of a gradient: whether more than one operation will read it."""

    def __new__(cls, expression: Any) -> DelayedTensor:
        """Make one that waits."""
        y = super().__new__(cls)
        y.expression = expression
        _waiting[id(y)] = y
        return y

    def __init__(self, expression: Any) -> None:
        """Leave the array unset: that is what makes it delayed."""

    def __getattr__(self, name: str) -> Any:
        """Compute the array when it is first asked for."""
        if name != "array":
            raise AttributeError(f"'Tensor' object has no attribute {name!r}")
        array = self.expression.compute()
        become(self, array)
        return array

    @property
    def shape(self) -> Size:
        """Sizes of the axes."""
        return Size(self.expression.x.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.expression.x.ndim

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the elements."""
        return self.expression.x.dtype

    def is_floating_point(self) -> bool:
        """Return whether the elements are real numbers: they are."""
        return True


DelayedTensor.__name__ = DelayedTensor.__qualname__ = "Tensor"


def become(x: DelayedTensor, array: Array) -> None:
    """Make an ordinary tensor of a delayed one."""
    _waiting.pop(id(x), None)
    del x.expression
    x.array = array
    x.__class__ = Tensor  # type: ignore[assignment]


def settle() -> None:
    """Compute everything that still waits: something is about to change in place."""
    if _waiting:
        for tensor in list(_waiting.values()):
            tensor.array  # noqa: B018


def possible(x: Array) -> bool:
    """Return whether chains that begin with this array are fused: an accelerated kernel covers them."""
    return (
        enabled
        and is_private(x)
        and thread.state.anomaly is None
        and fused.sum_of_two.kernel.select(x, other=x) is not fused.sum_of_two.kernel.generic  # type: ignore[attr-defined]
    )


def _alike(x: Array, y: Array) -> bool:
    return x.shape == y.shape and x.strides == y.strides and x.dtype == y.dtype and is_private(y)


def scaled_and_shifted(affine: Affine) -> DelayedTensor:
    """Return x * scale + shift, later."""
    return DelayedTensor(affine)


def added(x: Any, y: Any) -> DelayedTensor | None:
    """Return x + y, later, if one of them is an Affine that waits; None if they are to be added now."""
    if type(x) is not DelayedTensor:
        x, y = y, x
    first = x.expression if type(x) is DelayedTensor else None
    if type(first) is not Affine or not isinstance(y, Tensor):
        return None
    second = y.expression if type(y) is DelayedTensor else y.array
    if type(second) is Affine:
        return DelayedTensor(Sum(first, second)) if _alike(first.x, second.x) else None
    if isinstance(second, Sum | GradientSum | Masked) or not _alike(first.x, second):
        return None
    return DelayedTensor(Sum(first, second))


def positive_part(x: Any) -> tuple[Array | None, Affine | None]:
    """Return relu(x) of a tensor that waits, and the Affine if that is all it is; (None, None) of another tensor."""
    expression = x.expression if type(x) is DelayedTensor else None
    if not isinstance(expression, Affine | Sum):
        return None, None
    return expression.compute(relu=True), expression if type(expression) is Affine else None


def sum_of_gradients(x: Tensor, y: Tensor) -> Tensor | None:
    """Return x + y, later, of two gradients that meet; None if they are to be added now."""
    a, b = x.array, y.array
    if not possible(a) and possible(b):
        a, b = b, a
    if a.shape != b.shape or a.dtype != b.dtype or not possible(a):
        return None
    b = laid_out_like(b, a)
    return DelayedTensor(GradientSum(a, b)) if is_private(b) else None


def masked(grad: Tensor, y: Array, affine: Affine | None) -> Tensor | None:
    """Return the gradient where y > 0, later; None if it is to be computed now."""
    if type(grad) is DelayedTensor and type(grad.expression) is GradientSum:
        a, b = grad.expression.x, grad.expression.other
    else:
        a, b = grad.array, None
    if not possible(y):
        return None
    a, b = (None if array is None else array if _alike(y, array) else laid_out_like(array, y) for array in (a, b))
    if not is_private(a):
        return None
    return DelayedTensor(Masked(a, b, y, affine))
