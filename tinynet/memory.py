"""Memory for results, used again when the array that held it is gone.

Memory that was never touched before costs a page fault every 4 KiB, more than twice the time of writing it. So arrays
of MINIMUM bytes and more come from here, and are returned when nothing refers to them any more. What has lain
unused from one full garbage collection to the next is given back to the system: twice `gc.collect()` after a model is
gone returns all of it.

An array may die in any thread, and between any two instructions of another: nothing here may wait for a lock. Whoever
takes a waiting block does so in one step, popping it from a deque.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import math
import mmap
from collections import deque
from typing import Any

import numpy as np

from tinynet import run_ahead

MINIMUM = 16 << 10
_PRIVATE: dict[str, Any] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
)


class _Block(np.ndarray):
    """A piece of memory in use; when the last array in it is gone, it goes back to the pool."""

    shown = False
    """Whether an array of it was handed out of the library, where it can change unnoticed."""

    def __del__(self) -> None:
        # A part of a block has the block as its base; when the process ends, this module's names are None.
        base, size = self.base, self.nbytes
        if _free is not None and type(base) is not type(self):
            waiting = _free.get(size)
            if waiting is None:  # setdefault alone would make a deque every time
                waiting = _free.setdefault(size, deque())
            waiting.append((_collections, base))


_free: dict[int, deque[tuple[int, Any]]] = {}
_collections = 0


def empty(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """Return an array whose values are left over from before.

    Raises:  MemoryError: the system has not that much
    """
    size = _block_size(shape, dtype)
    if not size:
        return np.empty(shape, dtype)
    try:
        memory = _free[size].pop()[1]
    except LookupError:  # none of that size waits
        memory = _new(size)
    return np.ndarray(shape, dtype, _Block(size, np.uint8, memory))


def empty_like(x: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return an array of the dtype of x that lies as x does, its axes in the same order of strides, without gaps.

    Args:    shape: of the array, with as many axes as x; default the shape of x
    """
    shape, strides = x.shape if shape is None else shape, x.strides
    if x.flags.c_contiguous:
        return empty(*shape, dtype=x.dtype)
    order, inverse = _order(strides)
    return empty(*[shape[axis] for axis in order], dtype=x.dtype).transpose(inverse)


@functools.lru_cache(4096)
def _order(strides: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the axes from the largest stride to the smallest, and the place of each among them."""
    order = sorted(range(len(strides)), key=lambda axis: -strides[axis])
    return order, sorted(range(len(strides)), key=order.__getitem__)


def laid_out_like(array: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the values of an array laid out as x, which has its shape: itself if it lies so already, or a copy."""
    if array.strides == x.strides:
        return array
    run_ahead.wait()
    copy = empty_like(x)
    copy[...] = array
    return copy


def show(array: Any) -> None:
    """Note that an array is handed out: its values may change at any time from now on."""
    block = _block_of(array)
    if block is not None:
        block.shown = True


def is_private(array: Any) -> bool:
    """Return whether nothing but operations on Tensors can change an array: it is from here, and was not handed out."""
    block = _block_of(array)
    return block is not None and not block.shown


def _block_of(array: Any) -> _Block | None:
    """Return the block that an array's memory belongs to, None if it is not from here."""
    base = array.base
    while type(base) is np.ndarray:
        base = base.base
    return base if type(base) is _Block else None


@functools.lru_cache(4096)
def _block_size(shape: tuple[int, ...], dtype: Any) -> int:
    """Return the size of the block that serves an array: at most an eighth more, so that sizes alike share blocks.

    0 for an array that is too small for a block.
    """
    size = np.dtype(dtype).itemsize * math.prod(shape)
    if size < MINIMUM:
        return 0
    unit = 1 << max(12, size.bit_length() - 4)
    return -(-size // unit) * unit


def _new(size: int) -> mmap.mmap:
    """Return memory of the system, which begins on a page and is not shared with processes forked later.

    Not an array's: NumPy takes the base of a base for its own if both are plain arrays, and would lose sight of the
    block.
    """
    try:
        memory = mmap.mmap(-1, size, **_PRIVATE)
    except OSError as error:
        raise MemoryError(f"cannot get {size} bytes of memory: {error}") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def unused_bytes() -> int:
    """Return how many bytes wait to be used again."""
    return sum(size * len(blocks) for size, blocks in list(_free.items()))


def release(before: int | None = None) -> None:
    """Give memory back to the system: all that is unused, or what has been since a number of full collections ago."""
    for blocks in list(_free.values()):
        for _ in range(len(blocks)):
            with contextlib.suppress(IndexError):  # another thread took the last one
                block = blocks.popleft()
                if before is not None and block[0] >= before:
                    blocks.append(block)


def _after_collection(phase: str, info: dict[str, Any]) -> None:
    global _collections
    if phase == "stop" and info["generation"] == 2:
        release(before=_collections)
        _collections += 1


gc.callbacks.append(_after_collection)
