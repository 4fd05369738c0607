"""With what panels and blocks the kernels of rows run, and in which steps.

Arrays here are float32: x (N, C, ...) and all of its shape lie in equal rows of channels; what has one number a channel
is (C,), contiguous.
"""

from __future__ import annotations

import functools

import numpy as np

from tinynet.kernels.cpu.codegen import chains
from tinynet.kernels.cpu.codegen import rows as kernels
from tinynet.kernels.cpu.codegen.program import Plan, lanes, planned, run, step
from tinynet.memory import empty_like


@functools.cache
def _panel(C: int) -> tuple[int, bool]:
    """Return the vectors of a panel, and whether a vector is only partly filled."""
    return kernels.panel(C), C % lanes() != 0


def _blocks(rows: int) -> int:
    return -(-rows // kernels.BLOCK)


def _parts(plan: Plan, rows: int, C: int) -> int:
    """Return into how many parts of equally many whole blocks the kernels of a chain are cut; 0: no chain."""
    parts = chains.parts(rows * C, plan.threads)
    return parts if parts and rows % (parts * kernels.BLOCK) == 0 else 0


def coefficients(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    running: tuple[np.ndarray, ...],
    momentum: float,
    unbiased: float,
) -> np.ndarray:
    """Return mean, biased variance, invstd, scale and shift of batch normalisation, one after the other (5, C).

    Args:    running: mean and variance to be moved, or none; unbiased: factor of the batch's variance for that
    """
    C = x.shape[1]
    found = np.empty((5, C), np.float32)
    _coefficients(x.size // C, C, bool(running), eps, momentum, unbiased)(x, weight, bias, found, *running)
    return found


@planned
def _coefficients(
    plan: Plan, rows: int, C: int, moves: bool, eps: float, momentum: float, unbiased: float
) -> None:
    x, weight, bias, found, *running = plan.arrays(6 if moves else 4)
    blocks = _blocks(rows)
    sums = plan.scratch("sums", 3 * blocks * C)
    plan.link(kernels.statistics(*_panel(C)), x, sums, rows, C, parts=_parts(plan, rows, C), reads=(x,))
    scalars = np.array([eps, 1 - momentum, momentum, unbiased], np.float32)
    plan.step(kernels.finish_statistics(moves), sums, weight, bias, scalars, found, *running, rows, C, blocks)


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
    kind = "" if other is None else "plain" if other_scale is None else "affine"
    if other_scale is None or other_shift is None:
        other_scale, other_shift = scale, shift
    second = x if other is None else other
    _affine(x.size // C, C, kind, relu)(x, second, y, scale, shift, other_scale, other_shift)
    return y


@planned
def _affine(plan: Plan, rows: int, C: int, kind: str, relu: bool) -> None:
    arrays = x, other, y, *_ = plan.arrays(7)
    apply, parts = kernels.apply(*_panel(C), kind, relu), _parts(plan, rows, C)
    plan.link(apply, *arrays, rows, C, parts=parts, reads=(x, other), writes=y)


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
    mask = "" if y is None and scale is None else "y" if scale is None else "affine"
    grad_x, g = empty_like(x), empty_like(x) if keep else None
    grad_weight, grad_bias = np.empty(C, np.float32), np.empty(C, np.float32)
    plan = _backward(x.size // C, C, mask, other is not None, keep)
    plan(
        x, grad, grad if other is None else other, x if y is None else y, mean if scale is None else scale,
        mean if shift is None else shift, weight, mean, invstd, grad_x, grad_weight, grad_bias, x if g is None else g,
    )  # fmt: skip
    return grad_x, grad_weight, grad_bias, g


@planned
def _backward(plan: Plan, rows: int, C: int, mask: str, two: bool, keep: bool) -> None:
    x, grad, other, y, scale, shift, weight, mean, invstd, grad_x, grad_weight, grad_bias, g = plan.arrays(13)
    panel, blocks, parts = _panel(C), _blocks(rows), _parts(plan, rows, C)
    sums, factors = plan.scratch("sums", 2 * blocks * C), plan.scratch("factors", 3 * C)
    masked, passed = (grad, other, y), (scale, shift)
    sum_up = kernels.backward_sums(*panel, mask, two, keep)
    plan.link(sum_up, x, *masked, g, *passed, mean, sums, rows, C, parts=parts, reads=(grad, other))
    found = factors, grad_weight, grad_bias
    plan.step(kernels.finish_backward(), sums, weight, mean, invstd, *found, rows, C, blocks)
    if keep:
        mask, two, masked = "", False, (g, g, g)
    apply = kernels.backward_apply(*panel, mask, two)
    arrays = x, *masked, grad_x, *passed, factors
    plan.link(apply, *arrays, rows, C, parts=parts, reads=masked, writes=grad_x)


def elementwise(kind: str, x: np.ndarray, other: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the kernel of that kind of arrays that lie alike."""
    out = empty_like(x)
    _elementwise(kind, x.size)(x, other, y, out)
    return out


@planned
def _elementwise(plan: Plan, kind: str, size: int) -> None:
    plan.step(kernels.elementwise(kind), *plan.arrays(4), size)
