"""Winograd's tiles: the pixels of an image into planes, and products of planes into results (see winograd.py).

A tile row is transformed column by column straight from the image into a band that stays in the L1 cache, of which each
tile's rows are transformed then. What bounds it is not arithmetic: each vector of V, D and M goes through L1 to L2 and
back, at 5 cycles a vector written on Zen 4. There, with 16 channels at 32x32, a tile takes 57 ns to spread, 175 to
multiply and 36 to gather (stride 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.language import Code, Int, Number, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import channel_blocks
from tinynet.kernels.cpu.codegen.transforms import Form


def plane(code: Code, blocks: Number, tiles: Number) -> Int:
    """Return how many floats apart V[f] and V[f+1] lie."""
    return (code.int(blocks) * tiles + 1) * code.lanes


def plane_of_products(code: Code, channels: Int, tiles: Int, V: int) -> Int:
    """Return how many floats apart M[f] and M[f+1] lie."""
    L = code.lanes
    groups = (channels + (V * L - 1)) // (V * L)
    return (groups * V * tiles + 1) * L


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
    form: Form,
) -> None:
    """Write V of the tile rows first to last; `tiles` is the number of tiles that V has room for."""
    L = code.lanes
    distance = plane(code, (C + (L - 1)) // L, tiles)
    width = (TW - 1) * form.step + form.pixels
    for row in code.range(first, last):
        image, top = row // TH, row % TH * form.step - PH
        for block, mask in channel_blocks(code, C, tail):
            _transform_columns(
                code, form.BT, x + (image * H * W * C + block * L), band, top=top, H=H, W=W, C=C, mask=mask,
                left=PW, width=width,
            )  # fmt: skip
            place = planes + (block * tiles + (row - first) * TW) * L
            _transform_rows(code, form.BT, form.step, band, width, place, distance, TW, L)


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
    form: Form,
) -> None:
    """Write D, laid out as M, of the tile rows first to last: the adjoint of `gather`."""
    L = code.lanes
    distance = plane_of_products(code, O, tiles, V)
    for row in code.range(first, last):
        image, top = row // TH, row % TH * form.results
        for block, mask in channel_blocks(code, O, tail):
            _transform_columns(
                code, form.A, dy + (image * OH * OW * O + block * L), band, top=top, H=OH, W=OW, C=O, mask=mask,
                left=code.int(0), width=TW * form.results,
            )  # fmt: skip
            place = planes + (block // V * tiles + (row - first) * TW) * (V * L) + block % V * L
            _transform_rows(code, form.A, form.results, band, TW * form.results, place, distance, TW, V * L)


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
    distance: Int,
    TW: Int,
    apart: int,
) -> None:
    """Write band @ matrix^T of every tile, `step` columns after the one before.

    Its vectors go to places `distance` apart, those of the next tile `apart` later.
    """
    L = code.lanes
    planes = len(matrix)
    for tx in code.range(TW):
        corner, out = band + tx * (step * L), place + tx * apart
        for i in range(planes):
            row = [(corner + width * (i * L) + j * L).load() for j in range(len(matrix[0]))]
            for j, vector in enumerate(transforms.product(code, matrix, row)):
                (out + distance * (i * planes + j)).store(vector)


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
    form: Form,
) -> None:
    """Write A^T m A of the tile rows first to last, finished, into y (N, OH, OW, O).

    Args:    exact: OH and OW are multiples of the results of a tile: none lies outside
    """
    L = code.lanes
    distance = plane_of_products(code, O, tiles, V)
    for row in code.range(first, last):
        image, ty = row // TH, row % TH
        for block, mask in channel_blocks(code, O, tail):
            place = products + (block // V * tiles + (row - first) * TW) * (V * L) + block % V * L
            needed = finish.channels(block * L, mask)
            corner = (image * OH + ty * form.results) * OW * O + block * L
            for tx in code.range(TW):
                values = place + tx * (V * L)
                for i, j, vector in _results_of(code, form, values, distance):
                    line, column = ty * form.results + i, tx * form.results + j
                    at = corner + (OW * i + column) * O
                    if exact:
                        (y + at).store(finish(vector, needed, at, mask), mask)
                        continue
                    with code.when(code.builder.and_(line < OH, column < OW)):
                        (y + at).store(finish(vector, needed, at, mask), mask)


def _results_of(code: Code, form: Form, values: Pointer, distance: Int) -> Iterator[tuple[int, int, Vector]]:
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
