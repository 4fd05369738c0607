"""Chains: kernels that follow one another part by part, so that what one writes is in the cache when the next reads it.

In training three kernels meet at each array between two layers: batch normalisation writes it, the convolution reads it
and writes the next, whose statistics are taken. One after the other, each goes over the whole batch, 8 MB an array in
ResNet-20's first stage, and finds nothing of what the kernel before has written in its 1 or 2 MB of L2. But a part of
them, a few images, depends on the same images alone. So whoever takes a part runs it through the whole chain:
    forward   scale and shift (ReLU, shortcut) -> convolution -> statistics
    backward  gradient of batch normalisation -> gradient of the convolution's input -> sums for the one before
              (where channels are few, that kernel computes the gradient of the weights too)
Results have the same bits: which numbers a part computes does not change.

A plan says of each step what it is to a chain (`Plan.step`, `Plan.link`):
    LINK    may be one of its kernels. In a cut into `parts`, its part p reads of the array `reads`, and of whatever
            else a kernel in the chain may write, only what lies between p/parts and (p + 1)/parts of the array, and
            writes the same share of `writes`; of all other arrays it may read anything
    BEFORE  looks at parameters alone, and writes scratch memory of one use, such as the transform of a convolution's
            weights, "U": it may be moved before a chain of which nothing uses that memory so far
    AFTER   nothing that joins a chain depends on it, or changes what it reads, such as the gradient of the weights: it
            may wait for the end of the chain
    ALONE   anything else. It ends the chain
A LINK joins if it reads just the memory that the last one writes, in equally many parts, and was planned for as many
threads; else it begins a new chain. Threads are at different kernels of a chain at a time, so memory of a thread's own
is cut alike for all kernels that use it: those that may meet in a chain use different ones. A chain that may still grow
is not in the queue yet: it waits until the next kernel that is none of it, until LONGEST kernels wait, or until
somebody waits for results. So chains exist only where kernels are left running (run_ahead.py).

Measured on two cores of a Xeon, 2.9 GHz, batch 128: a layer's kernels forward take 0.81 of the time with 16 channels at
32x32, 0.83 with 32 at 16x16, 0.89 with 64 at 8x8, and backward 0.94.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinynet.kernels.cpu.codegen.addresses import address

if TYPE_CHECKING:
    from tinynet.kernels.cpu.codegen.team import Records

ALONE, LINK, BEFORE, AFTER = range(4)

LEAST = 1 << 20
"""Bytes of an array from which chains are made: smaller ones stay in L2 from kernel to kernel."""
SHARE = 512 << 10
"""Bytes of an array in a part, at most: two or three of them and a convolution's own memory lie in L2 together."""
FEWEST = 16
"""Parts that a chain is cut into at least, or 8 for each thread."""
MOST = 1024
LONGEST = 128
"""Kernels that may wait: the queue has room for them, and they hold their arrays."""


def parts(floats: int, threads: int) -> int:
    """Return into how many parts the kernels of a chain over arrays of so many numbers are cut; 0: no chain."""
    if 4 * floats < LEAST:
        return 0
    found = FEWEST
    while found < 8 * threads or 4 * floats > found * SHARE:
        found *= 2
    return found if found <= MOST else 0


def parts_of_images(images: int, floats: int, threads: int) -> int:
    """Return the same for kernels over so many images of so many numbers each, in parts of whole images."""
    found = parts(images * floats, threads)
    return 0 if found and images % found else found


@dataclass(eq=False, slots=True)
class Piece:
    """Steps of a plan that have one role; of a LINK, which of the plan's arrays it reads and writes (-1: none)."""

    records: Records
    role: int = ALONE
    parts: int = 0
    reads: tuple[int, ...] = ()
    writes: int = -1
    uses: str = ""
    """The scratch memory that a BEFORE writes, or from which a LINK reads what one has written."""


Arrays = tuple[np.ndarray, ...]
Call = tuple["Records", Arrays, bool]
"""Kernels, their arrays, and whether the first is the next in the chain of those before."""


class Chain:
    """The chain that may still grow, and what waits with it.

    An interrupt (Ctrl-C) may come between any two steps of Python: what waits for earlier calls must not get lost, nor
    run twice.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Let nothing wait any more."""
        self.waits = False  # first: an interrupt leaves the rest to `begin`
        self._ending: list[tuple[int, Call]] = []
        self._kernels = 0
        self._before: list[Call] = []
        self._links: list[Call] = []
        self._after: list[Call] = []
        self._end: np.ndarray | None = None
        """What the last kernel writes."""
        self._cut = (0, 0)
        """Parts and threads."""
        self._used: set[str] = set()
        """The scratch memory that BEFORE kernels write or have written for this chain."""

    def take(self, piece: Piece, arrays: Arrays) -> bool:
        """Find a place for a call; return False if there is none, and what waits has to go first."""
        if not self.waits or self._ending or self._kernels >= LONGEST:
            return False
        if piece.role == LINK:
            if (piece.parts, piece.records.threads) != self._cut or not self._is_read(piece, arrays):
                return False
            self._add(piece, arrays)
        elif piece.role == BEFORE and piece.uses not in self._used:
            self._used.add(piece.uses)
            self._before.append((piece.records, arrays, False))
        elif piece.role == AFTER:
            self._after.append((piece.records, arrays, False))
        else:
            return False
        self._kernels += piece.records.count
        return True

    def _is_read(self, piece: Piece, arrays: Arrays) -> bool:
        """Return whether a LINK reads just the memory that the last one writes."""
        end = self._end
        if end is not None:
            for index in piece.reads:
                array = arrays[index]
                if end.nbytes == array.nbytes and address(end) == address(array):
                    return True
        return False

    def begin(self, piece: Piece, arrays: Arrays) -> bool:
        """Begin a chain with a call; return False if it cannot be the first of one."""
        if piece.role != LINK or piece.writes < 0:
            return False
        self.forget()
        self._cut = piece.parts, piece.records.threads
        self._add(piece, arrays)
        self.waits = True
        return True

    def _add(self, piece: Piece, arrays: Arrays) -> None:
        self._used.add(piece.uses)
        self._links.append((piece.records, arrays, bool(self._links)))
        self._end = arrays[piece.writes] if piece.writes >= 0 else None

    def release(self, number: int) -> Sequence[tuple[int, Call]]:
        """Return all that waits, in the order in which it is to run, each with the number of its first kernel.

        Nothing joins from now on, and until `forget` the answer is the same.

        Args:    number: that the next kernel in the queue has
        """
        if not self._ending:
            numbered = []
            for call in self._before + self._links + self._after:
                numbered.append((number, call))
                number += call[0].count
            self._ending = numbered
        return self._ending
