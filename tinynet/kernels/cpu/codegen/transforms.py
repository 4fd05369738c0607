"""Winograd's minimal filtering F(4x4, 3x3): its matrices, from the points they interpolate, and their products.

A row of m = 4 results of a filter of r = 3 taps is the product of two polynomials, which n = m + r - 1 = 6 values
determine: those at the points 0, 1, -1, 2, -2 and the leading coefficient ("at infinity"). Evaluating, multiplying
value by value and interpolating takes 6 multiplications where the filter takes 12; in two dimensions 36 instead of 144:

    y = A^T [ (G g G^T) * (B^T d B) ] A        d (6, 6) pixels, g (3, 3) weights, y (4, 4) results

Derivation (Toom, Cook; in the transposed form of Lavin and Gray), with N_i the product of a_i - a_j over j != i:
    A^T[k][i] = a_i ** k                       evaluates the results' polynomial, transposed
    G[i][k] = a_i ** k / N_i                   evaluates the filter, scaled by Lagrange's denominators
    B^T[i] = coefficients of the product of (x - a_j) over j != i    Lagrange's numerators, transposed
    at infinity: the last column of A^T and the last row of G pick the leading coefficient, and the last row of B^T has
    the coefficients of the product over all points.
The gradient of the weight is the adjoint: dg = G^T [ (A dy A^T) * (B^T d B) ] G.

Source:  Lavin, Gray 2015, Fast algorithms for convolutional neural networks, arXiv 1509.09308
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from tinynet.kernels.cpu.codegen.language import Code, Vector

Matrix = tuple[tuple[Fraction, ...], ...]

POINTS = (0, 1, -1, 2, -2)
M, R = 4, 3
N = M + R - 1


def _coefficients(roots: Sequence[int]) -> list[int]:
    """Return the coefficients, constant first, of the product of (x - root)."""
    found = [1]
    for root in roots:
        found = [a - root * b for a, b in zip([0, *found], [*found, 0], strict=True)]
    return found


def _derive() -> tuple[Matrix, Matrix, Matrix]:
    """Return A^T (4, 6), G (6, 3) and B^T (6, 6)."""
    denominators = [prod(a - b for b in POINTS if b != a) for a in POINTS]
    AT = [[*(Fraction(a) ** k for a in POINTS), Fraction(k == M - 1)] for k in range(M)]
    G = [[Fraction(a) ** k / d for k in range(R)] for a, d in zip(POINTS, denominators, strict=True)]
    G.append([Fraction(k == R - 1) for k in range(R)])
    rows = [[*_coefficients([b for b in POINTS if b != a]), 0] for a in POINTS]
    BT = [[Fraction(c) for c in row] for row in [*rows, _coefficients(POINTS)]]
    return _frozen(AT), _frozen(G), _frozen(BT)


def _frozen(rows: Sequence[Sequence[Fraction]]) -> Matrix:
    return tuple(tuple(row) for row in rows)


def transposed(matrix: Matrix) -> Matrix:
    """Return the transpose."""
    return tuple(zip(*matrix, strict=True))


AT, G, BT = _derive()
A, GT = transposed(AT), transposed(G)


def product(code: Code, matrix: Matrix, x: Sequence[Vector]) -> list[Vector]:
    """Return matrix @ x, x a column of vectors, with few operations.

    Rows of the points a and -a differ only in the sign of every second entry: their even and odd parts are computed
    once, added for the one and subtracted for the other. Transposed, the sum and the difference of two entries serve
    every row.
    """
    if _alternate(matrix[1], matrix[2]):
        return _by_pairs_of_rows(code, matrix, x)
    found = list(x)
    columns = [list(column) for column in transposed(matrix)]
    for i in range(1, len(POINTS) - 1, 2):
        found[i], found[i + 1] = x[i] + x[i + 1], x[i] - x[i + 1]
        even, odd = columns[i][:], columns[i][:]
        even[1::2] = [Fraction(0)] * len(even[1::2])
        odd[0::2] = [Fraction(0)] * len(odd[0::2])
        columns[i], columns[i + 1] = even, odd
    return [_combination(code, row, found) for row in transposed(_frozen(columns))]


def _alternate(row: Sequence[Fraction], other: Sequence[Fraction]) -> bool:
    return all(a == (-b if k % 2 else b) for k, (a, b) in enumerate(zip(row, other, strict=True))) or all(
        a == (b if k % 2 else -b) for k, (a, b) in enumerate(zip(row, other, strict=True))
    )


def _by_pairs_of_rows(code: Code, matrix: Matrix, x: Sequence[Vector]) -> list[Vector]:
    found = [_combination(code, matrix[0], x)]
    for i in range(1, len(POINTS) - 1, 2):
        row, other = matrix[i], matrix[i + 1]
        same = [a if a == b else Fraction(0) for a, b in zip(row, other, strict=True)]
        opposite = [a if a != b else Fraction(0) for a, b in zip(row, other, strict=True)]
        first, second = _combination(code, same, x), _combination(code, opposite, x)
        found += [first + second, first - second]
    return [*found, _combination(code, matrix[-1], x)]


def _combination(code: Code, row: Sequence[Fraction], x: Sequence[Vector]) -> Vector:
    """Return the sum of row[k] * x[k], the entries of magnitude 1 first: they need no multiplication."""
    terms = sorted(
        ((c, v) for c, v in zip(row, x, strict=True) if c), key=lambda term: (abs(term[0]) != 1, -term[0])
    )
    coefficient, total = terms[0]
    if coefficient != 1:
        total = total * float(coefficient)
    for coefficient, vector in terms[1:]:
        if abs(coefficient) == 1:
            total = total + vector if coefficient == 1 else total - vector
        else:
            total = code.fma(vector, code.constant(float(coefficient)), total)
    return total


def product_2d(code: Code, matrix: Matrix, x: Sequence[Sequence[Vector]]) -> list[list[Vector]]:
    """Return matrix @ x @ matrix^T."""
    columns = [product(code, matrix, column) for column in zip(*x, strict=True)]
    return [product(code, matrix, row) for row in zip(*columns, strict=True)]
