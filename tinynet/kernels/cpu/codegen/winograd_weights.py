"""Winograd's U from the weights, and the gradient of the weights from dU: see winograd.py for both.

The weights lie (O, C, 3, 3) and the lanes of U along one of the channels: squares of L x L numbers are transposed.
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import transpose
from tinynet.kernels.cpu.codegen.program import template

N = transforms.N


@template
def spread_weight(code: Code, V: int) -> None:
    """U = G g G^T of weight (O, C, 3, 3), lanes along O."""
    weight, U = code.pointers(2)
    O, C = code.integers(2)
    L = code.lanes
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    buffer = code.buffer(9 * L * L)
    begin, end = code.share(groups * V)
    for column in code.range(begin, end):
        for block in code.range(blocks):
            for chunk in code.range(9):
                entry = block * (9 * L) + chunk * L
                rows = []
                for r in range(L):
                    o = column * L + r
                    left = Int(code, code.builder.select(o < O, (C * 9 - entry).value, code.int(0).value))
                    rows.append((weight + o * C * 9 + entry).load(code.first_lanes(left)))
                for r, vector in enumerate(transpose(code, rows)):
                    (buffer + chunk * (L * L) + r * L).store(vector)
            for c in code.range(L):
                g = [[(buffer + c * (9 * L) + (3 * i + j) * L).load() for j in range(3)] for i in range(3)]
                out = U + ((column // V * blocks + block) * L + c) * (V * L) + column % V * L
                _store_all(transforms.product_2d(code, transforms.G, g), out, groups * blocks * (L * V * L))


@template
def spread_weight_turned(code: Code, V: int) -> None:
    """U for the gradient of the input: weight (O, C, 3, 3) turned by half a turn, lanes along C."""
    weight, U = code.pointers(2)
    O, C = code.integers(2)
    L = code.lanes
    blocks, groups = (O + (L - 1)) // L, (C + (V * L - 1)) // (V * L)
    begin, end = code.share(groups * V)
    for column in code.range(begin, end):
        for o in code.range(blocks * L):
            taps = []
            for chunk in range(0, 9, L):
                rows = []
                for r in range(L):
                    c = column * L + r
                    valid = code.builder.and_(c < C, o < O)
                    left = Int(code, code.builder.select(valid, code.int(9 - chunk).value, code.int(0).value))
                    rows.append((weight + (o * C + c) * 9 + chunk).load(code.first_lanes(left)))
                taps += transpose(code, rows)
            g = [[taps[8 - (3 * i + j)] for j in range(3)] for i in range(3)]
            out = U + (column // V * blocks * L + o) * (V * L) + column % V * L
            _store_all(transforms.product_2d(code, transforms.G, g), out, groups * blocks * (L * V * L))


def _store_all(matrix: list[list[Vector]], out: Pointer, distance: Int) -> None:
    for i, line in enumerate(matrix):
        for j, vector in enumerate(line):
            (out + distance * (i * N + j)).store(vector)


@template
def fold_weight(code: Code, V: int) -> None:
    """grad_weight (O, C, 3, 3) = G^T dU G."""
    dU, weight = code.pointers(2)
    O, C = code.integers(2)
    L = code.lanes
    blocks, groups = (C + (L - 1)) // L, (O + (V * L - 1)) // (V * L)
    distance = groups * blocks * (L * V * L)
    buffer = code.buffer(9 * L * L)
    begin, end = code.share(groups * V)
    for column in code.range(begin, end):
        for block in code.range(blocks):
            for c in code.range(L):
                place = dU + ((column // V * blocks + block) * L + c) * (V * L) + column % V * L
                u = [[(place + distance * (i * N + j)).load() for j in range(N)] for i in range(N)]
                for i, line in enumerate(transforms.product_2d(code, transforms.GT, u)):
                    for j, vector in enumerate(line):
                        (buffer + c * (9 * L) + (3 * i + j) * L).store(vector)
            for chunk in code.range(9):
                entry = block * (9 * L) + chunk * L
                rows = [(buffer + chunk * (L * L) + r * L).load() for r in range(L)]
                for r, vector in enumerate(transpose(code, rows)):
                    o = column * L + r
                    left = Int(code, code.builder.select(o < O, (C * 9 - entry).value, code.int(0).value))
                    (weight + o * C * 9 + entry).store(vector, code.first_lanes(left))
