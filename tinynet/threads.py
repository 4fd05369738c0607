"""CPU threads: how many, and work shared among them.

NumPy's BLAS has threads of its own, which keep a core busy for milliseconds after each product in the hope of
another. Two pools that want the same cores slow each other down many times over. So the first work shared here, and
the first compiled kernel, hold BLAS to one thread, for the rest of the process; products then run in tinynet's threads,
each calling a BLAS of one thread. Where no work is shared (TINYNET_KERNELS=generic) BLAS keeps its threads.
"""

from __future__ import annotations

import contextvars
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")

_count: int | None = None  # None until it is set


@functools.cache
def available_cores() -> int:
    """Return the number of cores that this process may use, or might when this was first asked."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """Return the number of CPU threads that operations use; all available cores unless set."""
    return available_cores() if _count is None else _count


def set_num_threads(count: int) -> None:
    """Set the number of CPU threads, of tinynet's kernels and, until these first share work, of NumPy's BLAS.

    Raises:  TypeError: not a whole number; RuntimeError: below 1
    """
    global _count
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {count}")
    _count = count
    if not hold_blas.cache_info().currsize:
        _limit_blas(count)


def in_parallel(work: Callable[[slice], R], items: int) -> list[R]:
    """Cut range(items) into one slice a thread, call `work` on each at the same time, and return the results in order.

    The slices depend on the number of threads alone, so equal counts give equal sums bit for bit.
    """
    count = max(1, min(get_num_threads(), items))
    parts = [slice(items * i // count, items * (i + 1) // count) for i in range(count)]
    if count == 1:
        return [work(parts[0])]
    hold_blas()
    # NumPy keeps its errstate in the context, which threads do not inherit; one copy each, for a copy runs once.
    contexts = [contextvars.copy_context() for _ in parts]
    return list(_executor(count).map(lambda context, part: context.run(work, part), contexts, parts))


def pieces(part: slice, count: int) -> Iterator[slice]:
    """Cut a slice into slices of `count` items, the last with what is left."""
    for start in range(part.start, part.stop, count):
        yield slice(start, min(start + count, part.stop))


def _limit_blas(count: int) -> None:
    from threadpoolctl import ThreadpoolController

    # NumPy is loaded, so its BLAS is found. The limit stays: it is not used as a context.
    ThreadpoolController().select(user_api="blas").limit(limits=count)


@functools.cache
def hold_blas() -> None:
    """Hold BLAS to one thread; only the first call has anything to do."""
    _limit_blas(1)


@functools.cache
def _executor(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="tinynet-kernel")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_executor.cache_clear)  # threads do not survive a fork
