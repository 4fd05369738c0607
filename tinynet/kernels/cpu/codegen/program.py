"""Kernels by their parameters: written and compiled at the first use, then called with arrays and numbers.

A call of a kernel is a `step`. What an operation does for certain sizes is a `Plan`: the steps with all their numbers,
found once (`planned`) and run again and again with other arrays, for to find them takes Python longer than the rest.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet import run_ahead
from tinynet.kernels.cpu.codegen import chains, compiler
from tinynet.kernels.cpu.codegen.addresses import address
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.team import Records, Step, team
from tinynet.threads import get_num_threads

COPIES = 640 << 10
"""Bytes that all copies of a sum may take, if there are to be more of them than threads: all are filled and added."""
PLANS = 1024
"""Plans of each operation that are kept, of those used last."""
SHARE = 65536
"""Numbers that a thread goes over in 10 to 20 us: for less it is not worth waking another, whose core may be busy."""


def template(write: Callable[..., None]) -> Callable[..., int]:
    """Make of a function write(code, *parameters) one that returns the address of the kernel with these parameters.

    Parameters are whole numbers, bools and strings, and belong to the kernel's name: few values each, no image sizes.
    """

    @functools.cache
    def compiled(*parameters: int | bool | str) -> int:
        name = "_".join(
            [write.__module__.rpartition(".")[2], write.__name__.strip("_"), *map(str, parameters)]
        )

        def text() -> str:
            code = Code(name, compiler.lanes())
            write(code, *parameters)
            return code.finish()

        return compiler.function(name, text)[0]

    return functools.wraps(write)(compiled)


@template
def add_copies(code: Code) -> None:
    """Add to the first of `copies` arrays of `size` numbers, a multiple of L, the others."""
    (sums,) = code.pointers(1)
    copies, size = code.integers(2)
    begin, end = code.share(size // code.lanes)
    for i in code.range(begin, end):
        place = sums + i * code.lanes
        total = code.variable(place.load())
        for copy in code.range(1, copies):
            total.set(total.get() + (place + copy * size).load())
        place.store(total.get())


@template
def clear(code: Code) -> None:
    """Set an array of `size` numbers, a multiple of L, to zero."""
    (array,) = code.pointers(1)
    (size,) = code.integers(1)
    begin, end = code.share(size // code.lanes)
    for i in code.range(begin, end):
        (array + i * code.lanes).store(code.zero)


def step(kernel: int, *arguments: Any, parts: int = 0, alive: Any = None) -> Step:
    """Return a call of a kernel: arrays are given by their address, numbers as 64-bit words.

    Arrays must be contiguous in the order the kernel expects, and are not checked here. They live as long as the call.

    Args:    parts: into how many parts it is cut; 0 for the team's choice; alive: what else has to live as long
    """
    numbers = _numbers(arguments)
    words = (ctypes.c_int64 * len(numbers))(*numbers)
    words.alive = arguments, alive  # type: ignore[attr-defined]
    return kernel, words, parts


def _numbers(arguments: Iterable[Any]) -> list[int]:
    return [a if type(a) is int else address(a) if isinstance(a, np.ndarray) else int(a) for a in arguments]


@dataclass(frozen=True)
class Given:
    """An array in the steps of a plan that is known when the plan is run: its number."""

    index: int


class Plan:
    """The steps of an operation for certain sizes; call it with the arrays.

    Args:    threads: among which each step is shared
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._given = 0
        self._memory: tuple[tuple[str, int], ...] = ()
        self._constants: tuple[np.ndarray, ...] = ()
        self._steps: list[tuple[int, list[int], list[tuple[int, int]], int]] = []
        """Of each step the kernel, its arguments, which of these are addresses of what, and its parts."""
        self._roles: list[tuple[int, dict[str, Any]]] = []
        """What each step is to a chain, and of a LINK the rest of its `Piece`."""
        self._records: Records | None = None
        self._pieces: list[chains.Piece] = []
        """The same in pieces of one role, if there is another than ALONE."""

    def arrays(self, count: int) -> list[Given]:
        """Return what stands for the arrays that the plan is called with: ask for these first."""
        assert not self._memory
        self._given = count
        return [Given(index) for index in range(count)]

    def scratch(self, use: str, floats: int) -> Given:
        """Return what stands for so many numbers of `scratch`."""
        self._memory += ((use, floats),)
        return Given(self._given + len(self._memory) - 1)

    def step(
        self, kernel: int, *arguments: Any, parts: int = 0, role: int = chains.ALONE, uses: str = ""
    ) -> None:
        """Add a step; arguments as those of `program.step`, where arrays are constants, or what stands for arrays.

        Args:    role: what it is to a chain (chains.py), unless a LINK; uses: of a BEFORE the scratch memory it writes
        """
        self._roles.append((role, {"uses": uses}))
        self._add(kernel, arguments, parts)

    def link(
        self,
        kernel: int,
        *arguments: Any,
        parts: int,
        reads: Sequence[Given],
        writes: Given | None = None,
        uses: str = "",
    ) -> None:
        """Add a step that may be part of a chain (chains.py); with parts 0 one that may not.

        Args:    uses: the scratch memory in which it needs what a BEFORE has written
        """
        if not parts:
            self.step(kernel, *arguments)
            return
        places = tuple([array.index for array in reads])
        end = -1 if writes is None else writes.index
        self._roles.append((chains.LINK, {"parts": parts, "reads": places, "writes": end, "uses": uses}))
        self._add(kernel, arguments, parts)

    def _add(self, kernel: int, arguments: tuple[Any, ...], parts: int) -> None:
        holes = [(place, a.index) for place, a in enumerate(arguments) if isinstance(a, Given)]
        self._constants += tuple(a for a in arguments if isinstance(a, np.ndarray))
        numbers = _numbers(0 if isinstance(a, Given) else a for a in arguments)
        self._steps.append((kernel, numbers, holes, parts))

    def __call__(self, *arrays: np.ndarray) -> None:
        """Run the steps with these arrays, contiguous in the order the kernels expect, which is not checked."""
        records = self._records
        if records is None:
            records = self._records = Records(self.threads, self._steps)
            self._pieces = self._cut()
        memory = scratch.together(self._memory) if self._memory else ()
        given = arrays + memory + self._constants
        left = AHEAD if run_ahead.starts() else 0
        if left and self._pieces:
            team().chain(self._pieces, given, left)
        else:
            team().call(records, given, left)

    def _cut(self) -> list[chains.Piece]:
        """Return the steps in pieces of one role; nothing if all are ALONE."""
        found: list[chains.Piece] = []
        if all(role == chains.ALONE for role, _ in self._roles):
            return found
        first = 0
        for i, (role, more) in enumerate(self._roles):
            following = self._roles[i + 1][0] if i + 1 < len(self._roles) else None
            if role == chains.LINK or role != following:
                found.append(chains.Piece(Records(self.threads, self._steps[first : i + 1]), role, **more))
                first = i + 1
        return found


