"""The micro-kernel: a tile of a matrix product that stays in registers.

R rows times V vectors of results are summed up in R*V registers; each step of the inner dimension loads V vectors of B
and multiplies them by R numbers of A, each broadcast to a whole vector. With 32 registers of 16 lanes, R = 8 and V = 2
make 16 multiply-adds of 10 loads: the two multipliers of a core are busy all the time, the two load ports are not.

Measured: 230 to 240 GFLOP/s on one core of Zen 5, some 90 % of its peak of 261 (`python -m benchmarks.roofline`).
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.language import Code, Pointer, Vector


def tile(lanes: int, vectors: int) -> tuple[int, int]:
    """Return (R, V) for results of `vectors` vectors a row, V a divisor of it.

    R*V registers hold results, V hold B, one A: of 32 with AVX-512, of 16 otherwise.
    """
    rows = {2: 8, 3: 8, 1: 16} if lanes == 16 else {2: 6, 3: 4, 1: 10}
    V = next(v for v in rows if vectors % v == 0)
    return rows[V], V


class Tile:
    """R x V registers that start at zero or at what memory holds."""

    def __init__(self, code: Code, R: int, V: int, start: Pointer | None = None) -> None:
        """Take R x V registers; at `start` lie their first values, row by row without gaps."""
        self.code, self.R, self.V = code, R, V
        L = code.lanes

        def first(r: int, v: int) -> Vector:
            return code.zero if start is None else (start + (r * V + v) * L).load()

        self.registers = [[code.variable(first(r, v)) for v in range(V)] for r in range(R)]

    def add_product(self, a: Pointer, row: int, b: Pointer) -> None:
        """Add to register (r, v) the number at a + r * row times the v-th vector at b."""
        vectors = [(b + v * self.code.lanes).load() for v in range(self.V)]
        for r, line in enumerate(self.registers):
            number = (a + r * row).broadcast()
            for v, register in enumerate(line):
                register.set(self.code.fma(number, vectors[v], register.get()))

    def store(self, place: Pointer, row: int | None = None) -> None:
        """Write the registers row by row, `row` floats apart; without gaps, as `start` holds them, if it is None."""
        L = self.code.lanes
        for r, line in enumerate(self.registers):
            for v, register in enumerate(line):
                (place + (r * (row or self.V * L) + v * L)).store(register.get())


def clear_tile(code: Code, sums: Pointer, vectors: int) -> None:
    """Write zeros, as many vectors as a tile has, where it will wait."""
    for i in range(vectors):
        (sums + i * code.lanes).store(code.zero)
