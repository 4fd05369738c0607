"""Convolution of a batch of images of a few pixels: a register tile takes neighbouring images, not pixels.

An image of 2x2 results has two pixels side by side, too few for the rows of a register tile, and of the 36 pairs of a
pixel of results and a place of a 3x3 window 20 lie outside of the image. Here the pixels are copied so that those of
all images at one place lie side by side, [CB][pixels][images][L]. Each pixel of results is then a matrix product of
its own, images by channels, over those places of the window alone that lie inside.

The gradient of the input is the same with the turned weights. That of the weights sums up, for every place of the
window, outer products over all images, of those pairs of pixels that meet there.

What stays in cache: the weights of a part of the places and channels, 24 KiB, in L1, while all images pass over them;
of the gradient the pixels of all images of one group of channels, in L1 up to 128 images. Layouts of weights and sums
as in direct.py.

Measured on two cores of Cascade Lake, 128 images of 512 channels at 2x2 in VGG-A (`python -m benchmarks.roofline`):
10 ms for the results and for each gradient, 43 to 46 % of the peak; direct.py took 44, 43 and 33 ms.
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.direct import add_outer, add_unit, write_tile
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.gemm import Tile, clear_tile
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.program import template


@template
def gather(code: Code, tail: bool) -> None:
    """Copy x (N, pixels, C) to [CB][pixels][N][L], channels that are not there as zeros."""
    x, copies = code.pointers(2)
    N, pixels, C = code.integers(3)
    L = code.lanes
    begin, end = code.share((C + (L - 1)) // L * pixels)
    for item in code.range(begin, end):
        block, pixel = item // pixels, item % pixels
        mask = code.first_lanes(C - block * L) if tail else None
        source, target = x + (pixel * C + block * L), copies + item * N * L
        for image in code.range(N):
            (target + image * L).store((source + image * pixels * C).load(mask))


@template
def convolve(code: Code, R: int, V: int, tail: bool, ending: str) -> None:
    """Convolve the copies into y (N, pixels, O).

    ranges: of each pixel of results the first of its units, and behind the last one their end
    units:  of each, a block of channels at a place of the window, its offset in the copies and in a group's weights
    depth:  units at a time, whose weights stay in L1; the sums wait in memory meanwhile
    """
    copies, weights, y, memory, ranges, units, *rest = code.pointers(10)
    N, O, pixels, panel_size, depth, room = code.integers(6)
    L = code.lanes
    size = R * V * L
    sums = memory + code.thread * room
    begin, end = code.share((O + (V * L - 1)) // (V * L) * pixels)
    for item in code.range(begin, end):
        group, pixel = item // pixels, item % pixels
        panel = weights + group * panel_size
        first, last = ranges.integer(pixel), ranges.integer(pixel + 1)
        # Once at least: a pixel that no place of the window reaches is zero.
        for part in code.range(first, last.maximum(first + 1), depth):
            end_part = (part + depth).minimum(last)
            for tile in code.range((N + (R - 1)) // R):
                image = (tile * R).minimum(N - R)
                waiting = sums + tile * size
                with code.when(part.equals(first)):
                    clear_tile(code, waiting, R * V)
                result = Tile(code, R, V, waiting)
                for unit in code.range(part, end_part):
                    a = copies + units.integer(2 * unit) + image * L
                    add_unit(code, result, a, panel + units.integer(2 * unit + 1), L, 1)
                result.store(waiting)
                with code.when(code.builder.not_(end_part < last)):
                    place = (image * pixels + pixel) * O + group * (V * L)
                    write_tile(code, result, y, place, pixels * O, Finish(code, ending, rest), group, O, tail)


@template
def grad_weight(code: Code, R: int, V: int) -> None:
    """Sum up the weight's gradient from the copies of x and of grad_y, into [O groups][places][CB][L][V*L].

    ranges: of each place of the window the first of its pairs, and behind the last one their end
    pairs:  of each the pixel of x and that of grad_y
    R:      rows of a register tile, a divisor of L
    """
    x, dy, sums, ranges, pairs = code.pointers(5)
    N, C, groups, places, pixels_x, pixels_y = code.integers(6)
    L = code.lanes
    blocks = (C + (L - 1)) // L
    begin, end = code.share(groups * places)
    for item in code.range(begin, end):
        group, place = item // places, item % places
        mine = sums + item * blocks * (L * V * L)
        for i in code.range(0, blocks * (L * V * L), L):
            (mine + i).store(code.zero)
        for pair in code.range(ranges.integer(place), ranges.integer(place + 1)):
            left = x + pairs.integer(2 * pair) * N * L
            right = [
                dy + ((group * V + v) * pixels_y + pairs.integer(2 * pair + 1)) * N * L for v in range(V)
            ]
            for block in code.range(blocks):
                for start in range(0, L, R):
                    total = Tile(code, R, V, mine + (block * L + start) * (V * L))
                    for image in code.range(N):
                        vectors = [(b + image * L).load() for b in right]
                        add_outer(total, left + (block * pixels_x * N + image) * L + start, vectors)
                    total.store(mine + (block * L + start) * (V * L))