_plans: list[Any] = []


def planned(write: Callable[..., None]) -> Callable[..., Plan]:
    """Make of write(plan, *sizes), which adds the steps, a function of sizes that returns the plan for all threads."""

    @functools.lru_cache(PLANS)
    def made(threads: int, *sizes: Any) -> Plan:
        plan = Plan(threads)
        write(plan, *sizes)
        return plan

    _plans.append(made)
    return functools.wraps(write)(lambda *sizes: made(get_num_threads(), *sizes))


def forget_plans() -> None:
    """Let all plans be made anew: for what changes the limits that they were made by."""
    for made in _plans:
        made.cache_clear()


AHEAD = 64
"""Kernels that may wait in the queue while Python prepares the next: some calls, whose memory is held meanwhile."""


def run(*steps: Step, threads: int | None = None) -> None:
    """Run steps one after the other, each shared among the threads; in a backward pass perhaps later (run_ahead.py)."""
    left = AHEAD if run_ahead.starts() else 0
    team().run(steps, get_num_threads() if threads is None else threads, left)


def finish() -> None:
    """Return when all kernels have finished."""
    team().run((), 1)


run_ahead.when_waiting(finish)


def copies(floats: int) -> int:
    """Return into how many parts to cut a kernel of which each part sums up so many numbers in memory of its own."""
    threads = get_num_threads()
    return 1 if threads == 1 else threads if 4 * floats > COPIES // (2 * threads) else 2 * threads


def worth(floats: int) -> int:
    """Return how many threads to share a pass over so many numbers among: SHARE each at least."""
    return max(1, min(get_num_threads(), floats // SHARE))


@functools.cache
def lanes() -> int:
    """Return how many float32 numbers a vector holds."""
    return compiler.lanes()


def whole(size: int, unit: int) -> int:
    """Return size rounded up to a multiple of unit."""
    return -(-size // unit) * unit


def aligned(*shape: int) -> np.ndarray:
    """Return zeros of float32 that begin on a cache line."""
    count = int(np.prod(shape))
    memory = np.zeros(4 * count + 64, np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + 4 * count].view(np.float32).reshape(shape)


class Scratch:
    """Memory that kernels use between steps, kept for the next call: one growing array for each use and Python thread.

    What no call has used from one full garbage collection to the next is given up, as in the pool.
    """

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, int], np.ndarray] = {}
        self._together: dict[tuple[tuple[tuple[str, int], ...], int], tuple[np.ndarray, ...]] = {}
        """What `together` found since an array last grew or was given up."""
        self._used: set[tuple[str, int]] = set()
        gc.callbacks.append(self._after_collection)

    def __call__(self, use: str, floats: int) -> np.ndarray:
        """Return at least so many float32 numbers on a cache line; what they hold is left from before."""
        key = use, threading.get_ident()
        array = self._arrays.get(key)
        if array is None or array.size < floats:
            self._together.clear()
            array = self._arrays[key] = aligned(floats)
        self._used.add(key)
        return array

    def together(self, needs: tuple[tuple[str, int], ...]) -> tuple[np.ndarray, ...]:
        """Return arrays for several uses, each with at least so many numbers: one look-up for what a plan needs."""
        key = needs, threading.get_ident()
        found = self._together.get(key)
        if found is None:
            arrays = tuple([self(use, floats) for use, floats in needs])
            found = self._together[key] = arrays
        return found

    def _after_collection(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "stop" and info["generation"] == 2:
            used, self._used = self._used, set()
            self._together.clear()  # who needs them asks for each again, and so shows that it is used
            for key in self._arrays.keys() - used:
                self._arrays.pop(key, None)


scratch = Scratch()
