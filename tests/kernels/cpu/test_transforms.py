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
    AT,
    BT,
    GT,
    A,
    G,
    M,
    Matrix,
    N,
    R,
    derive,
    product,
    product_2d,
    transposed,
)

MATRICES = {"A^T": AT, "A": A, "G": G, "G^T": GT, "B^T": BT}


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


def correlate(x: Matrix, window: Matrix) -> Matrix:
    """Return the results of a window at every place where it lies within x."""
    KH, KW = len(window), len(window[0])
    return tuple(
        tuple(
            sum((x[i + p][j + q] * window[p][q] for p in range(KH) for q in range(KW)), Fraction(0))
            for j in range(len(x[0]) - KW + 1)
        )
        for i in range(len(x) - KH + 1)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_transforms_compute_a_correlation_exactly(seed: int) -> None:
    d, g = integers(N, N, seed), integers(R, R, seed + 100)
    assert on_both_sides(AT, entrywise(on_both_sides(G, g), on_both_sides(BT, d))) == correlate(d, g)


@pytest.mark.parametrize("seed", range(5))
def test_the_adjoint_computes_the_gradient_of_the_weight_exactly(seed: int) -> None:
    d, dy = integers(N, N, seed), integers(M, M, seed + 100)
    assert on_both_sides(GT, entrywise(on_both_sides(A, dy), on_both_sides(BT, d))) == correlate(d, dy)


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
    for matrix in (A, BT):
        assert all(Fraction(float(np.float32(float(x)))) == x for row in matrix for x in row)


@pytest.mark.parametrize(("matrix", "count"), [(BT, 144), (AT, 100), (A, 80)], ids=["B^T", "A^T", "A"])
def test_the_instructions_are_as_few_as_said(matrix: Matrix, count: int) -> None:
    code, size = Code("kernel", 8), len(matrix[0])
    square = [[code.constant(1) for _ in range(size)] for _ in range(size)]
    product_2d(code, matrix, square)
    assert len(re.findall(r"= (?:fadd|fsub|fmul|call) ", code.finish())) == count


def rounded(matrices: Sequence[Matrix], rng: np.random.Generator) -> float:
    """Return the relative L2 error of convolutions of 64 channels in float32 with the matrices A^T, G and B^T."""
    d, g = np.maximum(rng.standard_normal((200, 64, N, N)), 0), rng.standard_normal((64, 4, R, R))

    def convolve(dtype: type) -> np.ndarray:
        AT, G, BT = (np.array(matrix, float).astype(dtype) for matrix in matrices)
        V, U = BT @ d.astype(dtype) @ BT.T, G @ g.astype(dtype) @ G.T
        return AT @ sum(V[:, c, None] * U[c] for c in range(64)) @ AT.T

    exact = convolve(np.float64)
    return float(np.linalg.norm(convolve(np.float32) - exact) / np.linalg.norm(exact))


def test_the_points_halve_the_error(rng: np.random.Generator) -> None:
    usual = derive([Fraction(n) for n in (0, 1, -1, 2, -2)])
    assert rounded((AT, G, BT), rng) < 0.6 * rounded(usual, rng)


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
