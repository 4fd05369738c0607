"""3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), of stride 2 by a form made of F(4, 2), and their gradients.

The image is cut into tiles of 4x4 results, numbered row by row through the whole batch. Three stages, each linear:
    spread   every tile's pixels d, 6x6, become B^T d B: 36 matrices V[f] (tiles, C)
    multiply 36 products M[f] = V[f] U[f], with U[f] (C, O) from the weights' G g G^T
    gather   every tile's 6x6 values of M become 4x4 results A^T m A
The gradient of the input is the same with the weights turned and exchanged. The gradient of the weights spreads the
tiles of grad_y as A dy A^T into D[f] (tiles, O), sums dU[f] = V[f]^T D[f], and folds dU as G^T dU G. Where channels are
few one kernel computes both gradients (`gradients_local`).

Stride 2 differs in the matrices alone (`transforms.Form`): a tile of 9x9 pixels, of which the next begins 8 further,
becomes 81 planes, which share 36 matrices U: u(f) is the one of plane f. The gradient of its input makes 8x8 results
of 5x5 pixels of grad_y. A direct convolution takes 144 multiplications for 4x4 results, this one 81.

Layouts, with L lanes, channels in blocks of L (CB blocks of input, OB of results, the last filled up with zeros), and
V vectors a register tile, of 36 or 81 planes:
    V   [CB][T][planes][L]      a tile is an odd number of vectors long: else all would share a few cache sets
    U   [36][OB/V][CB*L][V*L]
    M   [OB/V][T][planes][V*L]  D as M
    dU  as U
All planes of a tile side by side are one place to write to and to read from; plane by plane, as they are multiplied,
they are 36 places, which takes 1.1 times as long with 16 channels, 1.04 to 1.09 with 32, and about the same with more
(two cores of a Xeon, 2.9 GHz; whole steps of ResNet-20 and the 6-block network 1.04). So they lie only where every
stage runs over all tiles ("phased"): V [planes][CB][T][L], M [planes][OB/V][T][V*L].

What stays in cache: of a block of tiles, V and M, of which a thread goes through all stages ("local"), take as much as
U, and a third of the L2 cache of a core at least. Where there are few tiles for a large U, or U is as large as L3, each
stage runs over a larger block with all threads, multiplying one f after the other, so that U passes once through a core
for many tiles ("phased", winograd_phases.py; winograd_plan.py has the sizes).
Measured on two cores of Zen 4: as fast as a direct convolution of 450 to 480 GFLOP/s with 16 channels, and 580 to 700
with 32 to 512; of stride 2, where tiles are full, 0.6 to 0.95 times as long as the direct kernels take.

Source:  Lavin, Gray 2015, arXiv 1509.09308
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.ahead import Ahead, ask_for
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.gemm import Tile, clear_tile
from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer
from tinynet.kernels.cpu.codegen.program import template
from tinynet.kernels.cpu.codegen.transforms import FORMS, Form
from tinynet.kernels.cpu.codegen.winograd_tiles import (
    Layout,
    gather,
    spread_pixels,
    spread_results,
    tile_by_tile,
)

F = transforms.W**2
"""Matrices U that the weights become."""
UNROLL = 4
"""Tiles at a time in the gradient of the weights."""


@dataclass(frozen=True)
class Piece:
    """A part of U or dU: one group of V vectors of channels of results, and blocks `begin` to `end` of the others."""

    group: Int
    begin: Int
    end: Int


def multiply(
    code: Code,
    planes: Pointer,
    U: Pointer,
    products: Pointer,
    *,
    first: Int,
    last: Int,
    C: Int,
    O: Int,
    layouts: tuple[Layout, Layout],
    count: Int,
    R: int,
    V: int,
    form: Form,
    piece: Piece | None = None,
    ahead: Ahead | None = None,
) -> None:
    """Write M[f] = V[f] U[u(f)] for f from first to last and `count` tiles, R*V registers at a time.

    Args:    piece: of U that is there and is used; later pieces of a group add to what the first has written
             ahead: is asked once for each register tile and block of channels, with V = 1 every 4 channels; then the
             products also ask for the next panel of U, V lines every 4 channels: all of it within 4 register tiles
    """
    L = code.lanes
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    in_V, in_M = layouts
    begin, end = (code.int(0), blocks) if piece is None else (piece.begin, piece.end)
    for f in code.range(first, last):
        u = _matrix_of(f, form)
        for group in code.range(groups) if piece is None else (piece.group,):
            panel = U + (u * groups + group if piece is None else u) * (end - begin) * (L * V * L)
            out = products + f * in_M.plane + group * in_M.block
            following = code.variable(panel + (end - begin) * (L * V * L))
            for t in code.range(0, count, R):
                if piece is not None:
                    with code.when(begin.equals(0)):
                        clear_tile(code, out + t * in_M.tile, R * V)
                result = Tile(code, R, V, None if piece is None else out + t * in_M.tile)
                rows = planes + f * in_V.plane + t * in_V.tile
                for block in code.range(begin, end):
                    a, b = rows + block * in_V.block, panel + (block - begin) * (L * V * L)
                    if ahead is not None and V > 1:
                        ahead.ask()
                    for k in code.range(0, L, 4):
                        if ahead is not None and V == 1:
                            ahead.ask()
                        elif ahead is not None:
                            following.set(ask_for(following.get(), V))
                        for step in range(4):
                            result.add_product(a + (k + step), in_V.tile, b + (k + step) * (V * L))
                result.store(out + t * in_M.tile, in_M.tile)


def multiply_transposed(
    code: Code,
    planes: Pointer,
    D: Pointer,
    dU: Pointer,
    *,
    first: Int,
    last: Int,
    C: Int,
    O: Int,
    layouts: tuple[Layout, Layout],
    count: Int,
    R: int,
    V: int,
    form: Form,
    piece: Piece | None = None,
    ahead: Ahead | None = None,
    begins: Any = None,
) -> None:
    """Add V[f]^T D[f] over `count` tiles and all f of a u to dU[u], for u from first to last; R divides L.

    Args:    piece: of dU that is there, whose sums begin with these tiles
             ahead: is asked for every UNROLL tiles of a plane, while the first R of a block's channels are summed
             begins: comparison: the sums begin with these tiles, and what lies in dU does not count
    """
    L = code.lanes
    if begins is not None:
        nothing = code.buffer(R * V * L)
        clear_tile(code, nothing, R * V)
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    in_V, in_M = layouts
    begin, end = (code.int(0), blocks) if piece is None else (piece.begin, piece.end)
    for u in code.range(first, last):
        for group in code.range(groups) if piece is None else (piece.group,):
            right = D + group * in_M.block
            for block in code.range(begin, end):
                left = planes + block * in_V.block
                for half in range(0, L, R):
                    panel = u * groups + group if piece is None else u
                    out = dU + (panel * (end - begin) + (block - begin)) * (L * V * L) + half * V * L
                    start = out if begins is None else nothing.where(begins, out)
                    sums = Tile(code, R, V, start if piece is None else None)
                    for f in _planes_of(code, u, form):
                        a, b = left + f * in_V.plane + half, right + f * in_M.plane
                        whole = count // UNROLL * UNROLL
                        for t in code.range(0, whole, UNROLL):
                            if ahead is not None and half == 0:
                                ahead.ask()
                            for i in range(UNROLL):
                                sums.add_product(a + (t + i) * in_V.tile, 1, b + (t + i) * in_M.tile)
                        for t in code.range(whole, count):
                            sums.add_product(a + t * in_V.tile, 1, b + t * in_M.tile)
                    sums.store(out)


def _matrix_of(f: Int, form: Form) -> Int:
    """Return u(f), the number of the matrix U that V[f] is multiplied by."""
    if form.shared == 1:
        return f
    row, column = ((i - (form.shared - 1)).maximum(0) for i in (f // form.planes, f % form.planes))
    return row * transforms.W + column


def _planes_of(code: Code, u: Int, form: Form) -> Iterator[Int]:
    """Loop over all f of which u is the matrix."""
    if form.shared == 1:
        yield u
        return
    ends = [i + form.shared for i in (u // transforms.W, u % transforms.W)]
    rows, columns = (((end - 1).where(end - form.shared >= 1, 0), end) for end in ends)
    for row in code.range(*rows):
        for column in code.range(*columns):
            yield row * form.planes + column


def _rows_of(images: Pointer, row: Int, H: Int, W: Int, C: Int, TH: Int, step: int) -> Pointer:
    """Return where the pixels, or results, of a row of tiles begin in images (N, H, W, C)."""
    return images + (row // TH * H + row % TH * step) * W * C


@template
def convolve_local(
    code: Code, R: int, V: int, tail_in: bool, tail_out: bool, exact: bool, ending: str, kind: str
) -> None:
    """All three stages of the blocks of tile rows of each thread."""
    form = FORMS[kind]
    x, U, y, memory, *rest = code.pointers(8)
    finish = Finish(code, ending, rest)
    images, H, W, C, OH, OW, O, PH, PW, TH, TW, rows, tiles, room_V, room = code.integers(15)
    L = code.lanes
    blocks_in, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    mine = memory + code.thread * room
    planes, products = mine, mine + room_V
    layouts = tile_by_tile(code, form, tiles), tile_by_tile(code, form, tiles, V)
    band = products + groups * layouts[1].block
    blocks = (images * TH + (rows - 1)) // rows
    begin, end = code.share(blocks)
    for block in code.range(begin, end):
        first = block * rows
        last = (first + rows).minimum(images * TH)
        spread_pixels(
            code, x, planes, first=first, last=last, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW, layout=layouts[0],
            band=band, tail=tail_in, form=form,
        )  # fmt: skip
        count = (last - first) * TW
        pixels, results = form.step, form.results
        turns = groups * blocks_in * form.planes**2 * ((count + (R - 1)) // R)
        ahead = Ahead(code, turns * (L // 4) if V == 1 else turns)
        ahead.add(_rows_of(x, last, H, W, C, TH, pixels), (last - first) * (pixels * W) * C)
        ahead.add(_rows_of(y, first, OH, OW, O, TH, results), (last - first) * (results * OW) * O, write=True)
        multiply(
            code, planes, U, products, first=code.int(0), last=code.int(form.planes**2), C=C, O=O, layouts=layouts,
            count=count, R=R, V=V, form=form, ahead=ahead,
        )  # fmt: skip
        gather(
            code, products, y, finish, first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW,
            layout=layouts[1], V=V, tail=tail_out, exact=exact, form=form,
        )  # fmt: skip


@template
def grad_weight_local(code: Code, R: int, V: int, tail_in: bool, tail_out: bool, kind: str) -> None:
    """dU summed over the blocks of tile rows of each thread, in memory of its own."""
    form = FORMS[kind]
    x, dy, memory, sums = code.pointers(4)
    images, H, W, C, OH, OW, O, PH, PW, TH, TW, rows, tiles, room_V, room, size_dU = code.integers(16)
    L = code.lanes
    blocks_in, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    planes = memory + code.thread * room
    D = planes + room_V
    layouts = tile_by_tile(code, form, tiles), tile_by_tile(code, form, tiles, V)
    band = D + groups * layouts[1].block
    dU = sums + code.part * size_dU
    blocks = (images * TH + (rows - 1)) // rows
    begin, end = code.share(blocks)
    _clear_if_empty(code, dU, size_dU, begin, end)
    for block in code.range(begin, end):
        first = block * rows
        last = (first + rows).minimum(images * TH)
        spread_pixels(
            code, x, planes, first=first, last=last, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW, layout=layouts[0],
            band=band, tail=tail_in, form=form,
        )  # fmt: skip
        spread_results(
            code, dy, D, first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW, layout=layouts[1], V=V, band=band,
            tail=tail_out, form=form,
        )  # fmt: skip
        count = (last - first) * TW
        ahead = Ahead(code, groups * blocks_in * form.planes**2 * (count // UNROLL).maximum(1))
        pixels, results = form.step, form.results
        ahead.add(_rows_of(x, last, H, W, C, TH, pixels), (last - first) * (pixels * W) * C)
        ahead.add(_rows_of(dy, last, OH, OW, O, TH, results), (last - first) * (results * OW) * O)
        multiply_transposed(
            code, planes, D, dU, first=code.int(0), last=code.int(F), C=C, O=O, layouts=layouts, count=count, R=R, V=V,
            form=form, ahead=ahead, begins=block.equals(begin),
        )  # fmt: skip


def _clear_if_empty(code: Code, dU: Pointer, size: Int, begin: Int, end: Int) -> None:
    """Write zeros if a part has no tiles, of which the first would write."""
    with code.when(begin >= end):
        for i in code.range(0, size, code.lanes):
            (dU + i).store(code.zero)


@template
def gradients_local(
    code: Code, R: int, V: int, R_sums: int, tail_in: bool, tail_out: bool, exact: bool, kind: str
) -> None:
    """Both gradients of a convolution: that of x, a convolution of dy, and dU summed by each part.

    The sizes are those of that convolution: dy (N, H, W, C) becomes dx (N, OH, OW, O). V of dy serves both, as the
    gradient of the weights is, turned, also what a convolution of dy with x comes to:
        dg[k] = sum over i of x[i + k - 1] dy[i] = sum over j of dy[j + (2 - k) - 1] x[j]
    so that x takes the place of dy in D: a transform less, and dy is read once. With stride 2, the same.
    """
    form = FORMS[kind]
    dy, U, dx, x, memory, sums = code.pointers(6)
    images, H, W, C, OH, OW, O, PH, PW, TH, TW, rows, tiles, room_V, room_M, room, size_dU = code.integers(17)
    L = code.lanes
    blocks_in, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    planes = memory + code.thread * room
    products, D = planes + room_V, planes + room_V + room_M
    band = D + room_M
    layouts = tile_by_tile(code, form, tiles), tile_by_tile(code, form, tiles, V)
    dU = sums + code.part * size_dU
    begin, end = code.share(images * TH)
    _clear_if_empty(code, dU, size_dU, begin, end)
    for first in code.range(begin, end, rows):
        last = (first + rows).minimum(end)
        count = (last - first) * TW
        spread_pixels(
            code, dy, planes, first=first, last=last, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW, layout=layouts[0],
            band=band, tail=tail_in, form=form,
        )  # fmt: skip
        spread_results(
            code, x, D, first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW, layout=layouts[1], V=V, band=band,
            tail=tail_out, form=form,
        )  # fmt: skip
        planes_of_form = form.planes**2
        turns = groups * blocks_in * planes_of_form * ((count + (R - 1)) // R)
        ahead = Ahead(code, turns * (L // 4) if V == 1 else turns)
        step, results = form.step, form.results
        ahead.add(
            _rows_of(dx, first, OH, OW, O, TH, results), (last - first) * (results * OW) * O, write=True
        )
        multiply(
            code, planes, U, products, first=code.int(0), last=code.int(planes_of_form), C=C, O=O, layouts=layouts,
            count=count, R=R, V=V, form=form, ahead=ahead,
        )  # fmt: skip
        gather(
            code, products, dx, Finish(code, "", [dx] * 4), first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW,
            layout=layouts[1], V=V, tail=tail_out, exact=exact, form=form,
        )  # fmt: skip
        ahead = Ahead(code, groups * blocks_in * planes_of_form * (count // UNROLL).maximum(1))
        ahead.add(_rows_of(dy, last, H, W, C, TH, step), (last - first) * (step * W) * C)
        ahead.add(_rows_of(x, last, OH, OW, O, TH, results), (last - first) * (results * OW) * O)
        multiply_transposed(
            code, planes, D, dU, first=code.int(0), last=code.int(F), C=C, O=O, layouts=layouts, count=count,
            R=R_sums, V=V, form=form, ahead=ahead, begins=first.equals(begin),
        )  # fmt: skip
