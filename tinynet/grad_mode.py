"""Whether operations are being recorded, in this thread."""

from __future__ import annotations

import contextlib
import threading


class _GradMode(threading.local):
    enabled = True


_mode = _GradMode()


def is_grad_enabled() -> bool:
    """Return whether operations on tensors that require gradients are being recorded."""
    return _mode.enabled


class set_grad_enabled:
    """Switch recording on or off: at once when called, and until the end of the block as a context manager."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self.before = _mode.enabled
        _mode.enabled = mode

    def __enter__(self) -> None:
        _mode.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        _mode.enabled = self.before


class _GradModeBlock(contextlib.ContextDecorator):
    """A block or decorated function with recording on or off; the mode before is restored, also after errors."""

    mode: bool

    def __init__(self) -> None:
        self.before: list[bool] = []

    def _recreate_cm(self) -> _GradModeBlock:
        # A decorated function may run in several threads at once: each call has a stack of its own.
        return type(self)()

    def __enter__(self) -> None:
        self.before.append(_mode.enabled)
        _mode.enabled = self.mode

    def __exit__(self, *exception: object) -> None:
        _mode.enabled = self.before.pop()


class no_grad(_GradModeBlock):
    """Record nothing inside: results do not require gradients and hold no graph."""

    mode = False


class enable_grad(_GradModeBlock):
    """Record inside, also within `no_grad`."""

    mode = True
