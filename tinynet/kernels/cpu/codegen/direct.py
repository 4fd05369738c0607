"""Convolution of any window, stride and dilation, a register tile of pixels and channels at a time.

A thread takes a band of rows of one image, copies what the windows of these rows touch into memory of its own, with
zeros around, and goes through register tiles of R neighbouring results times V vectors of channels: for every place of
the window and every channel of the input, R numbers of the copy meet V vectors of weights (gemm.py).

The gradient of the input is a convolution too. With stride S, the pixels of x whose position leaves the same rest
divided by S in each direction (a "phase") see the same places of the window, and are results of a convolution of
stride 1 of grad_y with these: S*S phases, written S pixels apart. A forward convolution is one phase.

Layouts, with L lanes and cw = min(C, L) channels side by side:
    copy      [CB][rows][width][cw]
    weights   of each phase [O groups][places][CB*cw][V*L] (packing.py)
    sums of the weight's gradient: [O groups][places][CB][m*cw][V*L], m neighbouring places taken together
In the gradient of the weights the tile is m*cw rows (the channels of m places side by side, which are neighbours in the
copy) times V vectors of grad_y, and its inner dimension goes over the pixels of a band.

What stays in cache: the copy of a band, at most COPY bytes, in L2, and the weights of PANEL bytes of units in L1.
Measured: 390 to 470 GFLOP/s for 3x3 of stride 2 on two cores of Zen 5, 74 to 90 % of the peak.

Source:  register tiles: Goto, van de Geijn 2008, Anatomy of high-performance matrix multiplication; phases: Dumoulin,
         Visin 2016, arXiv 1603.07285, section 4.6
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinynet.kernels.cpu.codegen.ahead import Ahead
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.gemm import Tile, clear_tile
from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import copy_row
from tinynet.kernels.cpu.codegen.program import template

COPY = 512 << 10
"""Bytes of a copied band: half of an L2 cache of 1 MiB."""


def _copy_band(
    code: Code,
    x: Pointer,
    copy: Pointer,
    *,
    top: Int,
    left: Int,
    rows: Int,
    width: Int,
    H: Int,
    W: Int,
    C: Int,
    every: Int,
    cw: int,
    tail: bool,
) -> None:
    """Copy the rows of an image from `top` on, which may be negative, zeros where there is no image.

    every: of the image (H, W) only each every-th row, and of it each every-th pixel, is taken; 1 if C < L
    """
    L = code.lanes
    row_apart, pixel_apart = every * W * C, every * C
    H, W = ((size + (every - 1)) // every for size in (H, W))
    pixels = W.minimum(width - left)
    if cw < L:
        _copy_narrow(
            code, x, copy, top=top, left=left, rows=rows, width=width, H=H, W=W, pixels=pixels, cw=cw
        )
        return
    for block in code.range((C + (L - 1)) // L):
        mask = code.first_lanes(C - block * L) if tail else None
        for row in code.range(rows):
            y = top + row
            copy_row(
                code,
                x + (y * row_apart + block * L),
                copy + (block * rows + row) * width * L,
                inside=code.builder.and_(y >= 0, y < H),
                pixels=pixels,
                stride=pixel_apart,
                mask=mask,
                left=left,
                right=width - left - pixels,
            )


def _copy_narrow(
    code: Code,
    x: Pointer,
    copy: Pointer,
    *,
    top: Int,
    left: Int,
    rows: Int,
    width: Int,
    H: Int,
    W: Int,
    pixels: Int,
    cw: int,
) -> None:
    """Copy rows of pixels of less channels than a vector has lanes: as they lie. Writes up to L floats past the end."""
    L = code.lanes
    for row in code.range(rows):
        y, target = top + row, copy + row * width * cw
        for i in code.range(0, width * cw, L):
            (target + i).store(code.zero)
        with code.when(code.builder.and_(y >= 0, y < H)):
            floats, source = pixels * cw, x + y * W * cw
            start = target + left * cw
            for i in code.range(0, floats, L):
                mask = code.first_lanes(floats - i)
                (start + i).store((source + i).load(mask), mask)


def copied_bands(
    code: Code, x: Pointer, copy: Pointer, *, N: Int, H: Int, W: Int, C: Int, every: Int, top: Int, left: Int,
    width: Int, span: Int, band: Int, bands: Int, step: int, cw: int, tail: bool,
) -> Iterator[tuple[Int, Int, Pointer]]:  # fmt: skip
    """Copy each band of rows of this thread's share of N images; yield the image and the band's first row of results.

    The third that is yielded is where in x the next band begins, about.

    Args:    every: as in `_copy_band`
             band: rows of results of a band; bands: how many an image has
             span: rows of the copy that one row of results needs; step: rows between those of two neighbours
    """
    rows = (band - 1) * step + span
    begin, end = code.share(N * bands)
    for item in code.range(begin, end):
        image, first = item // bands, item % bands * band
        start = x + image * H * W * C
        _copy_band(
            code, start, copy, top=first * step - top, left=left, rows=rows, width=width, H=H, W=W, C=C,
            every=every, cw=cw, tail=tail,
        )  # fmt: skip
        following = first + band
        yield image, first, start + (following * every * step - top).minimum(H) * W * C


@template
def convolve(
    code: Code,
    R: int,
    V: int,
    cw: int,
    step: int,
    tail_in: bool,
    tail_out: bool,
    ending: str,
    parts: bool,
) -> None:
    """Convolve x (N, H, W, C) into y, whose places `phases` describes; step: pixels between windows, in the copy.

    The inner dimension goes over units: the channels of one block at one place of the window.
    phases: of each first and end of its units in `units`, first float of its weights, of its results in an image,
            its rows and its columns of results
    units:  of each the offset in the copy
    parts:  only `depth` units at a time, whose weights stay in L1, for all tiles of a band; the sums wait in memory
    """
    x, weights, y, memory, phases, units, *rest = code.pointers(10)
    N, H, W, C, every, O, top, left, width, span, band, bands, out_image, out_row, out_pixel = code.integers(
        15
    )
    count, copied, room, depth = code.integers(4)
    L = code.lanes
    size = R * V * L
    finish = Finish(code, ending, rest)
    groups = (O + (V * L - 1)) // (V * L)
    copy = memory + code.thread * room
    for image, first, following in copied_bands(
        code, x, copy, N=N, H=H, W=W, C=C, every=every, top=top, left=left, width=width, span=span, band=band,
        bands=bands, step=step, cw=cw, tail=tail_in,
    ):  # fmt: skip
        waiting = copy + copied
        tiles = (phases.integer(5) + (R - 1)) // R
        ahead = Ahead(code, count * groups * band * tiles)
        ahead.add(following, H * W * C // bands)
        ahead.add(
            y + image * out_image + out_image // bands * (first // band), out_image // bands, write=True
        )
        for phase in code.range(count):
            first_unit, end_unit, offset, start, QH, QW = (phases.integer(phase * 6 + i) for i in range(6))
            last = (first + band).minimum(QH)
            across = (QW + (R - 1)) // R
            for group in code.range(groups):
                panel = weights + offset + group * (end_unit - first_unit) * (cw * V * L)
                # Once at least: a phase without units has zeros for results.
                for part in (
                    code.range(first_unit, end_unit.maximum(first_unit + 1), depth)
                    if parts
                    else (first_unit,)
                ):
                    end_part = (part + depth).minimum(end_unit) if parts else end_unit
                    for q in code.range(first, last):
                        for tile in code.range(across):
                            ox = (tile * R).minimum(QW - R)
                            corner = copy + ((q - first) * step * width + ox * step) * cw
                            sums = waiting + ((q - first) * across + tile) * size
                            if parts:
                                with code.when(part.equals(first_unit)):
                                    ahead.ask()
                                    clear_tile(code, sums, R * V)
                            else:
                                ahead.ask()
                            result = Tile(code, R, V, sums if parts else None)
                            for unit in code.range(part, end_part):
                                at, b = (
                                    corner + units.integer(unit),
                                    panel + (unit - first_unit) * (cw * V * L),
                                )
                                add_unit(code, result, at, b, cw, step)
                            if parts:
                                result.store(sums)
                            place = image * out_image + start + q * out_row + ox * out_pixel + group * (V * L)
                            arguments = code, result, y, place, out_pixel, finish, group, O, tail_out
                            if parts:
                                with code.when(code.builder.not_(end_part < end_unit)):
                                    write_tile(*arguments)
                            else:
                                write_tile(*arguments)


def add_unit(code: Code, result: Tile, a: Pointer, b: Pointer, cw: int, step: int) -> None:
    """Add the products of the cw channels of a unit."""
    width = result.V * code.lanes
    unroll = next(u for u in (4, 3, 2, 1) if cw % u == 0) if cw > 6 else cw
    for k in code.range(0, cw, unroll) if unroll < cw else (code.int(0),):
        for u in range(unroll):
            result.add_product(a + (k + u), step * cw, b + (k + u) * width)


def write_tile(
    code: Code,
    result: Tile,
    y: Pointer,
    place: Int,
    out_pixel: Int,
    finish: Finish,
    group: Int,
    O: Int,
    tail: bool,
) -> None:
    """Write a tile, finished, to R pixels of y, the first at `place`, `out_pixel` floats apart."""
    L, V = code.lanes, result.V
    for v in range(V):
        channel = group * (V * L) + v * L
        mask = code.first_lanes(O - channel) if tail else None
        needed = finish.channels(channel, mask)
        for r in range(result.R):
            at = place + out_pixel * r + v * L
            (y + at).store(finish(result.registers[r][v].get(), needed, at, mask), mask)


@template
def grad_weight(
    code: Code, m: int, part: int, V: int, cw: int, step: int, tail_in: bool, tail_out: bool
) -> None:
    """Sum up the weight's gradient over the images of each thread, in memory of its own.

    A band is short, so that its pixels of grad_y, one group of channels side by side (`_gather_vectors`), stay in L1
    while all places and channels pass over them.

    Args:    m: neighbouring places taken together; part: rows of a register tile, a divisor of m*cw
             units: offsets in the copy of a block of channels at every m-th place
             copied: numbers of a thread's memory before the pixels of grad_y
    """
    x, dy, memory, sums, units = code.pointers(5)
    N, H, W, C, every, OH, OW, O, top, left, width, span, band, bands, count, room, size = code.integers(17)
    (copied,) = code.integers(1)
    L = code.lanes
    groups = (O + (V * L - 1)) // (V * L)
    copy, mine = memory + code.thread * room, sums + code.part * size
    for i in code.range(0, size, L):
        (mine + i).store(code.zero)
    for image, first, following in copied_bands(
        code, x, copy, N=N, H=H, W=W, C=C, every=every, top=top, left=left, width=width, span=span, band=band,
        bands=bands, step=step, cw=cw, tail=tail_in,
    ):  # fmt: skip
        last = (first + band).minimum(OH)
        ahead = Ahead(code, groups * count * (last - first) * (m * cw // part))
        ahead.add(following, H * W * C // bands)
        ahead.add(dy + (image * OH + last) * OW * O, OH * OW * O // bands)
        for group in code.range(groups):
            masks = [code.first_lanes(O - (group * V + v) * L) if tail_out else None for v in range(V)]
            pixels, right = dy + ((image * OH + first) * OW) * O + group * (V * L), copy + copied
            _gather_vectors(code, pixels, right, masks, count=(last - first) * OW, apart=O)
            for unit in code.range(count):
                corner = copy + units.integer(unit)
                for start in range(0, m * cw, part):
                    out = mine + ((group * count + unit) * (m * cw) + start) * (V * L)
                    total = Tile(code, part, V, out)
                    for q in code.range(last - first):
                        ahead.ask()
                        row = corner + (start + q * width * (step * cw))
                        for ox in code.range(OW):
                            vectors = _vectors(code, right + (q * OW + ox) * (V * L), V)
                            add_outer(total, row + ox * (step * cw), vectors)
                    total.store(out)


def _gather_vectors(
    code: Code, source: Pointer, target: Pointer, masks: list[Any], *, count: Int, apart: Int
) -> None:
    """Copy neighbouring vectors, under their masks, of `count` pixels that lie `apart`.

    Where pixels lie a power of two apart, as with 256 channels, few of them find room in L1 together.
    """
    L = code.lanes
    for i in code.range(count):
        for v, mask in enumerate(masks):
            (target + (i * len(masks) + v) * L).store((source + i * apart + v * L).load(mask))


def _vectors(code: Code, place: Pointer, count: int) -> list[Vector]:
    """Return neighbouring vectors."""
    return [(place + v * code.lanes).load() for v in range(count)]


def add_outer(total: Tile, a: Pointer, vectors: list[Vector]) -> None:
    """Add the products of neighbouring numbers at a and the vectors."""
    for r, line in enumerate(total.registers):
        number = (a + r).broadcast()
        for register, vector in zip(line, vectors, strict=True):
            register.set(total.code.fma(number, vector, register.get()))


@template
def copy_images(code: Code, cw: int, tail: bool) -> None:
    """Copy all images, with zeros around, for `grad_weight_shared` and few.py."""
    x, copies = code.pointers(2)
    N, H, W, C, every, top, left, rows, width, size = code.integers(10)
    begin, end = code.share(N)
    for image in code.range(begin, end):
        _copy_band(
            code, x + image * H * W * C, copies + image * size, top=code.int(0) - top, left=left, rows=rows,
            width=width, H=H, W=W, C=C, every=every, cw=cw, tail=tail,
        )  # fmt: skip


@template
def grad_weight_shared(code: Code, part: int, V: int, cw: int, step: int, tail_out: bool) -> None:
    """Sum up the weight's gradient, each thread its share of the sums over all images: where those are large.

    A thread takes some register tiles of one group of channels of grad_y at a time, and goes over a few images with all
    of them before it goes on to the next: the pixels of grad_y of these images stay in L1, side by side.
    """
    copies, dy, memory, sums, units = code.pointers(5)
    N, OH, OW, O, width, count, size, chunk = code.integers(8)
    L = code.lanes
    groups = (O + (V * L - 1)) // (V * L)
    tiles = count * (cw // part)
    begin, end = code.share(groups * tiles)
    for group in code.range(begin // tiles, (end + (tiles - 1)) // tiles):
        masks = [code.first_lanes(O - (group * V + v) * L) if tail_out else None for v in range(V)]
        first, last = (begin - group * tiles).maximum(0), (end - group * tiles).minimum(tiles)
        base = sums + group * tiles * (part * V * L)
        for i in code.range(first * (part * V * L), last * (part * V * L), L):
            (base + i).store(code.zero)
        gathered = memory + code.thread * chunk * OH * OW * (V * L)
        for start in code.range(0, N, chunk):
            end_chunk, pixels = (start + chunk).minimum(N), dy + start * OH * OW * O + group * (V * L)
            _gather_vectors(code, pixels, gathered, masks, count=(end_chunk - start) * OH * OW, apart=O)
            for tile in code.range(first, last):
                out = base + tile * (part * V * L)
                corner = copies + units.integer(tile // (cw // part)) + tile % (cw // part) * part
                total = Tile(code, part, V, out)
                for image in code.range(start, end_chunk):
                    left, right = corner + image * size, gathered + (image - start) * OH * OW * (V * L)
                    for q in code.range(OH):
                        for ox in code.range(OW):
                            a = left + (q * step * width + ox * step) * cw
                            add_outer(total, a, _vectors(code, right + (q * OW + ox) * (V * L), V))
                total.store(out)
