"""What a thread does with the operations it runs: record them, watch them for NaN, hand on what they save."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any


class _State:
    """The state of one thread."""

    def __init__(self) -> None:
        self.enabled = True
        """Whether operations are recorded."""
        self.quiet = False
        """Whether NumPy's floating-point warnings are off already, so that an operation need not switch them off."""
        self.anomaly: Any = None
        """The innermost anomaly mode, if one is on."""
        self.saved_tensors_hooks: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None
        """pack and unpack of the innermost saved_tensors_hooks."""


class _Thread(threading.local):
    def __init__(self) -> None:
        # One object, found once in an operation: every access to a thread-local attribute takes its time.
        self.state = _State()


thread = _Thread()


def is_grad_enabled() -> bool:
    """Return whether operations on tensors that require gradients are being recorded."""
    return thread.state.enabled


class _GradModeBlock(contextlib.ContextDecorator):
    """A block or decorated function with recording on or off; the mode before is restored, also after errors."""

    enabled: bool

    def __init__(self) -> None:
        self.before: list[bool] = []

    def _recreate_cm(self) -> Any:
        # A decorated function may run in several threads at once: each call has a stack of its own.
        return type(self)()

    def __call__(self, function: Any) -> Any:
        """Decorate a function; `@no_grad` without brackets decorates it too."""
        return super().__call__(function)

    def __enter__(self) -> None:
        self.before.append(thread.state.enabled)
        thread.state.enabled = self.enabled

    def __exit__(self, *exception: object) -> None:
        thread.state.enabled = self.before.pop()


class no_grad(_GradModeBlock):
    """Record nothing inside: results do not require gradients and hold no graph."""

    enabled = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Decorate at once where a function is given: `@no_grad` without brackets."""
        return super().__new__(cls) if function is None else cls()(function)


class inference_mode(_GradModeBlock):
    """Record nothing inside, as `no_grad`; inference_mode(False) changes nothing."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.inference = mode

    def _recreate_cm(self) -> Any:
        return type(self)(self.inference)

    def __enter__(self) -> None:
        self.before.append(thread.state.enabled)
        thread.state.enabled = thread.state.enabled and not self.inference


class enable_grad(_GradModeBlock):
    """Record inside, also within `no_grad`."""

    enabled = True


class set_grad_enabled(_GradModeBlock):
    """Switch recording on or off: at once when called, and until the end of the block as a context manager."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.enabled = mode
        self.outside = _set(mode)

    def __call__(self, function: Any) -> Any:
        """Decorate a function: the call of set_grad_enabled itself then changes nothing."""
        _set(self.outside)
        return super().__call__(function)

    def _recreate_cm(self) -> Any:
        return type(self)(self.enabled)

    def __enter__(self) -> None:
        thread.state.enabled = self.enabled

    def __exit__(self, *exception: object) -> None:
        thread.state.enabled = self.outside


def _set(enabled: bool) -> bool:
    """Set the mode and return the one before."""
    before, thread.state.enabled = thread.state.enabled, enabled
    return before
