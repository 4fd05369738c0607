"""What this machine can do at most: multiply-adds a second from registers, and bytes a second from L3 and from DRAM.

Each is measured by a generated kernel of a few lines, on as many threads as are asked for; the best of several tries
counts, for a ceiling is wanted.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tinynet.kernels.cpu.codegen import compiler
from tinynet.kernels.cpu.codegen.language import Code, Int
from tinynet.kernels.cpu.codegen.program import aligned, run, step
from tinynet.memory import empty

SUMS = {16: 24, 8: 12, 4: 12}
"""Independent sums by lanes: enough to hide the latency of a multiply-add, few enough for the registers."""
UNROLL = 8
"""Vectors that a pass over memory takes at a time."""
TURNS = 1 << 20
USUAL_L3 = 32 << 20
"""Bytes of L3 where the system does not say."""
TRIES = 40
DRAM = 256 << 20
"""Bytes of an array in DRAM: at least this, and at least four times L3."""


@dataclass(frozen=True)
class Peak:
    """Ceilings of this machine for a number of threads; one multiply-add is 2 FLOP.

    dram, l3: bytes a second of the fastest of reading, writing and both; l3_bytes: size of that cache
    """

    threads: int
    flops: float
    dram: float
    l3: float
    l3_bytes: int

    def bandwidth(self, size: int) -> float:
        """Return the ceiling for arrays of so many bytes: L3's where they fit in there, else DRAM's."""
        return self.l3 if size <= self.l3_bytes else self.dram


def multiply_adds(code: Code) -> None:
    """Take `turns` steps of a = a * half + one in every sum, which all tend to 2."""
    (out,) = code.pointers(1)
    (turns,) = code.integers(1)
    half, one = (out + code.lanes).load(), (out + 2 * code.lanes).load()
    sums = [code.variable(half) for _ in range(SUMS[code.lanes])]
    for _ in code.range(turns):
        for a in sums:
            a.set(code.fma(a.get(), half, one))
    total = code.zero
    for a in sums:
        total = total + a.get()
    (out + (code.part + 3) * code.lanes).store(total)


def read(code: Code) -> None:
    """Add up x."""
    x, _, out = code.pointers(3)
    sums = [code.variable(code.zero) for _ in range(UNROLL)]
    for u, place in _vectors(code):
        sums[u].set(sums[u].get() + (x + place).load())
    total = code.zero
    for a in sums:
        total = total + a.get()
    (out + (code.part + 1) * code.lanes).store(total)


def write(code: Code) -> None:
    """Write the first vector of `out` all over y."""
    _, y, out = code.pointers(3)
    value = out.load()
    for _, place in _vectors(code):
        (y + place).store(value)


def scale(code: Code) -> None:
    """Write x, times the first vector of `out`, to y."""
    x, y, out = code.pointers(3)
    factor = out.load()
    for _, place in _vectors(code):
        (y + place).store((x + place).load() * factor)


def _vectors(code: Code) -> Iterator[tuple[int, Int]]:
    """Loop, as often as the next argument says, over this part's vectors of as many numbers as the one after it.

    UNROLL vectors are written out; of each its number among these and its place. There is a part for
    each thread, which waits for no other between two passes.
    """
    passes, count = code.integers(2)
    unit = UNROLL * code.lanes
    begin, end = code.share(count // unit)
    for _ in code.range(passes):
        for i in code.range(begin * unit, end * unit, unit):
            for u in range(UNROLL):
                yield u, i + u * code.lanes


def _compiled(kernel: Callable[[Code], None]) -> int:
    """Return the address of a kernel; its name holds a digest of this file, for the cache does not know the file."""
    name = f"peak_{kernel.__name__}_{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]}"

    def text() -> str:
        code = Code(name, compiler.lanes())
        kernel(code)
        return code.finish()

    return compiler.function(name, text)[0]


def _best(work: Callable[[], None], tries: int) -> float:
    """Return the least seconds that the work took, after one time that does not count."""
    work()
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def flops(threads: int, *, turns: int = TURNS, tries: int = TRIES) -> float:
    """Measure FLOP a second of multiply-adds whose numbers stay in registers."""
    L = compiler.lanes()
    out = aligned((threads + 3) * L)
    out[L : 2 * L], out[2 * L : 3 * L] = 0.5, 1
    kernel = _compiled(multiply_adds)
    seconds = _best(lambda: run(step(kernel, out, turns, parts=threads), threads=threads), tries)
    assert (out[3 * L :] == 2 * SUMS[L]).all() or turns < 30, "the sums tend to 2"
    return 2 * L * SUMS[L] * turns * threads / seconds


def bandwidth(size: int, threads: int, *, tries: int = TRIES) -> float:
    """Measure bytes a second over `size` bytes of arrays: the fastest of reading, writing and doing both.

    The arrays lie in memory as results of operations do. What is both read and written counts twice.
    """
    found = []
    out = aligned((threads + 1) * compiler.lanes())
    out[: compiler.lanes()] = 1
    for kernel, arrays in ((read, 1), (write, 1), (scale, 2)):
        count = size // 4 // arrays
        x, y = empty(count), empty(count)
        x[:], y[:] = 1, 1
        passes = max(1, DRAM // size)  # so that a try takes milliseconds in every case
        work = step(_compiled(kernel), x, y, out, passes, count, parts=threads)
        seconds = _best(lambda work=work: run(work, threads=threads), tries)
        found.append(4 * count * arrays * passes / seconds)
    return max(found)


def l3_bytes() -> int:
    """Return the size of the L3 cache that the first core uses, as Linux tells it."""
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (folder / "level").read_text().strip() == "3":
            number, unit = re.fullmatch(r"(\d+)([KMG]?)", (folder / "size").read_text().strip()).groups()
            return int(number) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]
    return USUAL_L3


def measure(threads: int, *, turns: int = TURNS, tries: int = TRIES, dram: int = DRAM) -> Peak:
    """Measure all ceilings for a number of threads."""
    size = l3_bytes()
    return Peak(
        threads=threads,
        flops=flops(threads, turns=turns, tries=tries),
        dram=bandwidth(max(dram, min(4 * size, 4 * dram)), threads, tries=tries),
        l3=bandwidth(size // 4, threads, tries=tries),
        l3_bytes=size,
    )
