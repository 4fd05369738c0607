"""With what block sizes Winograd's kernels run, and in which steps.

Arrays as in convolution.py.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from tinynet.kernels.cpu.codegen import chains, winograd, winograd_phases, winograd_weights
from tinynet.kernels.cpu.codegen.ending import Ending
from tinynet.kernels.cpu.codegen.gemm import tile
from tinynet.kernels.cpu.codegen.program import Given, Plan, clear, copies, lanes, whole
from tinynet.kernels.cpu.codegen.shape import Pair, Shape
from tinynet.kernels.cpu.codegen.transforms import FORMS, Form
from tinynet.kernels.cpu.codegen.winograd_tiles import floats_of_tile

LOCAL = 640 << 10
"""Bytes of U up to which it stays in a core's L2 cache of 1 MiB."""
STREAMED, SUMMED = 10 << 20, 5 << 20
"""Bytes of U, and of dU, up to which each block of tiles had better read it from L3 than all V and M went there."""
BLOCK, MOST = 320 << 10, 1280 << 10
"""Bytes of V and M of a block of tiles: at least and at most. Between, as many as U has, which each block reads."""
BOTH, SHARED = 160 << 10, 480 << 10
"""Bytes of U up to which both gradients are computed block by block, and of V, M and D of such a block."""
ENOUGH = 64
"""Tiles for each thread from which that pays."""
CHUNK = 12 << 20
"""Bytes of V and M of a chunk that all threads work on: part of the L3 cache."""


PIECE = 512 << 10
"""Bytes of U that a thread makes at a time where all of U is large: half of L2."""


def kind_of(shape: Shape, *, gradient: bool = False) -> str:
    """Return the form, of `transforms.FORMS`, of a convolution of stride 1 or 2, or of the gradient of its input."""
    return "plain" if shape.stride == (1, 1) else "fractional" if gradient else "strided"


def tiles(size: Pair, kind: str) -> int:
    """Return the number of tiles of an image of so many results."""
    TH, TW = _tiles(size, FORMS[kind])
    return TH * TW


