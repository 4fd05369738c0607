"""Winograd's minimal filtering, F(4x4, 3x3) and of stride 2: its matrices, from points, and products with them.

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

Stride 2: result i of 3 taps is w1 x[2i+1] + (w0 x[2i] + w2 x[2i+2]), pixels counted from the padding on. The middle
tap meets pixels of odd places alone, and is left as it is: 4 multiplications for 4 results. The outer two are a filter
of two taps over pixels of even places: F(4, 2) at 0, a, -a, b and infinity, 5 multiplications, with a = 3/4 and b = 2
(of the pairs tried those of the smallest error). Together 9 in a row where the filter takes 12, and 81 in two
dimensions instead of 144. All of the middle tap are by the same number: 9 planes, 6 numbers of the weights.
Its gradient, of the input, makes an odd pixel of one pixel of dy by w1, and an even one of two by w2 and w0: the same
form with its planes' results apart instead of added.

Instructions a vector of channels, of stride 1: 144 for B^T d B, of which neighbouring tiles share 24, 100 for A^T m A,
80 for A dy A^T. To that end columns of A^T are divided, and rows of G multiplied, by powers of their points that make
more entries 1, and rows of B^T and A are taken in pairs.

Source:  Lavin, Gray 2015, Fast algorithms for convolutional neural networks, arXiv 1509.09308; on points and errors
         Barabasz, Anderson, Soodhalter, Gregg 2018, arXiv 1803.10986, and Alam, Anderson, Barabasz, Gregg 2022,
         Winograd convolution for deep neural networks: efficient point selection, doi 10.1145/3524069
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from tinynet.kernels.cpu.codegen.language import Code, Vector

Matrix = tuple[tuple[Fraction, ...], ...]

POINTS = (Fraction(0), Fraction(11, 16), Fraction(-11, 16), Fraction(3, 2), Fraction(-3, 2))
"""Zero, then pairs of a number and its negative."""
SCALES = (Fraction(1), *[1 / abs(a) for a in POINTS[1:3]], *[1 / a**2 for a in POINTS[3:]])
"""By what the columns of A^T are multiplied: A^T then needs no more instructions than with the points 1 and 2."""
FEWER = (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(2))
"""Those of two taps."""
FEWER_SCALES = (Fraction(1), Fraction(4, 3), Fraction(4, 3), Fraction(1))


def _coefficients(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients, constant first, of the product of (x - root)."""
    zero, found = Fraction(0), [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([zero, *found], [*found, zero], strict=True)]
    return found


def derive(
    points: Sequence[Fraction], scales: Sequence[Fraction] | None = None, taps: int = 3
) -> tuple[Matrix, Matrix, Matrix]:
    """Return A^T (m, n), G (n, taps) and B^T (n, n) of n - 1 points.

    Args:    scales: what the columns of A^T are multiplied by, and the rows of G divided
    """
    m = len(points) + 2 - taps
    scales = scales or [Fraction(1)] * len(points)
    divisors = [s * prod(a - b for b in points if b != a) for a, s in zip(points, scales, strict=True)]
    AT = [[*(s * a**k for a, s in zip(points, scales, strict=True)), Fraction(k == m - 1)] for k in range(m)]
    G = [[a**k / d for k in range(taps)] for a, d in zip(points, divisors, strict=True)]
    G.append([Fraction(k == taps - 1) for k in range(taps)])
    BT = [[*_coefficients([b for b in points if b != a]), Fraction(0)] for a in points]
    return _frozen(AT), _frozen(G), _frozen([*BT, _coefficients(points)])


def _frozen(rows: Sequence[Sequence[Fraction]]) -> Matrix:
    return tuple(tuple(row) for row in rows)


def transposed(matrix: Matrix) -> Matrix:
    """Return the transpose."""
    return tuple(zip(*matrix, strict=True))


@dataclass(frozen=True)
class Form:
    """The matrices of a kind of convolution, in each direction of an image.

    A tile of `pixels` becomes `planes` numbers, each is multiplied by one of W numbers made of the weights, and they
    become `results`. A, of tiles of results, and G^T are those of the gradient of the weights, without scales, for
    which A would need more instructions.
    """

    AT: Matrix
    G: Matrix
    BT: Matrix
    A: Matrix
    GT: Matrix
    step: int
    """Pixels from tile to tile."""
    shared: int = 1
    """How many planes, the first ones, are multiplied by the first number of the weights; all others by the next."""

    @property
    def pixels(self) -> int:
        """Pixels of a tile."""
        return len(self.BT[0])

    @property
    def planes(self) -> int:
        """Numbers that a tile becomes."""
        return len(self.BT)

    @property
    def results(self) -> int:
        """Results of a tile."""
        return len(self.AT)


def _plain() -> Form:
    """Return the form of 3 taps and stride 1."""
    AT, G, BT = derive(POINTS, SCALES)
    A, GT = (transposed(matrix) for matrix in derive(POINTS)[:2])
    return Form(AT, G, BT, A, GT, step=len(AT))


