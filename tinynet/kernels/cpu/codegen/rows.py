"""Kernels that stream once over rows of channels: batch normalisation, ReLU and sums, fused as they occur.

Arrays are (rows, C), row after row, rows = N*H*W of images that lie channels last. A thread takes blocks of BLOCK
rows; within a block it goes down a panel of P vectors of channels at a time, so that sums and coefficients of the
panel stay in registers and a block, of a few hundred KB at most, in L2. Fused or not, every result is the same bits.
Sums of a block are written down as `sums` [blocks][2][C]; who adds up the blocks does so in float64. That makes them
exact to a few units in the last place, and the same bits for every number of threads. These kernels are bound by
memory: each array is read or written once.

With x the input of the normalisation, the forward pass writes
    y = relu(x * scale + shift  (+ r  or  + r * scale2 + shift2)),
the backward pass, from d = grad_y (or d + e, where two gradients meet),
    g = d where relu passed, sums of g and of g * (x - mean), and then  dx = g * p + x * q + s.
Relu passed where y > 0, or, where nothing was added, where x * scale + shift > 0: then y need not be read.

Measured on two cores of Zen 5: 57 to 93 GB/s forward and 36 to 86 GB/s backward, of 58 in DRAM and 231 in L3.

Source:  Ioffe, Szegedy 2015, arXiv 1502.03167, algorithm 1 and section 3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector, Wide
from tinynet.kernels.cpu.codegen.program import lanes, template

BLOCK = 256
"""Rows of a block: a multiple of every unrolling."""


def panel(channels: int) -> int:
    """Return P for a number of channels: the most vectors, up to 4, that divide a row."""
    return next(P for P in (4, 2, 1) if channels % (P * lanes()) == 0 or P == 1)


class _Panel:
    """A panel of P vectors in the rows of one block."""

    def __init__(self, code: Code, C: Int, column: Int, P: int, tail: bool, first: Int, last: Int) -> None:
        self.code, self.C, self.P, self.first, self.last = code, C, P, first, last
        self.offset = column * (P * code.lanes)
        self.mask = code.first_lanes(C - self.offset) if tail else None

    def channels(self, values: Pointer, number: int = 0) -> list[Vector]:
        """Load the panel of the `number`-th of several arrays (C,) that lie one after the other."""
        start = values + self.C * number + self.offset
        return [(start + p * self.code.lanes).load(self.mask) for p in range(self.P)]

    def rows(self, unroll: int) -> Iterator[list[Int]]:
        """Loop over the rows, `unroll` at a time; yield the places of a row's vectors, as floats from the start."""
        code = self.code
        whole = (self.last - self.first) // unroll * unroll + self.first
        for row in code.range(self.first, whole, unroll):
            yield [(row + u) * self.C + self.offset for u in range(unroll)]
        for row in code.range(whole, self.last):
            yield [row * self.C + self.offset]

    def load(self, x: Pointer, at: Int) -> list[Vector]:
        return [(x + at + p * self.code.lanes).load(self.mask) for p in range(self.P)]

    def store(self, x: Pointer, at: Int, vectors: list[Vector]) -> None:
        for p, vector in enumerate(vectors):
            (x + at + p * self.code.lanes).store(vector, self.mask)


