"""The decorators of TorchScript, which return what they decorate: nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from tinynet.nn import Module

__all__ = [
    "Final",
    "ScriptModule",
    "annotate",
    "export",
    "ignore",
    "is_scripting",
    "is_tracing",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "unused",
]

T = TypeVar("T")

ScriptModule = Module


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """Return the function, class or module."""
    return obj


def script_method(fn: T) -> T:
    """Return the method."""
    return fn


def script_if_tracing(fn: T) -> T:
    """Return the function."""
    return fn


def export(fn: T) -> T:
    """Return the function."""
    return fn


def unused(fn: T) -> T:
    """Return the function."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return the function; also as @ignore(drop=True)."""
    if callable(drop):
        return drop
    decorator: Callable[[T], T] = export
    return decorator


def annotate(the_type: Any, the_value: T) -> T:
    """Return the value."""
    return the_value


def is_scripting() -> bool:
    """Return False."""
    return False


def is_tracing() -> bool:
    """Return False."""
    return False


def trace(func: Any, *args: Any, **kwargs: Any) -> Any:
    """Refuse.

    Raises:  NotImplementedError: always; a recorded graph is not offered
    """
    raise NotImplementedError("jit.trace: models cannot be recorded; call the model itself")
