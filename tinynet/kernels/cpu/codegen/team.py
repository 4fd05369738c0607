"""A team of threads that runs compiled kernels: thread 0 is the caller, the others wait for work in machine code.

A call through Python's own thread pool takes about 100 us, as long as a small kernel runs. Here the caller writes
kernels into a queue, raises a counter, takes part, and waits until all have finished: about 2 us. Every kernel is cut
into parts, more than there are threads; whoever is free takes the next, so that a core which others use as well, or a
caller who comes late, holds up nobody. Half of the threads take parts from the start, half from the end: two cores then
work in the same halves of the arrays from kernel to kernel, which lie in their L2 caches (kernels over 1 MB take 0.6
of the time, whole training steps of ResNet-20 and the 6-block network 0.97 to 0.99: two cores of a Xeon, 2.9 GHz). What
a part computes depends on its number alone, not on the thread that takes it. Nobody starts the next kernel before all
parts of the last have finished.

The caller may also leave before the queue is empty (`run` with `left`), prepare what comes next while the others work,
and help later. Threads without work look at the counter for a while (SPINS) and then sleep on a POSIX condition; the
caller wakes them if there are any sleepers. Where there are no POSIX threads (Windows) parts run in Python's threads.

"""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.kernels.cpu.codegen import compiler
from tinynet.kernels.cpu.codegen.addresses import OWNERS, address
from tinynet.kernels.cpu.codegen.chains import Chain, Piece
from tinynet.kernels.cpu.codegen.team_code import (
    CLAIM,
    CONDITION,
    ENTRY,
    HEADER,
    HOLD,
    JOIN,
    LEFT,
    LENGTH,
    MOST_ARGUMENTS,
    MUTEX,
    NUMBER,
    POSIX,
    QUEUE,
    ROOM,
    WORDS,
    WRITTEN,
    write_team,
)
from tinynet.threads import hold_blas, in_parallel

AT_ONCE = 256
"""Kernels written into the queue at a time."""
PARTS = 4
"""Parts for each thread that a kernel is cut into."""
MOST_THREADS = 1000
KERNEL_IN_PYTHON = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)

Step = tuple[int, Any, int]
"""The address of a kernel, its arguments as a ctypes array of 64-bit words, and its parts; 0: PARTS for each thread."""


def default_parts(threads: int) -> int:
    """Return into how many parts a kernel is cut for so many threads."""
    return 1 if threads == 1 else PARTS * threads


class Records:
    """Kernels that are called with other arrays again and again, each as a record (team_code.py).

    Args:    threads: among which each kernel is shared
             steps: of each kernel its address, its arguments, where of these the addresses of arrays belong with the
             numbers of these arrays, and its parts; 0: PARTS for each thread
    Raises:  ValueError: a kernel has more than MOST_ARGUMENTS
    """

    def __init__(
        self, threads: int, steps: Sequence[tuple[int, Sequence[int], Sequence[tuple[int, int]], int]]
    ) -> None:
        self.threads, self.count, self._steps = threads, len(steps), steps
        words: list[int] = []
        pieces = []
        for i, (kernel, arguments, holes, parts) in enumerate(steps):
            if len(arguments) > MOST_ARGUMENTS:
                raise ValueError(
                    f"a kernel of {len(arguments)} arguments: a record has room for {MOST_ARGUMENTS}"
                )
            if i % AT_ONCE == 0:
                pieces.append((8 * len(words), min(AT_ONCE, len(steps) - i)))
                words.append(pieces[-1][1])
            words += kernel, parts or default_parts(threads), threads, len(arguments), *arguments
            words += len(holes), *itertools.chain(*holes)
        self._words = (ctypes.c_int64 * len(words))(*words)
        start = ctypes.addressof(self._words)
        self.pieces = [(start + offset, count) for offset, count in pieces]
        """Of each piece that the queue takes at a time where it is, and how many records it has."""

    def steps(self, arrays: tuple[np.ndarray, ...]) -> list[Step]:
        """Return the kernels with the arguments that they have with these arrays."""
        found = []
        for kernel, arguments, holes, parts in self._steps:
            words = (ctypes.c_int64 * len(arguments))(*arguments)
            for place, index in holes:
                words[place] = address(arrays[index])
            found.append((kernel, words, parts))
        return found


