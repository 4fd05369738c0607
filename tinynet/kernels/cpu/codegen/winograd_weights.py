"""Winograd's U from the weights, and the gradient of the weights from dU: see winograd.py for both.

The weights lie (O, C, 3, 3) and the lanes of U along one of the channels: squares of L x L numbers are transposed.
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import transpose
from tinynet.kernels.cpu.codegen.packing import load_columns, store_columns
from tinynet.kernels.cpu.codegen.program import template
from tinynet.kernels.cpu.codegen.transforms import FORMS, Form, W
from tinynet.kernels.cpu.codegen.winograd import F, Piece, multiply, multiply_transposed
from tinynet.kernels.cpu.codegen.winograd_tiles import plane_by_plane


def _weight_columns(
    code: Code,
    weight: Pointer,
    out: Pointer,
    column: Int,
    O: Int,
    C: Int,
    distance: Int,
    V: int,
    buffer: Pointer,
    blocks: tuple[Int, Int],
    form: Form,
) -> None:
    """Write G g G^T of L outputs, the `column`-th, of weight (O, C, 3, 3), to `out` + c * V*L for every c of blocks."""
    L = code.lanes
    first, end = blocks
    for block in code.range(first, end):
        for chunk in code.range(9):
            entry = block * (9 * L) + chunk * L
            for r, vector in enumerate(load_columns(code, weight, column * L, O, C * 9, entry)):
                (buffer + chunk * (L * L) + r * L).store(vector)
        for c in code.range(L):
            g = [[(buffer + c * (9 * L) + (3 * i + j) * L).load() for j in range(3)] for i in range(3)]
            _store_all(
                transforms.product_2d(code, form.G, g),
                out + ((block - first) * L + c) * (V * L),
                distance,
            )


def _turned_columns(
    code: Code, weight: Pointer, out: Pointer, column: Int, O: Int, C: Int, distance: Int, V: int,
    blocks: tuple[Int, Int], form: Form,
) -> None:  # fmt: skip
    """Write G g G^T of L inputs, the `column`-th, of the turned weight, to out + o * V*L for every o of blocks."""
    L = code.lanes
    first, end = blocks
    for o in code.range(first * L, end * L):
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
        _store_all(transforms.product_2d(code, form.G, g), out + (o - first * L) * (V * L), distance)


@template
def spread_weight(code: Code, V: int, turned: bool, kind: str) -> None:
    """U of weight (O, C, 3, 3), lanes along O; turned, for the gradient of the input: lanes along C."""
    weight, U = code.pointers(2)
    O, C = code.integers(2)
    L = code.lanes
    inner, lanes = (O, C) if turned else (C, O)
    blocks, groups = (inner + (L - 1)) // L, (lanes + (V * L - 1)) // (V * L)
    distance = groups * blocks * (L * V * L)
    buffer = code.buffer(9 * L * L)
    begin, end = code.share(groups * blocks)
    for item in code.range(begin, end):
        group, block = item // blocks, item % blocks
        for v in range(V):  # side by side, for two cache lines come together
            out, column = U + item * (L * V * L) + v * L, group * V + v
            if turned:
                _turned_columns(code, weight, out, column, O, C, distance, V, (block, block + 1), FORMS[kind])
            else:
                _weight_columns(
                    code, weight, out, column, O, C, distance, V, buffer, (block, block + 1), FORMS[kind]
                )


@template
def multiply_grouped(code: Code, R: int, V: int, turned: bool, kind: str) -> None:
    """Phase 2 where all tiles fit in one chunk: each thread makes U of a group of channels of its own, and multiplies.

    All of U would be 37 MB for 512 channels, and go to memory and back. A piece of it, `depth` blocks of channels of
    the input for one group, stays in L2, and the part of it that a tile passes over in L1.
    """
    form = FORMS[kind]
    weight, planes, products, memory = code.pointers(4)
    O, C, tiles, count, depth = code.integers(5)
    L = code.lanes
    inner, lanes = (O, C) if turned else (C, O)
    blocks = (inner + (L - 1)) // L
    buffer = code.buffer(9 * L * L)
    U = memory + code.thread * depth * (F * L * V * L)
    layouts = plane_by_plane(code, inner, tiles), plane_by_plane(code, lanes, tiles, V)
    begin, end = code.share((lanes + (V * L - 1)) // (V * L))
    for group in code.range(begin, end):
        for first in code.range(0, blocks, depth):
            piece = Piece(group, first, (first + depth).minimum(blocks))
            sizes, span = (O, C, (piece.end - first) * (L * V * L), V), (first, piece.end)
            for v in range(V):
                if turned:
                    _turned_columns(code, weight, U + v * L, group * V + v, *sizes, span, form)
                else:
                    _weight_columns(code, weight, U + v * L, group * V + v, *sizes, buffer, span, form)
            multiply(
                code, planes, U, products, first=code.int(0), last=code.int(form.planes**2), C=inner, O=lanes,
                layouts=layouts, count=count, R=R, V=V, form=form, piece=piece,
            )  # fmt: skip


def _store_all(matrix: list[list[Vector]], out: Pointer, distance: Int) -> None:
    for i, line in enumerate(matrix):
        for j, vector in enumerate(line):
            (out + distance * (i * W + j)).store(vector)


def _fold_columns(
    code: Code,
    dU: Pointer,
    weight: Pointer,
    column: Int,
    O: Int,
    C: Int,
    distance: Int,
    V: int,
    buffer: Pointer,
    blocks: tuple[Int, Int],
    form: Form,
    copies: tuple[Int, Int],
) -> None:
    """Write G^T dU G of L outputs, the `column`-th, and of blocks of inputs into weight (O, C, 3, 3)."""
    L = code.lanes
    first, end = blocks
    for block in code.range(first, end):
        for c in code.range(L):
            u = _sum_of_copies(code, dU + ((block - first) * L + c) * (V * L), distance, copies)
            for i, line in enumerate(transforms.product_2d(code, form.GT, u)):
                for j, vector in enumerate(line):
                    (buffer + c * (9 * L) + (3 * i + j) * L).store(vector)
        for chunk in code.range(9):
            columns = [(buffer + chunk * (L * L) + r * L).load() for r in range(L)]
            store_columns(code, weight, column * L, O, C * 9, block * (9 * L) + chunk * L, columns)


def _sum_of_copies(code: Code, place: Pointer, distance: Int, copies: tuple[Int, Int]) -> list[list[Vector]]:
    """Return the vectors of all u that lie `distance` apart, summed over so many copies of dU, of so many numbers."""
    count, size = copies
    found = []
    for i in range(W):
        starts = [place + distance * (i * W + j) for j in range(W)]
        row = [code.variable(start.load()) for start in starts]
        for copy in code.range(1, count):
            for total, start in zip(row, starts, strict=True):
                total.set(total.get() + (start + copy * size).load())
        found.append([total.get() for total in row])
    return found


def _fold_turned(
    code: Code, place: Pointer, weight: Pointer, column: Int, o: Int, C: Int, distance: Int, form: Form,
    copies: tuple[Int, Int],
) -> None:  # fmt: skip
    """Write the turned G^T dU G of output o and L inputs, the `column`-th, into weight (O, C, 3, 3)."""
    L = code.lanes
    u = _sum_of_copies(code, place, distance, copies)
    taps = [tap for line in transforms.product_2d(code, form.GT, u) for tap in line][::-1]
    for chunk in range(0, 9, L):
        some = taps[chunk : chunk + L]
        rows = transpose(code, some + [code.zero] * (L - len(some)))
        for r, row in enumerate(rows):
            c = column * L + r
            count = code.int(9 - chunk).where(c < C, 0)
            (weight + (o * C + c) * 9 + chunk).store(row, code.first_lanes(count))


@template
def fold_weight(code: Code, V: int, turned: bool, kind: str) -> None:
    """grad_weight (O, C, 3, 3) = G^T dU G, of dU with lanes along O; turned, of that of `gradients_local`: along C.

    dU is the sum of copies, each of `size` numbers: what the parts of a kernel have summed.
    """
    dU, weight = code.pointers(2)
    O, C, count, size = code.integers(4)
    L = code.lanes
    inner, lanes = (O, C) if turned else (C, O)
    blocks, groups = (inner + (L - 1)) // L, (lanes + (V * L - 1)) // (V * L)
    distance = groups * blocks * (L * V * L)
    buffer = code.buffer(9 * L * L)
    each = O if turned else blocks
    begin, end = code.share(groups * V * each)
    for item in code.range(begin, end):
        column, i = item // each, item % each
        place = dU + column // V * blocks * (L * V * L) + column % V * L
        if turned:
            _fold_turned(
                code, place + i * (V * L), weight, column, i, C, distance, FORMS[kind], (count, size)
            )
        else:
            _fold_columns(
                code, place + i * (L * V * L), weight, column, O, C, distance, V, buffer, (i, i + 1), FORMS[kind],
                (count, size),
            )  # fmt: skip


@template
def grad_weight_grouped(code: Code, R: int, V: int, kind: str) -> None:
    """Phase 3 of the weight's gradient where all tiles fit in one chunk: a piece of dU at a time, folded at once."""
    form = FORMS[kind]
    planes, D, memory, weight = code.pointers(4)
    O, C, tiles, count, depth = code.integers(5)
    L = code.lanes
    blocks = (C + (L - 1)) // L
    buffer = code.buffer(9 * L * L)
    dU = memory + code.thread * depth * (F * L * V * L)
    layouts = plane_by_plane(code, C, tiles), plane_by_plane(code, O, tiles, V)
    begin, end = code.share((O + (V * L - 1)) // (V * L))
    for group in code.range(begin, end):
        for first in code.range(0, blocks, depth):
            piece = Piece(group, first, (first + depth).minimum(blocks))
            multiply_transposed(
                code, planes, D, dU, first=code.int(0), last=code.int(F), C=C, O=O, layouts=layouts, count=count,
                R=R, V=V, form=form, piece=piece,
            )  # fmt: skip
            distance, span = (piece.end - first) * (L * V * L), (first, piece.end)
            for v in range(V):
                column = group * V + v
                one = code.int(1), code.int(0)
                _fold_columns(code, dU + v * L, weight, column, O, C, distance, V, buffer, span, form, one)
