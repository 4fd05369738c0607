"""Kernels that are still being computed when the call that asked for them has returned.

While Python prepares the next call of a model or of a backward pass, the other threads of the team compute those before
it (kernels/cpu/codegen/team.py). What such a kernel writes must not be looked at before `wait`:

- kernels that may be left running say so when they are registered (`@accelerates(..., ahead=True)`). They look at no
  values in Python, only hand arrays to compiled kernels, which run in the order in which they were asked for; before
  any other kernel the registry waits;
- the few callers that know what to do with unfinished results ask for them by `call`, and make of them tensors that
  wait (autograd/delayed.py): whoever asks such a tensor for its array waits. Other calls are finished when they return;
- a copy into another layout waits, and so does whoever is about to change an array in place;
- the outermost module that was called, and the backward pass, wait before they return.

Nothing outside of these two ever sees an unfinished array. Inside, a program that writes into memory by NumPy which an
operation before it reads (a weight, say) is as little noticed as by version counters.

This module only says whether kernels may be left running, and whether some are.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

enabled = True
"""Whether kernels are ever left running; tests and tools that time each kernel switch it off."""
thread: int | None = None
"""The Python thread whose kernels may be left running."""
_holder: dict[str, object] = {}
"""Of the block that leaves kernels running, a mark: to set a missing entry is one step, which no interrupt divides."""
_running = False
_called = False
"""Whether the present call of a kernel is by `call`."""
_finish: Callable[[], None] | None = None
_at_end: Callable[[], None] | None = None


def when_waiting(finish: Callable[[], None]) -> None:
    """Set what waits for all kernels."""
    global _finish
    _finish = finish


def at_end(finish: Callable[[], None]) -> None:
    """Set what is called at the end of a block, before it waits."""
    global _at_end
    _at_end = finish


def allowed() -> bool:
    """Return whether kernels that this thread asks for by `call` may be left running."""
    return thread == get_ident()


# What follows is asked for every kernel, and compares the threads itself.


def call(kernel: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a kernel, or one of its versions, and return its results, which may be unfinished if `allowed`."""
    global _called
    if thread != get_ident():
        return kernel(*args, **kwargs)
    entry = getattr(kernel, "kernel", None)
    if entry is not None:  # as the kernel itself does, in one call less
        kernel = entry.select(*args, **kwargs)
    if not hasattr(kernel, "ahead"):
        with pause():
            return kernel(*args, **kwargs)
    before, _called = _called, True
    try:
        return kernel(*args, **kwargs)
    finally:
        _called = before


def must_pause(kernel: Callable[..., Any]) -> bool:
    """Return whether a version of a kernel has to be computed with nothing left running before and after."""
    return not (_called and hasattr(kernel, "ahead")) and thread == get_ident()


def starts() -> bool:
    """Return whether the compiled kernel that is about to start may be left running, and if so, note that one is."""
    global _running
    if not _called or thread != get_ident():
        return False
    _running = True
    return True


def wait() -> None:
    """Return when none of the kernels that were asked for before is running."""
    global _running
    if _running:
        assert _finish is not None
        _finish()
        if thread is None or thread == get_ident():  # else that thread may have started others meanwhile
            _running = False


def is_free() -> bool:
    """Return whether no thread is in a `block`."""
    return thread is None


@contextlib.contextmanager
def block() -> Iterator[bool]:
    """Let kernels be left running inside the block, unless another thread does already; wait at its end.

    What it yields is whether it waits: not if the same thread is in another block, whose end waits.
    """
    global thread
    mark = object()
    try:
        if enabled and _holder.setdefault("block", mark) is mark:
            thread = get_ident()
        yield _holder.get("block") is mark
    finally:
        if _holder.get("block") is mark:  # an interrupt may have come before anything was noted of it
            try:
                if _at_end is not None:
                    _at_end()
            finally:
                try:
                    wait()
                finally:
                    thread = None
                    _holder.clear()


@contextlib.contextmanager
def pause() -> Iterator[None]:
    """Wait, and leave no kernel running inside the block."""
    global thread
    wait()
    before, thread = thread, None
    try:
        yield
    finally:
        thread = before


def _before_fork() -> None:
    """A child has no threads of the team: what is running would never be finished there."""
    if allowed():
        wait()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)
