"""Winograd's matrices, exactly, and the instructions that multiply by them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from tests.kernels.cpu.machine import run
from tinynet.kernels.cpu.codegen import transforms
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.transforms import (
    FORMS,
    Form,
    Matrix,
    derive,
    parts,
    product,
    product_2d,
    row_groups,
    transposed,
)

PLAIN, STRIDED, FRACTIONAL = (FORMS[kind] for kind in ("plain", "strided", "fractional"))
MATRICES = {"A^T": PLAIN.AT, "A": PLAIN.A, "G": PLAIN.G, "G^T": PLAIN.GT, "B^T": PLAIN.BT} | {
    f"{name}, {kind}": getattr(FORMS[kind], field)
    for kind in ("strided", "fractional")
    for name, field in {"A^T": "AT", "A": "A", "G": "G", "G^T": "GT", "B^T": "BT"}.items()
}


def times(a: Sequence[Sequence[Fraction]], b: Sequence[Sequence[Fraction]]) -> Matrix:
    columns = transposed(tuple(map(tuple, b)))
    return tuple(
        tuple(sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in columns)
        for row in a
    )


def on_both_sides(matrix: Matrix, x: Sequence[Sequence[Fraction]]) -> Matrix:
    return times(times(matrix, x), transposed(matrix))


def entrywise(a: Matrix, b: Matrix) -> Matrix:
    return tuple(tuple(x * y for x, y in zip(*rows, strict=True)) for rows in zip(a, b, strict=True))


def integers(rows: int, columns: int, seed: int) -> Matrix:
    generator = random.Random(seed)
    return tuple(tuple(Fraction(generator.randint(-99, 99)) for _ in range(columns)) for _ in range(rows))


def correlate(x: Matrix, window: Matrix, stride: int = 1) -> Matrix:
    """Return the results of a window at every place, or every second, where it lies within x."""
    KH, KW = len(window), len(window[0])
    return tuple(
        tuple(
            sum((x[i + p][j + q] * window[p][q] for p in range(KH) for q in range(KW)), Fraction(0))
            for j in range(0, len(x[0]) - KW + 1, stride)
        )
        for i in range(0, len(x) - KH + 1, stride)
    )


def spread(form: Form, u: Matrix) -> Matrix:
    """Return the number of the weights that each plane is multiplied by, from those that there are."""
    which = [max(0, plane + 1 - form.shared) for plane in range(form.planes)]
    return tuple(tuple(u[i][j] for j in which) for i in which)


def gathered(form: Form, planes: Matrix) -> Matrix:
    """Return the sums over the planes of the same number of the weights."""
    which = [max(0, plane + 1 - form.shared) for plane in range(form.planes)]
    sums = [[Fraction(0)] * transforms.W for _ in range(transforms.W)]
    for i, row in zip(which, planes, strict=True):
        for j, entry in zip(which, row, strict=True):
            sums[i][j] += entry
    return tuple(map(tuple, sums))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("form", "stride"), [(PLAIN, 1), (STRIDED, 2)], ids=["plain", "strided"])
def test_the_transforms_compute_a_correlation_exactly(form: Form, stride: int, seed: int) -> None:
    d, g = integers(form.pixels, form.pixels, seed), integers(3, 3, seed + 100)
    products = entrywise(spread(form, on_both_sides(form.G, g)), on_both_sides(form.BT, d))
    assert on_both_sides(form.AT, products) == correlate(d, g, stride)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("form", "stride"), [(PLAIN, 1), (STRIDED, 2)], ids=["plain", "strided"])
def test_the_adjoint_computes_the_gradient_of_the_weight_exactly(form: Form, stride: int, seed: int) -> None:
    d, dy = integers(form.pixels, form.pixels, seed), integers(form.results, form.results, seed + 100)
    products = entrywise(on_both_sides(form.A, dy), on_both_sides(form.BT, d))
    zero = Fraction(0)
    between = [[zero] * (stride * (form.results - 1) + 1) for _ in range(stride * (form.results - 1) + 1)]
    for i, row in enumerate(dy):
        for j, entry in enumerate(row):
            between[stride * i][stride * j] = entry
    assert on_both_sides(form.GT, gathered(form, products)) == correlate(d, tuple(map(tuple, between)))


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_the_input_of_stride_two_is_exact(seed: int) -> None:
    """Of dy at 5x5 places; dx from the pixel of the first on, a stride later than the window of it begins."""
    form, zero = FRACTIONAL, Fraction(0)
    dy, g = integers(form.pixels, form.pixels, seed), integers(3, 3, seed + 100)
    turned = tuple(row[::-1] for row in g[::-1])
    products = entrywise(spread(form, on_both_sides(form.G, turned)), on_both_sides(form.BT, dy))
    dx = [[zero] * (2 * form.pixels + 1) for _ in range(2 * form.pixels + 1)]
    for i, row in enumerate(dy):
        for j, entry in enumerate(row):
            for p in range(3):
                for q in range(3):
                    dx[2 * i + p][2 * j + q] += entry * g[p][q]
    inside = slice(1, 1 + form.results)
    assert on_both_sides(form.AT, products) == tuple(tuple(row[inside]) for row in dx[inside])


def test_with_their_points_the_matrices_are_those_of_lavin_and_gray() -> None:
    """Up to signs, which cancel: a row of G and of B^T may both be turned."""
    AT, G, BT = derive([Fraction(n) for n in (0, 1, -1, 2, -2)])
    first = (Fraction(4), 0, Fraction(-5), 0, Fraction(1), 0)
    assert BT[0] == first
    assert [abs(x) for x in G[0]] == [Fraction(1, 4), 0, 0]
    assert [abs(x) for x in G[1]] == [Fraction(1, 6)] * 3
    assert [abs(x) for x in G[3]] == [Fraction(1, 24), Fraction(1, 12), Fraction(1, 6)]
    assert AT == ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def test_the_points_are_pairs_exact_in_float32() -> None:
    zero, *pairs = transforms.POINTS
    assert zero == 0
    assert pairs[::2] == [-a for a in pairs[1::2]]
    zero, *pair, _ = transforms.FEWER
    assert zero == 0
    assert pair[0] == -pair[1]
    for matrix in (form_matrix for form in FORMS.values() for form_matrix in (form.A, form.BT)):
        assert all(Fraction(float(np.float32(float(x)))) == x for row in matrix for x in row)


@pytest.mark.parametrize(
    ("matrix", "count"), [(PLAIN.BT, 144), (PLAIN.AT, 100), (PLAIN.A, 80)], ids=["B^T", "A^T", "A"]
)
def test_the_instructions_are_as_few_as_said(matrix: Matrix, count: int) -> None:
    code, size = Code("kernel", 8), len(matrix[0])
    square = [[code.constant(1) for _ in range(size)] for _ in range(size)]
    product_2d(code, matrix, square)
    assert len(re.findall(r"= (?:fadd|fsub|fmul|call) ", code.finish())) == count


def rounded(matrices: Sequence[Matrix], rng: np.random.Generator) -> float:
    """Return the relative L2 error of convolutions of 64 channels in float32 with the matrices A^T, G and B^T."""
    pixels, taps = len(matrices[2][0]), len(matrices[1][0])
    d = np.maximum(rng.standard_normal((200, 64, pixels, pixels)), 0)
    g = rng.standard_normal((64, 4, taps, taps))

    def convolve(dtype: type) -> np.ndarray:
        AT, G, BT = (np.array(matrix, float).astype(dtype) for matrix in matrices)
        V, U = BT @ d.astype(dtype) @ BT.T, G @ g.astype(dtype) @ G.T
        return AT @ sum(V[:, c, None] * U[c] for c in range(64)) @ AT.T

    exact = convolve(np.float64)
    return float(np.linalg.norm(convolve(np.float32) - exact) / np.linalg.norm(exact))


def test_the_points_halve_the_error(rng: np.random.Generator) -> None:
    usual = derive([Fraction(n) for n in (0, 1, -1, 2, -2)])
    assert rounded((PLAIN.AT, PLAIN.G, PLAIN.BT), rng) < 0.6 * rounded(usual, rng)


def test_the_points_of_two_taps_err_less_than_whole_numbers(rng: np.random.Generator) -> None:
    found = derive(transforms.FEWER, transforms.FEWER_SCALES, taps=2)
    usual = derive([Fraction(n) for n in (0, 1, -1, 2)], taps=2)
    assert rounded(found, rng) < 0.8 * rounded(usual, rng)


@pytest.mark.parametrize("name", MATRICES)
def test_products_are_those_of_the_matrix(name: str, rng: np.random.Generator) -> None:
    matrix, lanes = MATRICES[name], 8
    rows, columns = len(matrix), len(matrix[0])
    x = rng.standard_normal((columns, lanes)).astype(np.float32)
    y = np.zeros((rows, lanes), np.float32)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        for i, vector in enumerate(product(code, matrix, [(a + i * lanes).load() for i in range(columns)])):
            (b + i * lanes).store(vector)

    run(kernel, x, y, lanes=lanes)
    expected = np.array(matrix, np.float64) @ x
    np.testing.assert_allclose(y, expected, atol=2e-6 * abs(expected).max())


@pytest.mark.parametrize("name", MATRICES)
def test_products_on_both_sides(name: str, rng: np.random.Generator) -> None:
    matrix, lanes = MATRICES[name], 4
    rows, columns = len(matrix), len(matrix[0])
    x = rng.standard_normal((columns, columns, lanes)).astype(np.float32)
    y = np.zeros((rows, rows, lanes), np.float32)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        square = [[(a + (i * columns + j) * lanes).load() for j in range(columns)] for i in range(columns)]
        for i, line in enumerate(product_2d(code, matrix, square)):
            for j, vector in enumerate(line):
                (b + (i * rows + j) * lanes).store(vector)

    run(kernel, x, y, lanes=lanes)
    exact = np.array(matrix, np.float64)
    expected = np.einsum("ip,pql,jq->ijl", exact, x, exact)
    np.testing.assert_allclose(y, expected, atol=2e-6 * abs(expected).max())


def test_coefficients_of_a_polynomial() -> None:
    assert transforms._coefficients([]) == [1]
    assert transforms._coefficients([Fraction(2), Fraction(-3)]) == [-6, 1, 1]


def test_a_matrix_falls_into_parts() -> None:
    assert [part[1:] for part in parts(PLAIN.AT)] == [([0, 1, 2, 3], [0, 1, 2, 3, 4, 5])]
    assert [part[1:] for part in parts(STRIDED.AT)] == [([0, 1, 2, 3], list(range(9)))]
    alone = [([2 * i], [i]) for i in range(4)]
    found = [part[1:] for part in parts(FRACTIONAL.AT)]
    assert sorted(found) == sorted([*alone, ([1, 3, 5, 7], [4, 5, 6, 7, 8])])
    for matrix, rows, columns in parts(FRACTIONAL.AT):
        assert matrix == tuple(tuple(FRACTIONAL.AT[i][j] for j in columns) for i in rows)


def test_rows_of_a_number_and_its_negative_go_together() -> None:
    assert row_groups(PLAIN.BT) == [(0,), (1, 2), (3, 4), (5,)]
    assert row_groups(STRIDED.A) == [(0,), (1,), (2,), (3,), (4,), (5, 6), (7,), (8,)]
    one = Fraction(1)
    assert row_groups(((one, Fraction(0)), (one, Fraction(0)))) == [(0,), (1,)]
