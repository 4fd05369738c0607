"""Padding: a border around the last axes of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinynet import run_ahead
from tinynet.autograd import Function, delayed, delayed_gradients
from tinynet.kernels.generic import copying as kernels
from tinynet.kernels.generic.copying import Widths
from tinynet.ops.broadcasting import expand
from tinynet.ops.indexing import narrow
from tinynet.ops.joining import cat
from tinynet.ops.ordering import flip
from tinynet.tensor import Tensor


class Pad(Function):
    """x with a constant around it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, widths: Widths, value: float) -> Tensor:
        ctx.widths = widths
        array = delayed.unfinished(x)
        return delayed.running(run_ahead.call(kernels.pad_constant, array, widths=widths, value=value))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        later = delayed_gradients.of_some_channels(grad, ctx.widths)
        if later is None:
            later = Pad.apply(grad, tuple((-before, -after) for before, after in ctx.widths), 0)
        return later, None, None


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Return the input with a border around its last axes.

    Args:    pad: (before, after) of the last axis, then of the one before it, and so on; negative cuts away
             mode: "constant": `value` (default 0); "reflect": what lies as far inside, the edge not repeated;
             "replicate": the edge; "circular": what lies at the other end
    Raises:  RuntimeError: pad has odd length, is too long, cuts away more than there is, is wider than the mode allows,
             or a value is given that the mode does not use; NotImplementedError: another mode, or one that does not pad
             that many of the input's axes
    """
    widths = _widths(input, pad)
    if mode == "constant":
        for n, (before, after) in zip(delayed.outline(input).shape, widths, strict=True):
            if (before < 0 or after < 0) and max(-before, 0) + max(-after, 0) > n:
                raise RuntimeError(f"pad {list(pad)} cuts away more than shape {list(input.shape)} has")
        return Pad.apply(input, widths, 0 if value is None else value)
    if mode not in _BORDERS:
        raise NotImplementedError(f"pad: unrecognised mode {mode!r}: known are 'constant', {_NAMES}")
    if value:
        raise RuntimeError(f"pad: mode {mode!r} doesn't take in value argument, got {value}")
    axes = len(pad) // 2
    if input.ndim not in (axes + 1, axes + 2) or not 1 <= axes <= 3:
        raise NotImplementedError(
            f"pad: mode {mode!r} with padding size {len(pad)} is not supported for {input.ndim}D input tensor of shape "
            f"{list(input.shape)}"
        )
    if mode != "circular" and 0 in input.shape[1:]:
        raise RuntimeError(
            f"pad: mode {mode!r} takes no size 0 but that of the batch, got {list(input.shape)}"
        )
    sizes = [n + before + after for n, (before, after) in zip(input.array.shape, widths, strict=True)][-axes:]
    if min(sizes) < 0 or (mode != "circular" and max(sizes) < 1):
        raise RuntimeError(f"pad: input of shape {list(input.shape)} is too small for padding {list(pad)}")
    for axis in range(input.ndim - axes, input.ndim):
        before, after = widths[axis]
        if before or after:
            input = _pad_axis(input, mode, axis, before, after)
    return input


def _widths(x: Tensor, pad: Sequence[int]) -> Widths:
    if any(not hasattr(n, "__index__") for n in pad):
        raise TypeError(f"pad(): argument 'pad' must be tuple of ints, got {pad}")
    if len(pad) % 2 or len(pad) // 2 > x.ndim:
        raise RuntimeError(f"Padding length must be even and at most {2 * x.ndim}, got {list(pad)}")
    pairs = tuple((int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2))
    return ((0, 0),) * (x.ndim - len(pairs)) + pairs[::-1]


def _pad_axis(x: Tensor, mode: str, axis: int, before: int, after: int) -> Tensor:
    """Pad along one axis; the others come later, so that corners are made of borders."""
    size = x.array.shape[axis]
    cut_before, cut_after = max(-before, 0), max(-after, 0)
    if mode == "circular":  # what was cut away does not come back at the other end
        x = narrow(x, axis, cut_before, size - cut_before - cut_after)
    y = _BORDERS[mode](x, axis, max(before, 0), max(after, 0))
    if mode == "circular" or not (cut_before or cut_after):
        return y
    return narrow(y, axis, cut_before, y.array.shape[axis] - cut_before - cut_after)


def _reflect(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    size = x.array.shape[axis]
    if max(before, after) >= size:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension {axis} of input {list(x.shape)}"
        )
    first = flip(narrow(x, axis, 1, before), (axis,)) if before else None
    last = flip(narrow(x, axis, size - 1 - after, after), (axis,)) if after else None
    return _joined(first, x, last, axis)


def _replicate(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    size = x.array.shape[axis]
    shape = list(x.shape)
    shape[axis] = before
    first = expand(narrow(x, axis, 0, 1), shape) if before else None
    shape[axis] = after
    last = expand(narrow(x, axis, size - 1, 1), shape) if after else None
    return _joined(first, x, last, axis)


def _circular(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    size = x.array.shape[axis]
    if max(before, after) > size:
        raise RuntimeError(
            f"Padding value causes wrapping around more than once: ({before}, {after}) at dimension {axis} with {size} "
            "elements"
        )
    first = narrow(x, axis, size - before, before) if before else None
    last = narrow(x, axis, 0, after) if after else None
    return _joined(first, x, last, axis)


def _joined(first: Tensor | None, x: Tensor, last: Tensor | None, axis: int) -> Tensor:
    return cat([part for part in (first, x, last) if part is not None], axis)


_BORDERS = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
_NAMES = ", ".join(repr(name) for name in _BORDERS)
