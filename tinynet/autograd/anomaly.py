"""Anomaly mode: which operation made the first NaN, and where the program called it."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tinynet.grad_mode import thread
from tinynet.tensor.core import Tensor

_PACKAGE = str(Path(__file__).parents[1])


class _Watch:
    """What one anomaly mode has seen."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.first_nan: str | None = None
        """Of the first operation that made NaN out of numbers, in forward: its name and where it was called."""


class set_detect_anomaly:
    """Switch anomaly mode on or off: at once, and until the end of the block as a context manager.

    In this mode every recorded operation notes where it was called, and backward raises a RuntimeError at the
    first function that returns NaN, naming it, where its forward was called, and which operation made the first NaN of
    the forward pass, if one did. Slow: for finding faults only. On a GPU every operation waits for the device.

    Args:    check_nan: whether backward looks for NaN
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = _switch(_Watch(check_nan) if mode else None)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        thread.state.anomaly = self.before


class detect_anomaly(set_detect_anomaly):
    """Turn anomaly mode on, see `set_detect_anomaly`."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        self.before = _switch(_Watch(self.check_nan))


def is_anomaly_enabled() -> bool:
    """Return whether anomaly mode is on, in this thread."""
    return thread.state.anomaly is not None


def _switch(watch: _Watch | None) -> Any:
    before, thread.state.anomaly = thread.state.anomaly, watch
    return before


def watch(node: Any, args: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Note where a function was called, and whether it was the first to make NaN."""
    node.called_at = _call_site()
    seen = thread.state.anomaly
    # Backward's own operations are quiet; what they return is looked at by `check`.
    if seen.first_nan is None and not thread.state.quiet and _any_nan(outputs) and not _any_nan(args):
        seen.first_nan = f"{node.function.__name__}, called at\n{node.called_at}"


def check(node: Any, results: Sequence[Any]) -> None:
    """Raise if a backward has returned NaN.

    Raises:  RuntimeError: names the function, where it was called, and the first NaN of the forward pass
    """
    seen = thread.state.anomaly
    if seen is None or not seen.check_nan:
        return
    for i, gradient in enumerate(results):
        if _any_nan((gradient,)):
            where = node.called_at or "  a place unknown: anomaly mode was off when it was recorded"
            forward = (
                f"\nThe first NaN of the forward pass was made by {seen.first_nan}" if seen.first_nan else ""
            )
            raise RuntimeError(
                f"Function {node.name()!r} returned nan values in its {i}th output. It was called at\n{where}{forward}"
            )


def _any_nan(values: Sequence[Any]) -> bool:
    return any(
        isinstance(x, Tensor) and x.array.dtype.kind == "f" and bool((x.array != x.array).any())
        for x in values
    )


def _call_site() -> str:
    """Return the program's lines that led here, innermost last, without the engine's own."""
    frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(_PACKAGE)]
    return "".join(traceback.format_list(frames[-6:])).rstrip()
