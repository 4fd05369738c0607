"""Winograd's tiles: the pixels of an image into planes, and products of planes into results (see winograd.py).

A tile row is transformed column by column straight from the image into a band that stays in the L1 cache, of which each
tile's rows are transformed then. What bounds it is not arithmetic: each vector of V, D and M goes through L1 to L2 and
back. With 16 channels at 32x32 and stride 1 a tile takes 90 ns to spread, 150 to multiply and 65 to gather on one core
of a Xeon (2.9 GHz), and 117, 155 and 65 where each plane lies by itself; so laid, on Zen 4, it took 57, 175 and 36.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.language import Code, Int, Number, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import channel_blocks
from tinynet.kernels.cpu.codegen.transforms import Form


@dataclass(frozen=True)
class Layout:
    """How many floats apart vectors of V, or of D or M, lie: from one block of channels, tile or plane to the next."""

    block: Int
    tile: int
    plane: Number


def tile_by_tile(code: Code, form: Form, tiles: Int, V: int = 1) -> Layout:
    """Return the layout in which all planes of a tile lie side by side."""
    tile = floats_of_tile(form, V, code.lanes)
    return Layout(tiles * tile, tile, V * code.lanes)


def floats_of_tile(form: Form, V: int, lanes: int) -> int:
    """Return how many floats a tile takes: an odd number of vectors, else the tiles would share a few cache sets."""
    return (form.planes**2 * V | 1) * lanes


def plane_by_plane(code: Code, channels: Int, tiles: Int, V: int = 1) -> Layout:
    """Return the layout in which all tiles of a plane lie side by side, and planes do not share cache sets."""
    tile = V * code.lanes
    groups = (channels + (tile - 1)) // tile
    return Layout(tiles * tile, tile, (groups * V * tiles + 1) * code.lanes)


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
    layout: Layout,
    band: Pointer,
    tail: bool,
    form: Form,
) -> None:
    """Write V of the tile rows first to last."""
    L = code.lanes
    width = (TW - 1) * form.step + form.pixels
    for row in code.range(first, last):
        image, top = row // TH, row % TH * form.step - PH
        for block, mask in channel_blocks(code, C, tail):
            _transform_columns(
                code, form.BT, x + (image * H * W * C + block * L), band, top=top, H=H, W=W, C=C, mask=mask,
                left=PW, width=width,
            )  # fmt: skip
            place = planes + block * layout.block + (row - first) * TW * layout.tile
            _transform_rows(code, form.BT, form.step, band, width, place, layout, TW)


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
    layout: Layout,
    V: int,
    band: Pointer,
    tail: bool,
    form: Form,
) -> None:
    """Write D, laid out as M, of the tile rows first to last: the adjoint of `gather`."""
    L = code.lanes
    for row in code.range(first, last):
        image, top = row // TH, row % TH * form.results
        for block, mask in channel_blocks(code, O, tail):
            _transform_columns(
                code, form.A, dy + (image * OH * OW * O + block * L), band, top=top, H=OH, W=OW, C=O, mask=mask,
                left=code.int(0), width=TW * form.results,
            )  # fmt: skip
            place = planes + block // V * layout.block + block % V * L + (row - first) * TW * layout.tile
            _transform_rows(code, form.A, form.results, band, TW * form.results, place, layout, TW)


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

    A column is transformed once, though it may belong to two tiles. The band has as many rows of `width` vectors as the
    matrix, 13 or 19 KB for an image 32 wide: it stays in the L1 cache. Rows outside of the image are one vector of
    zeros, again and again.

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
            for i in range(len(matrix)):
                (band + width * (i * L) + x * L).store(code.zero)


def _transform_rows(
    code: Code,
    matrix: transforms.Matrix,
    step: int,
    band: Pointer,
    width: Int,
    place: Pointer,
    layout: Layout,
    TW: Int,
) -> None:
    """Write band @ matrix^T of every tile, `step` columns after the one before."""
    L = code.lanes
    planes = len(matrix)
    for tx in code.range(TW):
        corner, out = band + tx * (step * L), place + tx * layout.tile
        for i in range(planes):
            row = [(corner + width * (i * L) + j * L).load() for j in range(len(matrix[0]))]
            for j, vector in enumerate(transforms.product(code, matrix, row)):
                (out + layout.plane * (i * planes + j)).store(vector)


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
    layout: Layout,
    V: int,
    tail: bool,
    exact: bool,
    form: Form,
) -> None:
    """Write A^T m A of the tile rows first to last, finished, into y (N, OH, OW, O).

    Args:    exact: OH and OW are multiples of the results of a tile: none lies outside
    """
    L = code.lanes
    for row in code.range(first, last):
        image, ty = row // TH, row % TH
        for block, mask in channel_blocks(code, O, tail):
            place = products + block // V * layout.block + block % V * L + (row - first) * TW * layout.tile
            needed = finish.channels(block * L, mask)
            corner = (image * OH + ty * form.results) * OW * O + block * L
            for tx in code.range(TW):
                values = place + tx * layout.tile
                for i, j, vector in _results_of(code, form, values, layout.plane):
                    line, column = ty * form.results + i, tx * form.results + j
                    at = corner + (OW * i + column) * O
                    if exact:
                        (y + at).store(finish(vector, needed, at, mask), mask)
                        continue
                    with code.when(code.builder.and_(line < OH, column < OW)):
                        (y + at).store(finish(vector, needed, at, mask), mask)


def _results_of(
    code: Code, form: Form, values: Pointer, distance: Number
) -> Iterator[tuple[int, int, Vector]]:
    """Yield row, column and vector of each result of a tile; parts that have no plane in common one by one."""
    for AT_rows, rows, planes_down in transforms.parts(form.AT):
        for AT_columns, columns, planes_across in transforms.parts(form.AT):
            m = [
                [(values + distance * (i * form.planes + j)).load() for j in planes_across]
                for i in planes_down
            ]
            results = transforms.product_2d(code, AT_rows, m, AT_columns)
            for i, line in zip(rows, results, strict=True):
                for j, vector in zip(columns, line, strict=True):
                    yield i, j, vector
