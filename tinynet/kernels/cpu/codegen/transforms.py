"""Winograd's minimal filtering F(4x4, 3x3): its matrices, from the points they interpolate, and their products.

A row of m = 4 results of a filter of r = 3 taps is the product of two polynomials, which n = m + r - 1 = 6 values
determine: those at 0, a, -a, b, -b and the leading coefficient ("at infinity"). Evaluating, multiplying value by value
and interpolating takes 6 multiplications where the filter takes 12; in two dimensions 36 instead of 144:

    y = A^T [ (G g G^T) * (B^T d B) ] A        d (6, 6) pixels, g (3, 3) weights, y (4, 4) results

Derivation (Toom, Cook; in the transposed form of Lavin and Gray), with N_i the product of a_i - a_j over j != i:
    A^T[k][i] = a_i ** k                       evaluates the results' polynomial, transposed
    G[i][k] = a_i ** k / N_i                   evaluates the filter, scaled by Lagrange's denominators
    B^T[i] = coefficients of the product of (x - a_j) over j != i    Lagrange's numerators, transposed
    at infinity: the last column of A^T and the last row of G pick the leading coefficient, and the last row of B^T has
    the coefficients of the product over all points.
The gradient of the weight is the adjoint: dg = G^T [ (A dy A^T) * (B^T d B) ] G.

Lavin and Gray's points are 0, 1, -1, 2, -2; powers up to 2**3 beside 1/24 cost accuracy. With a = 11/16 and b = 3/2,
near 1/a, the relative L2 error of results and of the weight's gradient is less than half as large (0.46 and 0.38 times,
of random numbers and 64 channels). Powers of both are exact in float32.

Instructions a vector of channels: 144 for B^T d B, 100 for A^T m A, 80 for A dy A^T. To that end columns of A^T are
divided, and rows of G multiplied, by powers of their points that make more entries 1, and rows of B^T and A are taken
in pairs.

Source:  Lavin, Gray 2015, Fast algorithms for convolutional neural networks, arXiv 1509.09308; on points and errors
         Barabasz, Anderson, Soodhalter, Gregg 2018, arXiv 1803.10986, and Alam, Anderson, Barabasz, Gregg 2022,
         Winograd convolution for deep neural networks: efficient point selection, doi 10.1145/3524069
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from tinynet.kernels.cpu.codegen.language import Code, Vector

Matrix = tuple[tuple[Fraction, ...], ...]

POINTS = (Fraction(0), Fraction(11, 16), Fraction(-11, 16), Fraction(3, 2), Fraction(-3, 2))
"""Zero, then pairs of a number and its negative."""
SCALES = (Fraction(1), *[1 / abs(a) for a in POINTS[1:3]], *[1 / a**2 for a in POINTS[3:]])
"""By what the columns of A^T are multiplied: A^T then needs no more instructions than with the points 1 and 2."""
M, R = 4, 3
N = M + R - 1


def _coefficients(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients, constant first, of the product of (x - root)."""
    zero, found = Fraction(0), [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([zero, *found], [*found, zero], strict=True)]
    return found


def derive(
    points: Sequence[Fraction], scales: Sequence[Fraction] = (Fraction(1),) * 5
) -> tuple[Matrix, Matrix, Matrix]:
    """Return A^T (4, 6), G (6, 3) and B^T (6, 6) of five points.

    Args:    scales: what the columns of A^T are multiplied by, and the rows of G divided
    """
    divisors = [s * prod(a - b for b in points if b != a) for a, s in zip(points, scales, strict=True)]
    AT = [[*(s * a**k for a, s in zip(points, scales, strict=True)), Fraction(k == M - 1)] for k in range(M)]
    G = [[a**k / d for k in range(R)] for a, d in zip(points, divisors, strict=True)]
    G.append([Fraction(k == R - 1) for k in range(R)])
    BT = [[*_coefficients([b for b in points if b != a]), Fraction(0)] for a in points]
    return _frozen(AT), _frozen(G), _frozen([*BT, _coefficients(points)])


def _frozen(rows: Sequence[Sequence[Fraction]]) -> Matrix:
    return tuple(tuple(row) for row in rows)


def transposed(matrix: Matrix) -> Matrix:
    """Return the transpose."""
    return tuple(zip(*matrix, strict=True))


AT, G, BT = derive(POINTS, SCALES)
A, GT = (transposed(matrix) for matrix in derive(POINTS)[:2])
"""Of the weight's gradient, without scales, for which A would need more instructions."""


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
    """Return the product with a matrix whose rows, from the second on, are pairs even + odd, even - odd."""
    return [row for group in row_groups(matrix) for row in product_rows(code, matrix, group, x)]


def row_groups(matrix: Matrix) -> list[tuple[int, ...]]:
    """Return the numbers of the rows of B^T or A that are computed together: alone, or two of points a and -a."""
    return [(0,), *((i, i + 1) for i in range(1, len(POINTS) - 1, 2)), (len(matrix) - 1,)]


def product_rows(code: Code, matrix: Matrix, group: tuple[int, ...], x: Sequence[Vector]) -> list[Vector]:
    """Return one group of rows of matrix @ x."""
    if len(group) == 1:
        return [_combination(code, matrix[group[0]], x)]
    row, other = (matrix[i] for i in group)
    even = [a if a == b else Fraction(0) for a, b in zip(row, other, strict=True)]
    odd = [a if a != b else Fraction(0) for a, b in zip(row, other, strict=True)]
    factor = _common_factor(odd)
    first, second = _combination(code, even, x), _combination(code, [a / factor for a in odd], x)
    return [_plus(code, first, factor, second), _plus(code, first, -factor, second)]


def _common_factor(entries: Sequence[Fraction]) -> Fraction:
    """Return an entry to divide all by: one that leaves numbers exact in binary, if there is one."""
    candidates = [entry for entry in entries if entry]
    return min(candidates, key=lambda f: any((d := (a / f).denominator) & (d - 1) for a in candidates))


def _combination(code: Code, row: Sequence[Fraction], x: Sequence[Vector]) -> Vector:
    """Return the sum of row[k] * x[k], the entries of magnitude 1 first: they need no multiplication."""
    terms = sorted(
        ((c, v) for c, v in zip(row, x, strict=True) if c), key=lambda term: (abs(term[0]) != 1, -term[0])
    )
    coefficient, total = terms[0]
    if coefficient != 1:
        total = total * float(coefficient)
    for coefficient, vector in terms[1:]:
        total = _plus(code, total, coefficient, vector)
    return total


def _plus(code: Code, total: Vector, coefficient: Fraction, vector: Vector) -> Vector:
    """Return total + coefficient * vector."""
    if abs(coefficient) == 1:
        return total + vector if coefficient == 1 else total - vector
    return code.fma(vector, code.constant(float(coefficient)), total)


def product_2d(code: Code, matrix: Matrix, x: Sequence[Sequence[Vector]]) -> list[list[Vector]]:
    """Return matrix @ x @ matrix^T."""
    columns = [product(code, matrix, column) for column in zip(*x, strict=True)]
    return [product(code, matrix, row) for row in zip(*columns, strict=True)]
