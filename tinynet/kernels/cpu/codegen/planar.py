"""Convolution of stride 1 with few channels of results: the lanes lie along a row of pixels instead of channels.

With 6 channels of results a vector of 16 channels is two thirds empty. Here a thread copies an image as planes, one a
channel, with zeros around, and a register tile holds all channels of results (R, at most half a vector) of V vectors of
neighbouring pixels: for every channel of the input and every place of the window, V vectors of the plane, shifted by
the place, meet R weights, each broadcast. Results are put back side by side, channels last.

The weight's gradient with few channels of results lets the lanes lie along the m*cw neighbouring numbers of a row of
the window (codegen/direct.py), and takes the R channels of grad_y as the numbers that are broadcast.

What stays in cache: the planes of one image, in L1 or L2.
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.direct import copied_bands
from tinynet.kernels.cpu.codegen.gemm import Tile
from tinynet.kernels.cpu.codegen.language import Code, Pointer
from tinynet.kernels.cpu.codegen.program import template


@template
def convolve(code: Code, R: int, V: int, planes: bool, with_bias: bool) -> None:
    """Convolve x into y (N, OH, OW, R).

    Args:    planes: x is (N, C, H, W), else (N, H, W, C)
             weights: [C*KH*KW][R]; units: of each of these places its offset in the copied planes
    """
    x, weights, y, bias, memory, units = code.pointers(6)
    N, H, W, C, OH, OW, top, left, rows, width, count, room = code.integers(12)
    L = code.lanes
    copy = memory + code.thread * room
    buffer = code.buffer(R * V * L)
    begin, end = code.share(N)
    for i in code.range(0, C * rows * width, L):  # what no image fills stays zero
        (copy + i).store(code.zero)
    for image in code.range(begin, end):
        source = x + image * H * W * C
        for c in code.range(C):
            for row in code.range(H):
                target = copy + (c * rows + row + top) * width + left
                for column in code.range(W):
                    place = (c * H + row) * W + column if planes else (row * W + column) * C + c
                    (source + place).copy_number(target + column)
        for oy in code.range(OH):
            for ox in code.range(0, OW, V * L):
                result = Tile(code, R, V)
                for unit in code.range(count):
                    a = copy + units.integer(unit) + oy * width + ox
                    pixels = [(a + v * L).load() for v in range(V)]
                    for r, line in enumerate(result.registers):
                        number = (weights + unit * R + r).broadcast()
                        for v, register in enumerate(line):
                            register.set(code.fma(number, pixels[v], register.get()))
                for r, line in enumerate(result.registers):
                    for v, register in enumerate(line):
                        value = register.get()
                        (buffer + (r * V + v) * L).store(
                            value + (bias + r).broadcast() if with_bias else value
                        )
                out = y + ((image * OH + oy) * OW + ox) * R
                for column in code.range((OW - ox).minimum(V * L)):
                    for r in range(R):
                        (buffer + r * (V * L) + column).copy_number(out + column * R + r)


@template
def grad_weight(code: Code, m: int, cw: int, R: int, step: int) -> None:
    """Sum up the weight's gradient over the images of each thread: sums [units][R][L], lanes m*cw of them used."""
    x, dy, memory, sums, units = code.pointers(5)
    N, H, W, C, OH, OW, top, left, width, span, band, bands, count, room, size = code.integers(15)
    L = code.lanes
    copy, mine = memory + code.thread * room, sums + code.part * size
    for i in code.range(0, size, L):
        (mine + i).store(code.zero)
    for image, first, _ in copied_bands(
        code, x, copy, N=N, H=H, W=W, C=C, every=code.int(1), top=top, left=left, width=width, span=span,
        band=band, bands=bands, step=step, cw=cw, tail=False,
    ):  # fmt: skip
        last = (first + band).minimum(OH)
        for unit in code.range(count):
            out = mine + unit * (R * L)
            total = Tile(code, R, 1, out)
            for q in code.range(last - first):
                a = copy + units.integer(unit) + q * (step * width * cw)
                b = dy + ((image * OH + first + q) * OW) * R
                for ox in code.range(OW):
                    _add_pixel(total, a + ox * (step * cw), b + ox * R)
            total.store(out)


def _add_pixel(total: Tile, a: Pointer, b: Pointer) -> None:
    """Add the products of a vector at a and the neighbouring numbers at b."""
    vector = a.load()
    for r, line in enumerate(total.registers):
        line[0].set(total.code.fma((b + r).broadcast(), vector, line[0].get()))