class Team:
    """The threads of one process: they start when first needed, and end with it."""

    def __init__(self) -> None:
        memory = (ctypes.c_int64 * (WORDS + 8))()
        address = ctypes.addressof(memory)
        self._memory, self._state = memory, address + -address % 64
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ended = False
        libc = _libc()
        self.has_threads = libc is not None
        if libc is None:
            return
        libc.pthread_mutex_init(ctypes.c_void_p(self._state + 8 * MUTEX), None)
        libc.pthread_cond_init(ctypes.c_void_p(self._state + 8 * CONDITION), None)
        self._queue = (ctypes.c_int64 * (ENTRY * LENGTH + 8))()
        start = ctypes.addressof(self._queue)
        self._word(QUEUE).value = start + -start % 64
        self._room = (ctypes.c_int64 * (MOST_ARGUMENTS * LENGTH))()
        self._word(ROOM).value = ctypes.addressof(self._room)
        self._claim, self._written = self._word(CLAIM), self._word(WRITTEN)
        self._left, self._last_left = self._word(LEFT), 0
        self._word(HEADER).value = OWNERS(())[1]
        self._chain = Chain()
        self._kept: deque[tuple[int, Any]] = deque()
        """What kernels that may not have finished read and write, and how many had been written with these."""
        run, engine = compiler.function("team_run", write_team)
        word, call, worker, stop = (
            ctypes.c_int64,
            *(engine.get_function_address(f"team_{name}") for name in ("call", "worker", "stop")),
        )
        self._run = ctypes.CFUNCTYPE(None, word, ctypes.c_void_p, word, word)(run)
        self._call = ctypes.CFUNCTYPE(None, word, word, word)(call)
        self._worker = ctypes.CFUNCTYPE(None, word, word)(worker)
        self._stop = ctypes.CFUNCTYPE(None, word)(stop)

    def _word(self, index: int) -> ctypes.c_int64:
        return ctypes.c_int64.from_address(self._state + 8 * index)

    def run(self, steps: Sequence[Step], threads: int, left: int = 0) -> None:
        """Run kernels one after the other, in up to that many threads at once; return when all have finished.

        Args:    left: return at once if no more than so many kernels, of this call and earlier ones, have not finished,
                       else when an eighth of so many have not; what they read and write is kept alive; the queue holds
                       LENGTH - AT_ONCE at most
        Raises:  RuntimeError: the system does not start that many threads; nothing has run
        """
        if not self.has_threads or self._ended:
            self._run_in_python(steps, threads)
            return
        left = min(left, LENGTH - AT_ONCE)
        with self._lock:
            self._start(threads)
            if self._chain.waits:
                self._end_chain(left)
            for first in range(0, len(steps), AT_ONCE):
                self._publish(steps[first : first + AT_ONCE], threads, left)
            if not steps:
                self._publish(steps, threads, left)

    def _publish(self, steps: Sequence[Step], threads: int, left: int) -> None:
        """Write kernels into the queue, which has room for them, and take part as long as `left` says."""
        words: list[int] = []
        for kernel, arguments, parts in steps:
            words += kernel, ctypes.addressof(arguments), parts or default_parts(threads), threads
        if left:
            self._keep(len(steps), steps)
        self._run(self._state, (ctypes.c_int64 * len(words))(*words), len(steps), left)
        if not left:
            self._kept.clear()

    def call(self, records: Records, arrays: tuple[np.ndarray, ...], left: int = 0) -> None:
        """Run the kernels of records with these arrays; `left` and errors as of `run`."""
        if not self.has_threads or self._ended:
            self._run_in_python(records.steps(arrays), records.threads)
            return
        if left > LENGTH - AT_ONCE:
            left = LENGTH - AT_ONCE
        with self._lock:
            if len(self._threads) < records.threads - 1:
                self._start(records.threads)
            if self._chain.waits:
                self._end_chain(left)
            self._write(records, arrays, left)
            if not left:
                self._kept.clear()

    def chain(self, pieces: Sequence[Piece], arrays: tuple[np.ndarray, ...], left: int) -> None:
        """Do as `call` with records in pieces, which may wait for others to make a chain; left > 0."""
        if not self.has_threads or self._ended:
            for piece in pieces:
                self.call(piece.records, arrays, left)
            return
        left = min(left, LENGTH - AT_ONCE)
        with self._lock:
            self._start(pieces[0].records.threads)
            for piece in pieces:
                if self._chain.take(piece, arrays):
                    continue
                if self._chain.waits:
                    self._end_chain(left)
                if not self._chain.begin(piece, arrays):
                    self._write(piece.records, arrays, left)

    def _end_chain(self, left: int) -> None:
        """Write what waits for a chain to grow into the queue, but for what was written before an interrupt."""
        calls = self._chain.release(self._written.value)
        last = calls[-1][0]
        for number, (records, arrays, joins) in calls:
            if self._written.value == number:
                self._write(records, arrays, left, HOLD * (number != last) + JOIN * joins)
        self._chain.forget()

    def _write(self, records: Records, arrays: tuple[np.ndarray, ...], left: int, mode: int = 0) -> None:
        """Write the kernels of records into the queue, which has room for them, and take part as `left` says."""
        owners, _, _alive = OWNERS(arrays)
        if left != self._last_left:
            self._left.value = self._last_left = left
        for start, count in records.pieces:
            if left:
                self._keep(count, arrays)
            self._call(self._state, start + mode, owners)

    def _keep(self, count: int, used: Any) -> None:
        """Keep alive what the next kernels use, and let go what those that have finished did."""
        done = self._claim.value >> NUMBER
        while self._kept and self._kept[0][0] <= done:
            self._kept.popleft()
        self._kept.append((self._written.value + count, used))

    def _run_in_python(self, steps: Sequence[Step], threads: int) -> None:
        """Run the parts of each kernel without a team: in Python's threads, or in turn when the process ends."""
        for kernel, arguments, parts in steps:
            function, count = KERNEL_IN_PYTHON(kernel), parts or default_parts(threads)

            def work(
                some: slice, function: Any = function, arguments: Any = arguments, count: int = count
            ) -> None:
                for thread in range(some.start, some.stop):
                    for part in range(thread, count, threads):
                        function(thread, part, count, ctypes.addressof(arguments))

            if self._ended:
                work(slice(0, threads))
            else:
                in_parallel(work, threads)

    def _start(self, threads: int) -> None:
        """Start the threads that are missing.

        An interrupt may come when one runs and is not yet counted: one too many does no harm.
        """
        if threads > MOST_THREADS:
            raise RuntimeError(f"cannot run kernels in {threads} threads: at most {MOST_THREADS}")
        while len(self._threads) < threads - 1:
            thread = threading.Thread(target=self._serve, name="tinynet-kernel", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self) -> None:
        self._worker(self._state, next(self._numbers))

    def stop(self) -> None:
        """End the threads: before the memory of their machine code goes. What runs later does so without them."""
        with self._lock:
            if self.has_threads and self._chain.waits:
                self._end_chain(0)
            self._ended = True
            if self._threads:
                self._run(self._state, None, 0, 0)
                self._stop(self._state)
                for thread in self._threads:
                    thread.join()
                self._threads.clear()


def _libc() -> Any:
    """Return the process's C library if it has POSIX threads, else None."""
    try:
        libc = ctypes.CDLL(None)
        for name in (*POSIX, "pthread_mutex_init", "pthread_cond_init"):
            getattr(libc, name)
    except (TypeError, OSError, AttributeError):
        return None
    return libc


@functools.cache
def team() -> Team:
    """Return the team of this process; from now on BLAS has one thread (tinynet/threads.py says why)."""
    hold_blas()
    made = Team()
    atexit.register(made.stop)
    return made


def _forget_after_fork() -> None:
    """Threads do not survive a fork: the child makes a team of its own."""
    if team.cache_info().currsize:
        atexit.unregister(team().stop)
        team.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