def _tiles(size: Pair, form: Form) -> Pair:
    return -(-size[0] // form.results), -(-size[1] // form.results)


@dataclass(frozen=True)
class Blocking:
    """How a Winograd convolution is cut into blocks of tile rows."""

    phased: bool
    grouped: bool
    """Whether all tiles are one chunk, and each thread makes U of the group of channels that it multiplies."""
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
def _blocking(images: int, size: Pair, C: int, O: int, threads: int, transposed: bool, kind: str) -> Blocking:
    """Choose blocks for `size` results; transposed: for the gradient of the weights."""
    L = lanes()
    CB, OB = -(-C // L), -(-O // L)
    R, V = tile(L, OB)
    form = FORMS[kind]
    TH, TW = _tiles(size, form)
    planes = form.planes**2
    each = planes * 4 * L * (CB + OB)
    bytes_of_U = winograd.F * 4 * L * L * CB * OB
    streamed = SUMMED if transposed else STREAMED
    phased = bytes_of_U > (streamed if images * TH * TW >= ENOUGH * threads else LOCAL)
    if transposed:
        R = 1
    most = images * TH if phased else -(-images * TH // threads)
    if phased:  # where U is larger than the cache, it had better pass once for all tiles
        limit = CHUNK if bytes_of_U < CHUNK else 2 * CHUNK
    else:
        limit = min(max(BLOCK, bytes_of_U), MOST)
    rows = max(1, min(most, limit // (each * TW)))
    if phased:
        rows = -(-most // -(-most // rows))  # chunks of equal size
    else:
        unit = R // math.gcd(R, TW)  # tile rows that fill whole register tiles
        rows = max(rows // unit * unit, min(rows, unit))
    tiles = whole(rows * TW, R)
    return Blocking(
        phased=phased,
        grouped=phased and rows >= images * TH and 2 * threads <= OB // V,
        rows=rows,
        tiles=tiles,
        R=R,
        V=V,
        room_V=planes * L * (CB * tiles + 1) if phased else CB * tiles * floats_of_tile(form, 1, L),
        room_M=planes * L * (OB * tiles + 1) if phased else OB // V * tiles * floats_of_tile(form, V, L),
        band=form.planes * ((TW - 1) * form.step + form.pixels) * L,
    )


def convolve(
    plan: Plan,
    shape: Shape,
    x: Given,
    weight: Given,
    y: Given,
    ending: Ending,
    *,
    kind: str,
    turned: bool = False,
) -> None:
    """Convolve x with weight, or with the turned weight whose channels are exchanged, into y."""
    form = FORMS[kind]
    L, threads = lanes(), plan.threads
    N, (H, W), C, (OH, OW), O, padding = *shape[:5], shape.padding
    CB, OB = -(-C // L), -(-O // L)
    blocks = _blocking(N, (OH, OW), C, O, threads, False, kind)
    TH, TW = _tiles((OH, OW), form)
    tails = C % L != 0, O % L != 0
    exact = OH % form.results == 0 and OW % form.results == 0
    channels = (C, O) if turned else (O, C)
    if not blocks.phased:
        U = plan.scratch("U", winograd.F * CB * OB * L * L)
        spread = winograd_weights.spread_weight(blocks.V, turned, kind)
        parts = _parts(plan, shape, TH, blocks.rows) if ending.kind in ("", "b") else 0
        plan.step(spread, weight, U, *channels, role=chains.BEFORE if parts else chains.ALONE, uses="U")
        room = blocks.room_V + blocks.room_M + blocks.band
        plan.link(
            winograd.convolve_local(blocks.R, blocks.V, *tails, exact, ending.kind, kind),
            x, U, y, plan.scratch("local", room * threads), *ending.arrays(weight),
            N, H, W, C, OH, OW, O, *padding, TH, TW, blocks.rows, blocks.tiles, blocks.room_V, room,
            parts=parts, reads=(x,), writes=y, uses="U",
        )  # fmt: skip
        return
    V, M = plan.scratch("V", blocks.room_V), plan.scratch("M", blocks.room_M)
    bands = plan.scratch("bands", blocks.band * threads)
    depth, room = _piece(CB, blocks.V)
    if blocks.grouped:
        U = plan.scratch("U", room * threads)
    else:
        U = plan.scratch("U", winograd.F * CB * OB * L * L)
        plan.step(winograd_weights.spread_weight(blocks.V, turned, kind), weight, U, *channels)
    for first, last in _chunks(N * TH, blocks.rows):
        tiles, count = (TH, TW, blocks.tiles), (last - first) * TW
        plan.step(
            winograd_phases.spread_x(tails[0], kind), x, V, bands, first, last, H, W, C, *padding, *tiles, blocks.band,
        )  # fmt: skip
        if blocks.grouped:
            multiply = winograd_weights.multiply_grouped(blocks.R, blocks.V, turned, kind)
            plan.step(multiply, weight, V, M, U, *channels, blocks.tiles, count, depth)
        else:
            multiply = winograd_phases.multiply_phase(blocks.R, blocks.V, kind)
            plan.step(multiply, V, U, M, C, O, blocks.tiles, count)
        gather = winograd_phases.gather_phase(blocks.V, tails[1], exact, ending.kind, kind)
        plan.step(gather, M, y, *ending.arrays(weight), first, last, OH, OW, O, *tiles)


def _parts(plan: Plan, shape: Shape, TH: int, rows: int) -> int:
    """Return into how many parts, of equally many whole images and blocks of tile rows, a chain is cut; 0: no chain."""
    parts = chains.parts(_numbers(shape), plan.threads)
    if not parts or shape.images % parts or shape.images // parts * TH % rows:
        return 0
    return parts


def _numbers(shape: Shape) -> int:
    """Return how many numbers the larger of images and results has."""
    each = max(math.prod(shape.image) * shape.channels, math.prod(shape.results) * shape.outputs)
    return shape.images * each


def _piece(blocks: int, V: int) -> Pair:
    """Return how many blocks of channels a piece of U has at most, and its size in numbers."""
    each = winograd.F * lanes() * V * lanes()
    depth = max(1, min(blocks, PIECE // (4 * each)))
    return depth, depth * each


def _chunks(items: int, size: int) -> list[Pair]:
    return [(first, min(first + size, items)) for first in range(0, items, size)]


def grad_weight(plan: Plan, shape: Shape, x: Given, dy: Given, grad: Given) -> None:
    """Write the gradient of the weights (O, C, 3, 3)."""
    L, threads = lanes(), plan.threads
    N, (H, W), C, (OH, OW), O, padding = *shape[:5], shape.padding
    kind = kind_of(shape)
    blocks = _blocking(N, (OH, OW), C, O, threads, True, kind)
    TH, TW = _tiles((OH, OW), FORMS[kind])
    size = _size_of_U(shape)
    tails = C % L != 0, O % L != 0
    R = _rows_of_sums(blocks.V)
    if not blocks.phased:
        parts = copies(size)
        sums = plan.scratch("dU", size * parts)
        room = blocks.room_V + blocks.room_M + blocks.band
        role = chains.AFTER if chains.parts(_numbers(shape), plan.threads) else chains.ALONE
        plan.step(
            winograd.grad_weight_local(R, blocks.V, *tails, kind), x, dy, plan.scratch("local", room * threads), sums,
            N, H, W, C, OH, OW, O, *padding, TH, TW, blocks.rows, blocks.tiles, blocks.room_V, room, size, parts=parts,
            role=role,
        )  # fmt: skip
        plan.step(
            winograd_weights.fold_weight(blocks.V, False, kind), sums, grad, O, C, parts, size, role=role
        )
        return
    V, D = plan.scratch("V", blocks.room_V), plan.scratch("M", blocks.room_M)
    bands = plan.scratch("bands", blocks.band * threads)
    depth, room = _piece(-(-C // L), blocks.V)
    sums = plan.scratch("U", room * threads) if blocks.grouped else plan.scratch("dU", size)
    if not blocks.grouped:
        plan.step(clear(), sums, size)
    for first, last in _chunks(N * TH, blocks.rows):
        tiles, count = (TH, TW, blocks.tiles, blocks.band), (last - first) * TW
        plan.step(
            winograd_phases.spread_x(tails[0], kind), x, V, bands, first, last, H, W, C, *padding, *tiles
        )
        plan.step(
            winograd_phases.spread_dy(blocks.V, tails[1], kind), dy, D, bands, first, last, OH, OW, O, *tiles
        )
        if blocks.grouped:
            multiply = winograd_weights.grad_weight_grouped(R, blocks.V, kind)
            plan.step(multiply, V, D, sums, grad, O, C, blocks.tiles, count, depth)
        else:
            multiply = winograd_phases.multiply_transposed_phase(R, blocks.V, kind)
            plan.step(multiply, V, D, sums, C, O, blocks.tiles, count)
    if not blocks.grouped:
        plan.step(winograd_weights.fold_weight(blocks.V, False, kind), sums, grad, O, C, 1, size)


def shares_gradients(shape: Shape, threads: int) -> bool:
    """Return whether `gradients` pays: U and dU are small, and the sums of all parts no more than the images."""
    size = _size_of_U(shape)
    return 4 * size <= BOTH and _parts_of_sums(shape, size, threads) * size <= _numbers(shape)


def _size_of_U(shape: Shape) -> int:
    """Return of how many numbers U and dU consist."""
    L = lanes()
    return winograd.F * L * L * -(-shape.channels // L) * -(-shape.outputs // L)


def _parts_of_sums(shape: Shape, size: int, threads: int) -> int:
    """Return into how many parts the kernel of both gradients is cut: those of a chain, of whole images, or few."""
    parts = chains.parts(_numbers(shape), threads)
    return parts if parts and shape.images % parts == 0 else copies(size)


def gradients(
    plan: Plan, turned: Shape, x: Given, dy: Given, weight: Given, dx: Given, grad: Given, *, kind: str
) -> None:
    """Write the gradients of x and of weight; turned, kind: shape and form of the first as a convolution of dy."""
    L, threads = lanes(), plan.threads
    N, (H, W), O, (OH, OW), C, padding = *turned[:5], turned.padding
    OB, CB = -(-O // L), -(-C // L)
    form, size = FORMS[kind], _size_of_U(turned)
    R, V = tile(L, CB)
    TH, TW = _tiles((OH, OW), form)
    parts = _parts_of_sums(turned, size, threads)
    unit = R // math.gcd(R, TW)
    rows = max(1, min(-(-N * TH // parts), SHARED // (form.planes**2 * 4 * L * (OB + 2 * CB) * TW)))
    rows = max(rows // unit * unit, min(rows, unit))
    tiles = whole(rows * TW, R)
    room_V, room_M = OB * tiles * floats_of_tile(form, 1, L), CB // V * tiles * floats_of_tile(form, V, L)
    width = max((TW - 1) * form.step + form.pixels, TW * form.results)
    room = room_V + 2 * room_M + form.planes * width * L
    in_chain = chains.parts(_numbers(turned), threads) == parts
    U, sums = plan.scratch("U", size), plan.scratch("dU", size * parts)
    spread = winograd_weights.spread_weight(V, True, kind)
    plan.step(spread, weight, U, O, C, role=chains.BEFORE if in_chain else chains.ALONE, uses="U")
    tails = O % L != 0, C % L != 0
    exact = OH % form.results == 0 and OW % form.results == 0
    arguments = (
        winograd.gradients_local(R, V, _rows_of_sums(V), *tails, exact, kind),
        dy, U, dx, x, plan.scratch("local", room * threads), sums,
        N, H, W, O, OH, OW, C, *padding, TH, TW, rows, tiles, room_V, room_M, room, size,
    )  # fmt: skip
    if in_chain:
        plan.link(*arguments, parts=parts, reads=(dy,), writes=dx, uses="U")
    else:
        plan.step(*arguments, parts=parts)
    role = chains.AFTER if in_chain else chains.ALONE
    plan.step(winograd_weights.fold_weight(V, True, kind), sums, grad, O, C, parts, size, role=role)


def _rows_of_sums(V: int) -> int:
    """Return the rows of the register tile in the gradient of the weights: a divisor of the lanes."""
    return lanes() if V == 1 else min(8, lanes()) if V < 4 else 4
