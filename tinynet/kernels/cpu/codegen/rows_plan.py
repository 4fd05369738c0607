"""With what panels and blocks the kernels of rows run, and in which steps.

Arrays here are float32: x (N, C, ...) and all of its shape lie in equal rows of channels; what has one number a channel
is (C,), contiguous.
"""

from __future__ import annotations

import functools

import numpy as np

from tinynet.kernels.cpu.codegen import rows as kernels
from tinynet.kernels.cpu.codegen.program import lanes, run, step
from tinynet.memory import empty_like


@functools.cache
def _panel(C: int) -> tuple[int, bool]:
    """Return the vectors of a panel, and whether a vector is only partly filled."""
    return kernels.panel(C), C % lanes() != 0


def _blocks(rows: int) -> int:
    return -(-rows // kernels.BLOCK)


@functools.cache
def _number(value: float) -> np.ndarray:
    """Return a float32 number in memory, where kernels read it."""
    return np.array([value], np.float32)


def coefficients(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    """Return mean, biased variance, invstd, scale and shift of batch normalisation, one after the other (5, C)."""
    C = x.shape[1]
    rows = x.size // C
    blocks = _blocks(rows)
    memory = np.empty((2 * blocks + 5, C), np.float32)
    sums, found = memory[: 2 * blocks], memory[2 * blocks :]
    run(
        step(kernels.statistics(*_panel(C)), x, sums, rows, C),
        step(kernels.finish_statistics(), x, sums, weight, bias, _number(eps), found, rows, C, blocks),
    )
    return found


def move_statistics_(
    running_mean: np.ndarray,
    running_var: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    momentum: float,
    unbiased: float,
) -> None:
    """Replace running statistics (C,) by (1 - momentum) * running + momentum * batch, var times `unbiased`."""
    scalars = np.array([1 - momentum, momentum, unbiased], np.float32)
    given = running_mean, running_var, mean, var, scalars
    run(step(kernels.move_statistics(), *given, mean.size, parts=1))


def channel_sum(x: np.ndarray) -> np.ndarray:
    """Return the sums of the channels, those of blocks of rows added up in double precision."""
    C = x.shape[1]
    rows = x.size // C
    sums = np.empty((_blocks(rows), 2, C), np.float32)
    run(step(kernels.channel_sums(*_panel(C)), x, sums, rows, C))
    return sums[:, 0].sum(0, np.float64).astype(np.float32)


def affine(
    x: np.ndarray,
    *,
    scale: np.ndarray,
    shift: np.ndarray,
    other: np.ndarray | None,
    other_scale: np.ndarray | None,
    other_shift: np.ndarray | None,
    relu: bool,
) -> np.ndarray:
    """Return x * scale + shift (+ other, scaled and shifted or not), and of that the positive part."""
    C = x.shape[1]
    y = empty_like(x)
    if other is None:
        kernel, given = kernels.apply(*_panel(C), "", relu), (x, x, y, scale, shift, scale, shift)
    elif other_scale is None:
        kernel, given = kernels.apply(*_panel(C), "plain", relu), (x, other, y, scale, shift, scale, shift)
    else:
        assert other_shift is not None
        kernel = kernels.apply(*_panel(C), "affine", relu)
        given = x, other, y, scale, shift, other_scale, other_shift
    run(step(kernel, *given, x.size // C, C))
    return y


def backward(
    grad: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    *,
    mean: np.ndarray,
    invstd: np.ndarray,
    other: np.ndarray | None,
    y: np.ndarray | None,
    scale: np.ndarray | None,
    shift: np.ndarray | None,
    keep: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the gradients of batch normalisation and, to keep, what passed the ReLU behind it; see kernels/generic."""
    C = x.shape[1]
    rows = x.size // C
    panel, blocks = _panel(C), _blocks(rows)
    mask, two = "" if y is None and scale is None else "y" if scale is None else "affine", other is not None
    memory = np.empty((2 * blocks + 3, C), np.float32)
    sums, factors = memory[: 2 * blocks], memory[2 * blocks :]
    grad_x, grad_weight, grad_bias = empty_like(x), np.empty(C, np.float32), np.empty(C, np.float32)
    g = empty_like(x) if keep else None
    masked = grad, grad if other is None else other, x if y is None else y
    passed = mean if scale is None else scale, mean if shift is None else shift
    if g is None:
        final = step(kernels.backward_apply(*panel, mask, two), x, *masked, grad_x, *passed, factors, rows, C)
    else:
        final = step(kernels.backward_apply(*panel, "", False), x, g, g, g, grad_x, *passed, factors, rows, C)
    run(
        step(
            kernels.backward_sums(*panel, mask, two, keep),
            *(x, *masked, x if g is None else g, *passed, mean, sums, rows, C),
        ),
        step(
            kernels.finish_backward(),
            *(sums, weight, mean, invstd, factors, grad_weight, grad_bias, rows, C, blocks),
        ),
        final,
    )
    return grad_x, grad_weight, grad_bias, g


def elementwise(kind: str, x: np.ndarray, other: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the kernel of that kind of arrays that lie alike."""
    out = empty_like(x)
    run(step(kernels.elementwise(kind), x, other, y, out, x.size))
    return out
