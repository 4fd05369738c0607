"""3x3 convolution of stride 1 by Winograd's F(4x4, 3x3), and both its gradients.

The image is cut into tiles of 4x4 results, numbered row by row through the whole batch. Three stages, each linear:
    spread   every tile's 6x6 pixels d become B^T d B: 36 matrices V[f] (tiles, C)
    multiply 36 products M[f] = V[f] U[f], with U[f] (C, O) from the weights' G g G^T
    gather   every tile's 6x6 values of M become 4x4 results A^T m A
The gradient of the input is the same with the weights turned and exchanged. The gradient of the weights spreads the
tiles of grad_y as A dy A^T into D[f] (tiles, O), sums dU[f] = V[f]^T D[f], and folds dU as G^T dU G.

Layouts, with L lanes, channels in blocks of L (CB blocks of input, OB of results, the last filled up with zeros), and
V vectors a register tile:
    V   [36][CB][T][L]          36 planes one cache line more than a multiple apart: else all would share cache sets
    U   [36][OB/V][CB*L][V*L]
    M   [36][OB/V][T][V*L]
    dU  as U

What stays in cache: a block of tiles is chosen so that V and M of it fit in the L2 cache of a core ("local": a thread
goes through all stages of its own blocks). Where U alone is larger than that, each stage runs over a larger block with
all threads, multiplying one f after the other, so that U passes once through a core for many tiles ("phased",
winograd_phases.py).
Measured on two cores of Zen 4: as fast as a direct convolution of 370 to 430 GFLOP/s with 16 channels, and 490 to 680
with 32 to 512; its multiplications are 40 to 73 % of the peak of 235. A tile's pixels are spread in four groups of
rows, each from the band anew: all at once they would not fit in the registers. It takes about as long as reading and
writing 36 vectors for 16 pixels in L2.

Source:  Lavin, Gray 2015, arXiv 1509.09308
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.ahead import Ahead
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.gemm import Tile, clear_tile
from tinynet.kernels.cpu.codegen.language import Code, Int, Number, Pointer
from tinynet.kernels.cpu.codegen.layout import channel_blocks
from tinynet.kernels.cpu.codegen.program import template

F, M, N = 36, transforms.M, transforms.N


def plane(code: Code, blocks: Number, tiles: Number) -> Int:
    """Return how many floats apart V[f] and V[f+1] lie."""
    return (code.int(blocks) * tiles + 1) * code.lanes


def spread_pixels(
    code: Code,
    x: Pointer,
    planes: Pointer,
    *,
    first: Int,
    last: Int,
    H: Int,
    W: Int,
    C: Int,
    PH: Int,
    PW: Int,
    TH: Int,
    TW: Int,
    tiles: Int,
    band: Pointer,
    tail: bool,
) -> None:
    """Write V of the tile rows first to last; `tiles` is the number of tiles that V has room for."""
    L = code.lanes
    distance = plane(code, (C + (L - 1)) // L, tiles)
    for row in code.range(first, last):
        image, top = row // TH, row % TH * M - PH
        for block, mask in channel_blocks(code, C, tail):
            _transform_columns(
                code, transforms.BT, x + (image * H * W * C + block * L), band, top=top, H=H, W=W, C=C, mask=mask,
                left=PW, width=TW * M + (N - M),
            )  # fmt: skip
            place = planes + (block * tiles + (row - first) * TW) * L
            _transform_rows(code, transforms.BT, band, TW * M + (N - M), place, distance, TW, L)


def spread_results(
    code: Code,
    dy: Pointer,
    planes: Pointer,
    *,
    first: Int,
    last: Int,
    OH: Int,
    OW: Int,
    O: Int,
    TH: Int,
    TW: Int,
    tiles: Int,
    V: int,
    band: Pointer,
    tail: bool,
) -> None:
    """Write D, laid out as M, of the tile rows first to last: the adjoint of `gather`."""
    L = code.lanes
    distance = _distance(code, O, tiles, V)
    for row in code.range(first, last):
        image, top = row // TH, row % TH * M
        for block, mask in channel_blocks(code, O, tail):
            _transform_columns(
                code, transforms.A, dy + (image * OH * OW * O + block * L), band, top=top, H=OH, W=OW, C=O, mask=mask,
                left=code.int(0), width=TW * M,
            )  # fmt: skip
            place = planes + (block // V * tiles + (row - first) * TW) * (V * L) + block % V * L
            _transform_rows(code, transforms.A, band, TW * M, place, distance, TW, V * L)


def _transform_columns(
    code: Code,
    matrix: transforms.Matrix,
    image: Pointer,
    band: Pointer,
    *,
    top: Int,
    H: Int,
    W: Int,
    C: Int,
    mask: Any,
    left: Int,
    width: Int,
) -> None:
    """Write matrix @ columns of the rows of pixels of a tile row, of one block of channels, into a band.

    A column is transformed once, though it may belong to two tiles. The band has N rows of `width` vectors, 13 KB for
    an image 32 wide: it stays in the L1 cache. Rows outside of the image are one vector of zeros, again and again.

    Args:    image: the block of channels of its first pixel; top: the first row of pixels, may be negative
             left: columns of zeros before the first
    """
    L = code.lanes
    nothing = code.buffer(L)
    nothing.store(code.zero)
    rows = []
    for r in range(len(matrix[0])):
        y = top + r
        inside = code.builder.and_(y >= 0, y < H)
        rows.append(((image + y * W * C).where(inside, nothing), C.where(inside, 0)))
    for x in code.range(W):
        column = [(start + step * x).load(mask) for start, step in rows]
        for i, vector in enumerate(transforms.product(code, matrix, column)):
            (band + width * (i * L) + (left + x) * L).store(vector)
    for begin, end in ((code.int(0), left), (left + W, width)):
        for x in code.range(begin, end):
            for i in range(N):
                (band + width * (i * L) + x * L).store(code.zero)


def _transform_rows(
    code: Code,
    matrix: transforms.Matrix,
    band: Pointer,
    width: Int,
    place: Pointer,
    distance: Int,
    TW: Int,
    apart: int,
) -> None:
    """Write band @ matrix^T of every tile, the 36 vectors `distance` apart, the tiles `apart`."""
    L = code.lanes
    size = len(matrix[0])
    for tx in code.range(TW):
        corner, out = band + tx * (M * L), place + tx * apart
        for i in range(N):
            row = [(corner + width * (i * L) + j * L).load() for j in range(size)]
            for j, vector in enumerate(transforms.product(code, matrix, row)):
                (out + distance * (i * N + j)).store(vector)


def _distance(code: Code, channels: Int, tiles: Int, V: int) -> Int:
    """Return how many floats apart M[f] and M[f+1] lie."""
    L = code.lanes
    groups = (channels + (V * L - 1)) // (V * L)
    return (groups * V * tiles + 1) * L


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
    tiles: Int,
    count: Int,
    R: int,
    V: int,
    piece: Piece | None = None,
    ahead: Ahead | None = None,
) -> None:
    """Write M[f] = V[f] U[f] for f from first to last and `count` tiles, R*V registers at a time.

    Args:    piece: of U that is there and is used; later pieces of a group add to what the first has written
    """
    L = code.lanes
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    plane_V, plane_M = plane(code, blocks, tiles), _distance(code, O, tiles, V)
    begin, end = (code.int(0), blocks) if piece is None else (piece.begin, piece.end)
    for f in code.range(first, last):
        for group in code.range(groups) if piece is None else (piece.group,):
            panel = U + (f * groups + group if piece is None else f) * (end - begin) * (L * V * L)
            out = products + f * plane_M + group * tiles * (V * L)
            for t in code.range(0, count, R):
                if ahead is not None:
                    ahead.ask()
                if piece is not None:
                    with code.when(begin.equals(0)):
                        clear_tile(code, out + t * (V * L), R * V)
                result = Tile(code, R, V, None if piece is None else out + t * (V * L))
                rows = planes + f * plane_V + t * L
                for block in code.range(begin, end):
                    a, b = rows + block * tiles * L, panel + (block - begin) * (L * V * L)
                    for k in code.range(0, L, 4):
                        for step in range(4):
                            result.add_product(a + (k + step), L, b + (k + step) * (V * L))
                result.store(out + t * (V * L))


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
    tiles: Int,
    count: Int,
    R: int,
    V: int,
    piece: Piece | None = None,
    ahead: Ahead | None = None,
) -> None:
    """Add V[f]^T D[f] over `count` tiles to dU[f], for f from first to last; R divides L.

    Args:    piece: of dU that is there, whose sums begin with these tiles
    """
    L = code.lanes
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    plane_V, plane_M = plane(code, blocks, tiles), _distance(code, O, tiles, V)
    begin, end = (code.int(0), blocks) if piece is None else (piece.begin, piece.end)
    for f in code.range(first, last):
        for group in code.range(groups) if piece is None else (piece.group,):
            right = D + f * plane_M + group * tiles * (V * L)
            for block in code.range(begin, end):
                left = planes + f * plane_V + block * tiles * L
                for half in range(0, L, R):
                    panel = f * groups + group if piece is None else f
                    out = dU + (panel * (end - begin) + (block - begin)) * (L * V * L) + half * V * L
                    sums = Tile(code, R, V, out if piece is None else None)
                    if ahead is not None:
                        ahead.ask()
                    for t in code.range(count):
                        sums.add_product(left + t * L + half, 1, right + t * (V * L))
                    sums.store(out)


def gather(
    code: Code,
    products: Pointer,
    y: Pointer,
    finish: Finish,
    *,
    first: Int,
    last: Int,
    OH: Int,
    OW: Int,
    O: Int,
    TH: Int,
    TW: Int,
    tiles: Int,
    V: int,
    tail: bool,
    exact: bool,
) -> None:
    """Write A^T m A of the tile rows first to last, finished, into y (N, OH, OW, O).

    Args:    exact: OH and OW are multiples of 4: no result lies outside
    """
    L = code.lanes
    distance = _distance(code, O, tiles, V)
    for row in code.range(first, last):
        image, ty = row // TH, row % TH
        for block, mask in channel_blocks(code, O, tail):
            place = products + (block // V * tiles + (row - first) * TW) * (V * L) + block % V * L
            needed = finish.channels(block * L, mask)
            corner = (image * OH + ty * M) * OW * O + block * L
            for tx in code.range(TW):
                values = place + tx * (V * L)
                m = [[(values + distance * (i * N + j)).load() for j in range(N)] for i in range(N)]
                results = transforms.product_2d(code, transforms.AT, m)
                for i, line in enumerate(results):
                    for j, vector in enumerate(line):
                        at = corner + (OW * i + tx * M + j) * O
                        if exact:
                            (y + at).store(finish(vector, needed, at, mask), mask)
                            continue
                        inside = code.builder.and_(ty * M + i < OH, tx * M + j < OW)
                        with code.when(inside):
                            (y + at).store(finish(vector, needed, at, mask), mask)


def _tile_row(images: Pointer, row: Int, H: Int, W: Int, C: Int, TH: Int) -> Pointer:
    """Return where a row of tiles of images (N, H, W, C) begins."""
    return images + (row // TH * H + row % TH * M) * W * C


@template
def convolve_local(
    code: Code, R: int, V: int, tail_in: bool, tail_out: bool, exact: bool, ending: str
) -> None:
    """All three stages of the blocks of tile rows of each thread."""
    x, U, y, memory, *rest = code.pointers(8)
    finish = Finish(code, ending, rest)
    images, H, W, C, OH, OW, O, PH, PW, TH, TW, rows, tiles, room_V, room = code.integers(15)
    mine = memory + code.thread * room
    planes, products = mine, mine + room_V
    band = products + _distance(code, O, tiles, V) * F
    blocks = (images * TH + (rows - 1)) // rows
    begin, end = code.share(blocks)
    for block in code.range(begin, end):
        first = block * rows
        last = (first + rows).minimum(images * TH)
        spread_pixels(
            code, x, planes, first=first, last=last, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW, tiles=tiles,
            band=band, tail=tail_in,
        )  # fmt: skip
        count = (last - first) * TW
        ahead = Ahead(code, (O + (V * code.lanes - 1)) // (V * code.lanes) * F * (count + (R - 1)) // R)
        ahead.add(_tile_row(x, last, H, W, C, TH), (last - first) * (M * W) * C)
        ahead.add(_tile_row(y, first, OH, OW, O, TH), (last - first) * (M * OW) * O, write=True)
        multiply(
            code, planes, U, products, first=code.int(0), last=code.int(F), C=C, O=O, tiles=tiles, count=count,
            R=R, V=V, ahead=ahead,
        )  # fmt: skip
        gather(
            code, products, y, finish, first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW,
            tiles=tiles, V=V, tail=tail_out, exact=exact,
        )  # fmt: skip


@template
def grad_weight_local(code: Code, R: int, V: int, tail_in: bool, tail_out: bool) -> None:
    """dU summed over the blocks of tile rows of each thread, in memory of its own."""
    x, dy, memory, sums = code.pointers(4)
    images, H, W, C, OH, OW, O, PH, PW, TH, TW, rows, tiles, room_V, room, size_dU = code.integers(16)
    planes = memory + code.thread * room
    D = planes + room_V
    band = D + _distance(code, O, tiles, V) * F
    dU = sums + code.part * size_dU
    for i in code.range(0, size_dU, code.lanes):
        (dU + i).store(code.zero)
    blocks = (images * TH + (rows - 1)) // rows
    begin, end = code.share(blocks)
    for block in code.range(begin, end):
        first = block * rows
        last = (first + rows).minimum(images * TH)
        spread_pixels(
            code, x, planes, first=first, last=last, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW, tiles=tiles,
            band=band, tail=tail_in,
        )  # fmt: skip
        spread_results(
            code, dy, D, first=first, last=last, OH=OH, OW=OW, O=O, TH=TH, TW=TW, tiles=tiles, V=V, band=band,
            tail=tail_out,
        )  # fmt: skip
        count = (last - first) * TW
        blocks_in, groups = (
            (C + (code.lanes - 1)) // code.lanes,
            (O + (V * code.lanes - 1)) // (V * code.lanes),
        )
        ahead = Ahead(code, groups * blocks_in * (F * (code.lanes // R)))
        ahead.add(_tile_row(x, last, H, W, C, TH), (last - first) * (M * W) * C)
        ahead.add(_tile_row(dy, last, OH, OW, O, TH), (last - first) * (M * OW) * O)
        multiply_transposed(
            code, planes, D, dU, first=code.int(0), last=code.int(F), C=C, O=O, tiles=tiles, count=count, R=R, V=V,
            ahead=ahead,
        )  # fmt: skip
