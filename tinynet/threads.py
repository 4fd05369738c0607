"""CPU threads: how many, and work shared among them.

BLAS has threads of its own, and two pools that want the same cores slow each other down many times over. So kernels
that divide their work among threads hold BLAS to one thread while they run.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

R = TypeVar("R")

_count: int | None = None  # None until it is set or needed


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """Return the number of CPU threads that operations use; all available cores unless set."""
    return available_cores() if _count is None else _count


def set_num_threads(count: int) -> None:
    """Set the number of CPU threads, of the kernels here and of NumPy's BLAS.

    Raises:  TypeError: not a whole number; RuntimeError: below 1
    """
    global _count
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {count}")
    _count = count
    _pools().select(user_api="blas").limit(limits=count)


def in_parallel(work: Callable[[slice], R], items: int) -> list[R]:
    """Cut range(items) into one slice a thread, call `work` on each at the same time, and return the results in order.

    The slices depend on the number of threads alone, so equal counts give equal sums bit for bit.
    """
    count = max(1, min(get_num_threads(), items))
    parts = [slice(items * i // count, items * (i + 1) // count) for i in range(count)]
    if count == 1:
        return [work(parts[0])]
    with _pools().limit(limits=1, user_api="blas"):
        return list(_executor(count).map(work, parts))


@functools.cache
def _pools() -> Any:
    """Find NumPy's BLAS; looked for once, because it costs milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@functools.cache
def _executor(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="tinynet-kernel")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_executor.cache_clear)  # threads do not survive a fork
