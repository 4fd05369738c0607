"""Weights between the public layout (O, C, KH, KW) and the panels that codegen/direct.py multiplies by.

A panel holds V vectors of channels of results for every input channel at every place of the window, in the order the
register tile takes them: [groups][places][CB*cw][V*L]. What lies along the lanes there lies C*K or K floats apart in
the public layout; squares of L x L numbers are loaded by rows and transposed in registers (layout.transpose).
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import transpose
from tinynet.kernels.cpu.codegen.program import template


def _rest(code: Code, valid: object, count: Int) -> Int:
    """Return count where the comparison holds, else 0."""
    return Int(code, code.builder.select(valid, count.value, code.int(0).value))


def load_columns(
    code: Code, weight: Pointer, first: Int, O: Int, width: Int, entry: Int, *, inside: bool = False
) -> list[Vector]:
    """Return, of L rows of weight (O, width) from `first` on, the L columns from `entry` on, zeros outside.

    inside: none of them is outside
    """
    rows = []
    for r in range(code.lanes):
        o = first + r
        mask = None if inside else code.first_lanes(_rest(code, o < O, width - entry))
        rows.append((weight + o * width + entry).load(mask))
    return transpose(code, rows)


def store_columns(
    code: Code, weight: Pointer, first: Int, O: Int, width: Int, entry: Int, columns: list[Vector]
) -> None:
    """Write L columns of L rows of weight (O, width), but for those outside."""
    for r, row in enumerate(transpose(code, columns)):
        o = first + r
        (weight + o * width + entry).store(row, code.first_lanes(_rest(code, o < O, width - entry)))


@template
def pack(code: Code, V: int, K: int) -> None:
    """Write the panels of weight (O, C, K), lanes along O; the panels' channels beyond C must hold zeros.

    K, the places of the window, is known when the kernel is written: dividing by it takes a multiplication then.
    """
    weight, panels = code.pointers(2)
    O, C, rows = code.integers(3)
    L = code.lanes
    begin, end = code.share((O + (V * L - 1)) // (V * L) * V)
    for column in code.range(begin, end):
        base = panels + column // V * K * rows * (V * L) + column % V * L
        for entry in code.range(0, C * K, L):
            for r, vector in enumerate(load_columns(code, weight, column * L, O, C * K, entry)):
                e = entry + r
                with code.when(e < C * K):
                    (base + (e % K * rows + e // K) * (V * L)).store(vector)


@template
def pack_turned(code: Code, V: int, K: int) -> None:
    """Write the panels of weight (O, C, K) for the gradient of the input, lanes along C.

    order: of each place of the panels the place in the window, where its panel begins, and how far apart, in floats,
    the panels of two groups lie there
    """
    weight, panels, order = code.pointers(3)
    O, C, count = code.integers(3)
    L = code.lanes
    begin, end = code.share((C + (V * L - 1)) // (V * L) * V)
    taps = code.buffer(-(-K // L) * L * L)
    for column in code.range(begin, end):
        for o in code.range(O):
            if K == 1:  # the channels lie side by side already
                taps.store((weight + o * C + column * L).load(code.first_lanes(C - column * L)))
            for chunk in range(0, K, L) if K > 1 else ():
                rows = []
                for r in range(L):
                    c = column * L + r
                    count_here = _rest(code, c < C, code.int(K - chunk))
                    rows.append((weight + (o * C + c) * K + chunk).load(code.first_lanes(count_here)))
                for r, vector in enumerate(transpose(code, rows)):
                    (taps + (chunk + r) * L).store(vector)
            for i in code.range(count):
                place, start, distance = (order.integer(i * 3 + j) for j in range(3))
                out = panels + start + column // V * distance + o * (V * L) + column % V * L
                out.store((taps + place * L).load())


@template
def unpack(code: Code, V: int, cw: int, m: int, K: int) -> None:
    """Write weight (O, C, K) from sums [groups][K/m][CB][m*cw][V*L]; K is known when the kernel is written."""
    sums, weight = code.pointers(2)
    O, C, blocks = code.integers(3)
    L = code.lanes
    begin, end = code.share((O + (V * L - 1)) // (V * L) * V)
    for column in code.range(begin, end):
        base = sums + column // V * (K // m) * blocks * (m * cw * V * L) + column % V * L
        for entry in code.range(0, C * K, L):
            columns = []
            for r in range(L):
                e = (entry + r).minimum(C * K - 1)
                c, k = e // K, e % K
                row = ((k // m) * blocks + c // cw) * (m * cw) + k % m * cw + c % cw
                columns.append((base + row * (V * L)).load())
            store_columns(code, weight, column * L, O, C * K, entry, columns)


@template
def interleave(code: Code, C: int) -> None:
    """Write images (N, H*W, C) from planes (N, C, H*W), C few."""
    planes, pixels = code.pointers(2)
    N, size = code.integers(2)
    begin, end = code.share(N)
    for image in code.range(begin, end):
        source, target = planes + image * size * C, pixels + image * size * C
        for i in code.range(size):
            for c in range(C):
                (source + size * c + i).copy_number(target + i * C + c)
