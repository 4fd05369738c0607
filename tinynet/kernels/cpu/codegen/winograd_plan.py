"""With what block sizes Winograd's kernels run, and in which steps.

Arrays as in convolution.py.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from tinynet.kernels.cpu.codegen import winograd, winograd_phases, winograd_weights
from tinynet.kernels.cpu.codegen.gemm import tile
from tinynet.kernels.cpu.codegen.program import add_copies, clear, copies, lanes, run, scratch, step, whole
from tinynet.kernels.cpu.codegen.shape import Pair
from tinynet.memory import empty
from tinynet.threads import get_num_threads

LOCAL = 640 << 10
"""Bytes of V and M of a block of tiles, and of U, up to which they stay in a core's L2 cache of 1 MiB."""
CHUNK = 12 << 20
"""Bytes of V and M of a chunk that all threads work on: part of the L3 cache."""


def tiles(size: Pair) -> int:
    """Return the number of tiles of an image of so many results."""
    TH, TW = _tiles(size)
    return TH * TW


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
    if phased:  # where U is larger than the cache, it had better pass once for all tiles
        limit = CHUNK if winograd.F * 4 * L * L * CB * OB < CHUNK else 2 * CHUNK
    else:
        limit = LOCAL
    rows = max(1, min(most, limit // (each * TW)))
    if phased:
        rows = -(-most // -(-most // rows))  # chunks of equal size
    else:
        unit = R // math.gcd(R, TW)  # tile rows that fill whole register tiles
        rows = max(rows // unit * unit, min(rows, unit))
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
    tails = C % L != 0, O % L != 0
    exact, with_bias = OH % winograd.M == 0 and OW % winograd.M == 0, bias is not None
    shift = weight if bias is None else bias
    channels = (C, O) if turned else (O, C)
    if plan.phased and plan.rows >= N * TH and 2 * threads <= OB // plan.V:
        _convolve_grouped(x, weight, bias, y, plan, padding, turned=turned)
        return
    U = scratch("U", winograd.F * CB * OB * L * L)
    steps = [step(winograd_weights.spread_weight(plan.V, turned), weight, U, *channels)]
    if not plan.phased:
        room = plan.room_V + plan.room_M + plan.band
        memory = scratch("local", room * threads)
        kernel = winograd.convolve_local(plan.R, plan.V, *tails, exact, with_bias, False)
        sizes = N, H, W, C, OH, OW, O, *padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room
        steps.append(step(kernel, x, U, y, shift, memory, *sizes))
        run(*steps, threads=threads)
        return
    planes, products = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread, multiply = winograd_phases.spread_x(tails[0]), winograd_phases.multiply_phase(plan.R, plan.V)
    gather = winograd_phases.gather_phase(plan.V, tails[1], exact, with_bias, False)
    for first, last in _chunks(N * TH, plan.rows):
        count = (last - first) * TW
        steps += [
            step(spread, x, planes, bands, first, last, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, U, products, C, O, plan.tiles, count),
            step(gather, products, y, shift, first, last, OH, OW, O, TH, TW, plan.tiles),
        ]
    run(*steps, threads=threads)


def _convolve_grouped(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, plan: Blocking, padding: Pair,
    *, turned: bool,
) -> None:  # fmt: skip
    """Convolve where all tiles are one chunk and U is large."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = y.shape
    TH, TW = _tiles((OH, OW))
    planes, products = scratch("V", plan.room_V), scratch("M", plan.room_M)
    room = winograd.F * whole(C, L) * plan.V * L
    exact = OH % winograd.M == 0 and OW % winograd.M == 0
    run(
        step(
            winograd_phases.spread_x(C % L != 0), x, planes, scratch("bands", plan.band * threads),
            0, N * TH, H, W, C, *padding, TH, TW, plan.tiles, plan.band,
        ),
        step(
            winograd_weights.multiply_grouped(plan.R, plan.V, turned), weight, planes, products,
            scratch("U", room * threads),
            *((C, O) if turned else (O, C)), plan.tiles, N * TH * TW, room,
        ),
        step(
            winograd_phases.gather_phase(plan.V, O % L != 0, exact, bias is not None, False),
            products, y, weight if bias is None else bias, 0, N * TH, OH, OW, O, TH, TW, plan.tiles,
        ),
        threads=threads,
    )  # fmt: skip


def _chunks(items: int, size: int) -> list[Pair]:
    return [(first, min(first + size, items)) for first in range(0, items, size)]


def grad_weight(x: np.ndarray, dy: np.ndarray, padding: Pair) -> np.ndarray:
    """Return the gradient of the weights (O, C, 3, 3)."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = dy.shape
    plan = _blocking(N, (OH, OW), C, O, threads, True)
    TH, TW = _tiles((OH, OW))
    size = winograd.F * L * L * -(-C // L) * -(-O // L)
    tails = C % L != 0, O % L != 0
    R = L if plan.V == 1 else min(8, L) if plan.V < 4 else 4
    grad = empty(O, C, 3, 3)
    if not plan.phased:
        parts = copies(size)
        sums = scratch("dU", size * parts)
        fold = step(winograd_weights.fold_weight(plan.V), sums, grad, O, C)
        room = plan.room_V + plan.room_M + plan.band
        kernel = winograd.grad_weight_local(R, plan.V, *tails)
        first = step(
            kernel, x, dy, scratch("local", room * threads), sums,
            N, H, W, C, OH, OW, O, *padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room, size, parts=parts,
        )  # fmt: skip
        run(first, step(add_copies(), sums, parts, size), fold, threads=threads)
        return grad
    planes, D = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread_x, spread_dy = winograd_phases.spread_x(tails[0]), winograd_phases.spread_dy(plan.V, tails[1])
    if plan.rows >= N * TH and 2 * threads <= -(-O // L) // plan.V:
        room = winograd.F * whole(C, L) * plan.V * L
        grouped = winograd_weights.grad_weight_grouped(R, plan.V)
        run(
            step(spread_x, x, planes, bands, 0, N * TH, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(spread_dy, dy, D, bands, 0, N * TH, OH, OW, O, TH, TW, plan.tiles, plan.band),
            step(grouped, planes, D, scratch("U", room * threads), grad, O, C, plan.tiles, N * TH * TW, room),
            threads=threads,
        )
        return grad
    sums = scratch("dU", size)
    fold = step(winograd_weights.fold_weight(plan.V), sums, grad, O, C)
    multiply = winograd_phases.multiply_transposed_phase(R, plan.V)
    steps = [step(clear(), sums, size)]
    for begin, end in _chunks(N * TH, plan.rows):
        steps += [
            step(spread_x, x, planes, bands, begin, end, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(spread_dy, dy, D, bands, begin, end, OH, OW, O, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, D, sums, C, O, plan.tiles, (end - begin) * TW),
        ]
    run(*steps, fold, threads=threads)
    return grad
