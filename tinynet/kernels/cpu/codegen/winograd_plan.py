"""With what block sizes Winograd's kernels run, and in which steps.

Arrays as in convolution.py.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tinynet.kernels.cpu.codegen import winograd, winograd_weights
from tinynet.kernels.cpu.codegen.gemm import tile
from tinynet.kernels.cpu.codegen.program import add_copies, lanes, run, scratch, step, whole
from tinynet.kernels.cpu.codegen.shape import Pair
from tinynet.threads import get_num_threads

LOCAL = 640 << 10
"""Bytes of V and M of a block of tiles, and of U, up to which they stay in a core's L2 cache of 1 MiB."""
CHUNK = 12 << 20
"""Bytes of V and M of a chunk that all threads work on: part of the L3 cache."""


def _tiles(size: Pair) -> Pair:
    return -(-size[0] // winograd.M), -(-size[1] // winograd.M)


@dataclass(frozen=True)
class Blocking:
    """How a Winograd convolution is cut into blocks of tile rows."""

    phased: bool
    rows: int
    """Tile rows in a block."""
    tiles: int
    """Tiles that V and M have room for."""
    R: int
    V: int
    room_V: int
    room_M: int
    band: int
    """Floats of V, of M and of a band."""


@functools.cache
def _blocking(images: int, size: Pair, C: int, O: int, threads: int, transposed: bool) -> Blocking:
    """Choose blocks for `size` results; transposed: for the gradient of the weights."""
    L = lanes()
    CB, OB = -(-C // L), -(-O // L)
    R, V = tile(L, OB)
    TH, TW = _tiles(size)
    each = winograd.F * 4 * L * (CB + OB)
    phased = winograd.F * 4 * L * L * CB * OB > LOCAL
    if transposed:
        R = 1
    most = images * TH if phased else -(-images * TH // threads)
    rows = max(1, min(most, (CHUNK if phased else LOCAL) // (each * TW)))
    if phased:
        rows = -(-most // -(-most // rows))  # chunks of equal size
    tiles = whole(rows * TW, R)
    width = TW * winograd.M + 2
    return Blocking(
        phased=phased,
        rows=rows,
        tiles=tiles,
        R=R,
        V=V,
        room_V=winograd.F * L * (CB * tiles + 1),
        room_M=winograd.F * L * (OB * tiles + 1),
        band=whole(winograd.N * (width + 4) * L, L),
    )


def convolve(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, padding: Pair, *, turned: bool
) -> None:
    """Convolve x with weight, or with the turned weight whose channels are exchanged, into y."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = y.shape
    CB, OB = -(-C // L), -(-O // L)
    plan = _blocking(N, (OH, OW), C, O, threads, False)
    TH, TW = _tiles((OH, OW))
    U = scratch("U", winograd.F * CB * OB * L * L)
    tails = C % L != 0, O % L != 0
    exact, with_bias = OH % winograd.M == 0 and OW % winograd.M == 0, bias is not None
    shift = weight if bias is None else bias
    if turned:
        steps = [step(winograd_weights.spread_weight_turned(plan.V), weight, U, C, O)]
    else:
        steps = [step(winograd_weights.spread_weight(plan.V), weight, U, O, C)]
    if not plan.phased:
        room = plan.room_V + plan.room_M + plan.band
        memory = scratch("local", room * threads)
        kernel = winograd.convolve_local(plan.R, plan.V, *tails, exact, with_bias, False)
        sizes = (N, H, W, C, OH, OW, O, *padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room)
        run(*steps, step(kernel, x, U, y, shift, memory, *sizes), threads=threads)
        return
    planes, products = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread, multiply = winograd.spread_x(tails[0]), winograd.multiply_phase(plan.R, plan.V)
    gather = winograd.gather_phase(plan.V, tails[1], exact, with_bias, False)
    for first, last in _chunks(N * TH, plan.rows):
        count = (last - first) * TW
        steps += [
            step(spread, x, planes, bands, first, last, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, U, products, C, O, plan.tiles, count),
            step(gather, products, y, shift, first, last, OH, OW, O, TH, TW, plan.tiles),
        ]
    run(*steps, threads=threads)


def _chunks(items: int, size: int) -> list[Pair]:
    return [(first, min(first + size, items)) for first in range(0, items, size)]


def grad_weight(x: np.ndarray, dy: np.ndarray, padding: Pair) -> np.ndarray:
    """Return the gradient of the weight."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = dy.shape
    plan = _blocking(N, (OH, OW), C, O, threads, True)
    TH, TW = _tiles((OH, OW))
    size = winograd.F * L * L * -(-C // L) * -(-O // L)
    tails = C % L != 0, O % L != 0
    R = L if plan.V == 1 else min(8, L) if plan.V < 4 else 4
    grad = np.empty((O, C, 3, 3), np.float32)
    sums = scratch("dU", size * (1 if plan.phased else threads))
    fold = step(winograd_weights.fold_weight(plan.V), sums, grad, O, C)
    if not plan.phased:
        room = plan.room_V + plan.room_M + plan.band
        kernel = winograd.grad_weight_local(R, plan.V, *tails)
        sizes = (N, H, W, C, OH, OW, O, *padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room, size)
        first = step(kernel, x, dy, scratch("local", room * threads), sums, *sizes)
        run(first, step(add_copies(), sums, threads, size), fold, threads=threads)
        return grad
    sums[:size] = 0
    planes, D = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread_x, spread_dy = winograd.spread_x(tails[0]), winograd.spread_dy(plan.V, tails[1])
    multiply = winograd.multiply_transposed_phase(R, plan.V)
    steps = []
    for begin, end in _chunks(N * TH, plan.rows):
        steps += [
            step(spread_x, x, planes, bands, begin, end, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(spread_dy, dy, D, bands, begin, end, OH, OW, O, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, D, sums, C, O, plan.tiles, (end - begin) * TW),
        ]
    run(*steps, fold, threads=threads)
    return grad