def _panels(code: Code, rows: Int, C: Int, P: int, tail: bool) -> Iterator[tuple[Int, _Panel]]:
    """Loop over this thread's blocks and their panels; yield the number of the block and the panel."""
    width = P * code.lanes
    begin, end = code.share((rows + (BLOCK - 1)) // BLOCK)
    for block in code.range(begin, end):
        first = block * BLOCK
        for column in code.range((C + (width - 1)) // width):
            yield block, _Panel(code, C, column, P, tail, first, (first + BLOCK).minimum(rows))


def _sum_over(
    code: Code,
    part: _Panel,
    block: Int,
    sums: Pointer,
    terms: Callable[[Int], tuple[list[Vector], list[Vector]]],
    also: list[Vector] | None = None,
) -> None:
    """Add up two lists of vectors, terms(place of a row), over the rows of a panel; write them down, and `also`."""
    each = 2 if also is None else 3
    P = part.P
    unroll = 4 // P
    totals = [code.variable(code.zero) for _ in range(2 * P * unroll)]
    for places in part.rows(unroll):
        for u, at in enumerate(places):
            for i, vector in enumerate(v for term in terms(at) for v in term):
                total = totals[u * 2 * P + i]
                total.set(total.get() + vector)
    for which in range(2):
        values = []
        for p in range(P):
            value = totals[which * P + p].get()
            for u in range(1, unroll):
                value = value + totals[u * 2 * P + which * P + p].get()
            values.append(value)
        part.store(sums, (block * each + which) * part.C + part.offset, values)
    if also is not None:
        part.store(sums, (block * each + 2) * part.C + part.offset, also)


def relu(code: Code, x: Vector) -> Vector:
    """Return max(x, 0); NaN stays NaN."""
    return x.where(x.not_at_most(0.0), 0.0)


@template
def statistics(code: Code, P: int, tail: bool) -> None:
    """Sums of x - k and of its square, and k, the block's first row: near the mean, so that little cancels."""
    x, sums = code.pointers(2)
    rows, C = code.integers(2)
    for block, part in _panels(code, rows, C, P, tail):
        first = part.load(x, part.first * C + part.offset)

        def terms(
            at: Int, part: _Panel = part, first: list[Vector] = first
        ) -> tuple[list[Vector], list[Vector]]:
            centred = [v - k for v, k in zip(part.load(x, at), first, strict=True)]
            return centred, [v * v for v in centred]

        _sum_over(code, part, block, sums, terms, also=first)


def _columns(code: Code, C: Int) -> Iterator[tuple[Int, Any]]:
    """Loop over this thread's vectors of channels; yield where each begins, and its mask."""
    L = code.lanes
    begin, end = code.share((C + (L - 1)) // L)
    for column in code.range(begin, end):
        yield column * L, code.first_lanes(C - column * L)


def _total(code: Code, sums: Pointer, blocks: Int, which: int, C: Int, at: Int, mask: Any) -> Wide:
    """Add up the sums of all blocks."""
    total = code.variable(code.zero.wide())
    for block in code.range(blocks):
        total.set(total.get() + (sums + (block * 2 + which) * C + at).load(mask).wide())
    return total.get()


@template
def finish_statistics(code: Code, moves: bool) -> None:
    """From the sums of `statistics`: [mean, biased variance, 1 / sqrt(variance + eps), scale, shift].

    A block of n rows with first row k, sum s and squares q has, around the first row of all, k - d, the sum s + n*d and
    the squares q + 2*d*s + n*d*d.
    scale = weight * invstd, shift = bias - mean * scale: batch normalisation is x * scale + shift. If it moves
    running statistics, these become themselves times keep plus the batch's times take, its variance times `unbiased`
    before. scalars: eps, keep, take, unbiased.
    """
    sums, weight, bias, scalars, found, *running = code.pointers(7 if moves else 5)
    rows, C, blocks = code.integers(3)
    eps, keep, take, unbiased = ((scalars + i).broadcast() for i in range(4))
    count = code.wide(rows)
    for at, mask in _columns(code, C):
        first = (sums + C * 2 + at).load(mask).wide()
        total, square = code.variable(code.zero.wide()), code.variable(code.zero.wide())
        for block in code.range(blocks):
            place = sums + block * 3 * C + at
            s, q, k = ((place + C * i).load(mask).wide() for i in range(3))
            d = k - first
            n = code.wide((rows - block * BLOCK).minimum(BLOCK))
            total.set(total.get() + s + n * d)
            square.set(square.get() + q + d * (s * 2.0 + n * d))
        shift = total.get() / count
        mean = (shift + first).narrow()
        var = (square.get() / count - shift * shift).at_least(0.0).narrow()
        invstd = code.constant(1.0) / (var + eps).square_root()
        scale = (weight + at).load(mask) * invstd
        for i, vector in enumerate((mean, var, invstd, scale, (bias + at).load(mask) - mean * scale)):
            (found + C * i + at).store(vector, mask)
        if moves:
            for place, value in zip(running, (mean, var * unbiased), strict=True):
                (place + at).store((place + at).load(mask) * keep + value * take, mask)


@template
def running_coefficients(code: Code) -> None:
    """scale = weight / sqrt(variance + eps), shift = bias - mean * scale, of running statistics. eps: one number."""
    weight, bias, mean, var, eps, scale, shift = code.pointers(7)
    (C,) = code.integers(1)
    for at, mask in _columns(code, C):
        factor = (weight + at).load(mask) / ((var + at).load(mask) + eps.broadcast()).square_root()
        (scale + at).store(factor, mask)
        (shift + at).store((bias + at).load(mask) - (mean + at).load(mask) * factor, mask)


@template
def finish_backward(code: Code) -> None:
    """From the sums of `backward_sums`: the factors p, q and s, and grad_weight and grad_bias.

    dx = weight * invstd * (g - mean(g) - x_hat * mean(g * x_hat)) = g * p + x * q + s
    """
    sums, weight, mean, invstd, factors, grad_weight, grad_bias = code.pointers(7)
    rows, C, blocks = code.integers(3)
    count = code.wide(rows)
    for at, mask in _columns(code, C):
        deviation = (invstd + at).load(mask).wide()
        total = _total(code, sums, blocks, 0, C, at, mask)
        along = _total(code, sums, blocks, 1, C, at, mask) * deviation
        p = (weight + at).load(mask).wide() * deviation
        q = -(p * deviation * along / count)
        s = -(p * total / count) - q * (mean + at).load(mask).wide()
        for i, value in enumerate((p, q, s)):
            (factors + C * i + at).store(value.narrow(), mask)
        (grad_weight + at).store(along.narrow(), mask)
        (grad_bias + at).store(total.narrow(), mask)


@template
def apply(code: Code, P: int, tail: bool, added: str, with_relu: bool) -> None:
    """y = relu(x * scale + shift + ...); added: "", "plain" (r) or "affine" (r * scale2 + shift2)."""
    x, r, y, scale, shift, scale2, shift2 = code.pointers(7)
    rows, C = code.integers(2)
    for _, part in _panels(code, rows, C, P, tail):
        a, b = part.channels(scale), part.channels(shift)
        if added == "affine":
            a2, b2 = part.channels(scale2), part.channels(shift2)
        for places in part.rows(4 // P):
            for at in places:
                values = [code.fma(v, f, s) for v, f, s in zip(part.load(x, at), a, b, strict=True)]
                if added:
                    others = part.load(r, at)
                    if added == "affine":
                        others = [code.fma(v, f, s) for v, f, s in zip(others, a2, b2, strict=True)]
                    values = [v + w for v, w in zip(values, others, strict=True)]
                part.store(y, at, [relu(code, v) for v in values] if with_relu else values)


class _Gradient:
    """g of a place: d, or d + e, where relu passed."""

    def __init__(self, code: Code, part: _Panel, mask: str, two: bool, arrays: dict[str, Pointer]) -> None:
        self.code, self.part, self.mask, self.two, self.arrays = code, part, mask, two, arrays
        if mask == "affine":
            self.a, self.b = part.channels(arrays["scale"]), part.channels(arrays["shift"])

    def at(self, at: Int, x: list[Vector]) -> list[Vector]:
        part, code = self.part, self.code
        g = part.load(self.arrays["d"], at)
        if self.two:
            g = [v + w for v, w in zip(g, part.load(self.arrays["e"], at), strict=True)]
        if not self.mask:
            return g
        if self.mask == "affine":
            y = [code.fma(v, f, s) for v, f, s in zip(x, self.a, self.b, strict=True)]
        else:
            y = part.load(self.arrays["y"], at)
        return [v.where(w.not_at_most(0.0), 0.0) for v, w in zip(g, y, strict=True)]


@template
def backward_sums(code: Code, P: int, tail: bool, mask: str, two: bool, keep: bool) -> None:
    """Sums of g and of g * (x - mean); with `keep` also write g.

    mask: "" (no relu), "y", or "affine": x * scale + shift; two: g is of d + e
    """
    x, d, e, y, g, scale, shift, means, sums = code.pointers(9)
    rows, C = code.integers(2)
    arrays = {"d": d, "e": e, "y": y, "scale": scale, "shift": shift}
    for block, part in _panels(code, rows, C, P, tail):
        mean = part.channels(means)
        gradient = _Gradient(code, part, mask, two, arrays)

        def terms(
            at: Int, part: _Panel = part, mean: list[Vector] = mean, gradient: _Gradient = gradient
        ) -> tuple[list[Vector], list[Vector]]:
            values = part.load(x, at)
            found = gradient.at(at, values)
            if keep:
                part.store(g, at, found)
            return found, [v * (w - m) for v, w, m in zip(found, values, mean, strict=True)]

        _sum_over(code, part, block, sums, terms)


@template
def backward_apply(code: Code, P: int, tail: bool, mask: str, two: bool) -> None:
    """dx = g * p + x * q + s, of the factors p, q and s."""
    x, d, e, y, dx, scale, shift, factors = code.pointers(8)
    rows, C = code.integers(2)
    arrays = {"d": d, "e": e, "y": y, "scale": scale, "shift": shift}
    for _, part in _panels(code, rows, C, P, tail):
        p, q, s = (part.channels(factors, i) for i in range(3))
        gradient = _Gradient(code, part, mask, two, arrays)
        for places in part.rows(max(1, 2 // P)):
            for at in places:
                values = part.load(x, at)
                g = gradient.at(at, values)
                moved = [code.fma(v, f, c) for v, f, c in zip(values, q, s, strict=True)]
                part.store(dx, at, [code.fma(v, f, w) for v, f, w in zip(g, p, moved, strict=True)])


@template
def channel_sums(code: Code, P: int, tail: bool) -> None:
    """Sums of x, and of nothing."""
    x, sums = code.pointers(2)
    rows, C = code.integers(2)
    for block, part in _panels(code, rows, C, P, tail):
        _sum_over(code, part, block, sums, lambda at, part=part: (part.load(x, at), []))  # type: ignore[misc]


@template
def elementwise(code: Code, kind: str) -> None:
    """Of flat arrays of n numbers: "relu" of a; "sum" of a and b; "masked" a, or "masked_sum" a + b, where y > 0."""
    a, b, y, out = code.pointers(4)
    (n,) = code.integers(1)
    L = code.lanes

    def result(at: Int, mask: Any = None) -> None:
        value = (a + at).load(mask)
        if kind.endswith("sum"):
            value = value + (b + at).load(mask)
        if kind == "relu":
            value = relu(code, value)
        elif kind.startswith("masked"):
            value = value.where((y + at).load(mask).not_at_most(0.0), 0.0)
        (out + at).store(value, mask)

    step = 4 * L
    begin, end = code.share(n // step)
    for i in code.range(begin, end):
        for u in range(4):
            result(i * step + u * L)
    # What is left is less than four vectors; the last part takes it.
    with code.when(code.is_last_part()):
        for at in code.range(n // step * step, n, L):
            result(at, code.first_lanes(n - at))
