"""Memory that a thread will need soon, asked for while it multiplies."""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.language import Code, Int, Number, Pointer, Variable

LINE = 16
"""Floats in a cache line."""


class Ahead:
    """Regions of memory, asked for a few cache lines at a time.

    Convolutions alternate between copying images and multiplying. Products read what the thread wrote to L2, and leave
    the way to L3 and memory unused; the stages before and after them would wait for each line, and the hardware does
    not foresee where they go on. A core waits for some 48 lines at most: whoever asks for more at once waits as well.
    So `ask` stands inside of the products' loops, every 50 to 100 multiply-adds (whole steps of ResNet-20 and the
    networks of 6 and 9 blocks take 0.94 to 0.97 of what they did with requests in bursts; a Xeon, 2.9 GHz).
    """

    def __init__(self, code: Code, turns: Number) -> None:
        """Spread the lines over so many calls of `ask`."""
        self.code, self.turns = code, code.int(turns).maximum(1)
        self._regions: list[tuple[Variable, Variable, Int, bool]] = []

    def add(self, start: Pointer, floats: Int, *, write: bool = False) -> None:
        """Ask also for so much memory from `start` on, a little more or less of which does not matter."""
        left = floats // LINE
        lines = left // self.turns + 1
        self._regions.append((self.code.variable(start), self.code.variable(left), lines, write))

    def ask(self) -> None:
        """Ask for the next few lines."""
        for place, left, lines, write in self._regions:
            start, count = place.get(), lines.minimum(left.get())
            for i in self.code.range(count):
                (start + i * LINE).prefetch(write=write)
            place.set(start + count * LINE)
            left.set(left.get() - count)


def ask_for(start: Pointer, lines: int) -> Pointer:
    """Ask for a few lines from `start` on; return what comes behind."""
    for i in range(lines):
        (start + i * LINE).prefetch()
    return start + lines * LINE