def _strided() -> tuple[Form, Form]:
    """Return the form of 3 taps and stride 2, and that of the gradient of its input."""
    AT, G, BT = derive(FEWER, FEWER_SCALES, taps=2)
    plain_AT, plain_G, _ = derive(FEWER, taps=2)
    m, n = len(AT), len(BT)
    one = _frozen([[Fraction(i == j) for j in range(m)] for i in range(m)])
    middle = ((Fraction(0), Fraction(1), Fraction(0)),)
    forward = Form(
        AT=tuple((*left, *right) for left, right in zip(one, AT, strict=True)),
        G=(*middle, *_between(G, 3)),
        BT=(*_between(one, 2 * m + 1, first=1), *_between(BT, 2 * m + 1)),
        A=(*one, *transposed(plain_AT)),
        GT=transposed((*middle, *_between(plain_G, 3))),
        step=2 * m,
        shared=m,
    )
    none = (Fraction(0),)

    def apart(of_outer: Matrix) -> Matrix:
        """Return the matrix whose rows are in turn those of the middle tap and of the outer two."""
        rows = [((*one[i], *none * n), (*none * m, *of_outer[i])) for i in range(m)]
        return tuple(row for pair in rows for row in pair)

    backward = replace(
        forward,
        AT=apart(AT),
        A=transposed(apart(plain_AT)),
        BT=(*((*row, *none) for row in one), *BT),
        step=m,
    )
    return forward, backward


def _between(matrix: Matrix, width: int, first: int = 0) -> Matrix:
    """Return the matrix with columns of zeros between its own, which begin at `first`."""
    found = [[Fraction(0)] * width for _ in matrix]
    for row, entries in zip(found, matrix, strict=True):
        row[first : first + 2 * len(entries) : 2] = entries
    return _frozen(found)


FORMS = dict(zip(("plain", "strided", "fractional"), (_plain(), *_strided()), strict=True))
"""By the stride of the convolution: 1, 2, or one half, which is the gradient of the input of stride 2."""
W = len(FORMS["plain"].G)
"""Numbers that the weights become, in every form."""


def product(code: Code, matrix: Matrix, x: Sequence[Vector]) -> list[Vector]:
    """Return matrix @ x, x a column of vectors, with few operations.

    Rows of the points a and -a differ only in the sign of every second entry: their even and odd parts are computed
    once, added for the one and subtracted for the other. Transposed, the sum and the difference of two entries serve
    every row.
    """
    if any(len(group) == 2 for group in row_groups(matrix)):
        return [row for group in row_groups(matrix) for row in product_rows(code, matrix, group, x)]
    found = list(x)
    columns = [list(column) for column in transposed(matrix)]
    for pair in row_groups(transposed(matrix)):
        if len(pair) == 2:
            i, j = pair
            found[i], found[j] = x[i] + x[j], x[i] - x[j]
            even, odd = columns[i][:], columns[i][:]
            even[1::2] = [Fraction(0)] * len(even[1::2])
            odd[0::2] = [Fraction(0)] * len(odd[0::2])
            columns[i], columns[j] = even, odd
    return [_combination(code, row, found) for row in transposed(_frozen(columns))]


def _alternate(row: Sequence[Fraction], other: Sequence[Fraction]) -> bool:
    """Return whether every second entry differs in sign alone, the rest not at all, and neither are all zero."""
    signs = {(k % 2, a == b, a == -b) for k, (a, b) in enumerate(zip(row, other, strict=True)) if a or b}
    return signs in ({(0, True, False), (1, False, True)}, {(0, False, True), (1, True, False)})


@functools.cache
def row_groups(matrix: Matrix) -> list[tuple[int, ...]]:
    """Return the numbers of the rows that are computed together: alone, or two of points a and -a."""
    groups: list[tuple[int, ...]] = []
    for i, row in enumerate(matrix):
        before = groups[-1] if groups else ()
        if len(before) == 1 and _alternate(matrix[before[0]], row):
            groups[-1] = (*before, i)
        else:
            groups.append((i,))
    return groups


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


def product_2d(
    code: Code, matrix: Matrix, x: Sequence[Sequence[Vector]], other: Matrix | None = None
) -> list[list[Vector]]:
    """Return matrix @ x @ other^T, other the same matrix unless given."""
    columns = [product(code, matrix, column) for column in zip(*x, strict=True)]
    return [product(code, other or matrix, row) for row in zip(*columns, strict=True)]


@functools.cache
def parts(matrix: Matrix) -> list[tuple[Matrix, list[int], list[int]]]:
    """Return the parts into which a matrix falls: of each the matrix, and the rows and columns that it has there.

    Rows of one part have zeros in the columns of all others.
    """
    found: list[tuple[list[int], set[int]]] = []
    for i, row in enumerate(matrix):
        rows, columns = [i], {j for j, entry in enumerate(row) if entry}
        for part in [part for part in found if part[1] & columns]:
            found.remove(part)
            rows, columns = [*part[0], *rows], part[1] | columns
        found.append((rows, columns))
    return [
        (tuple(tuple(matrix[i][j] for j in sorted(columns)) for i in rows), rows, sorted(columns))
        for rows, columns in found
    ]
