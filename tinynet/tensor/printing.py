"""The text of a tensor, as torch prints it: four decimals, columns in line, and of many elements only the edges.

Source: torch/_tensor_str.py of PyTorch 2.13
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

DECIMALS = 4
LINE = 80
"""Characters of a line."""
THRESHOLD = 1000
"""Elements from which only the edges are shown."""
EDGE = 3
"""Elements at either edge of an axis."""


class _Format:
    """How the elements of an array are written, all in the same width."""

    def __init__(self, array: np.ndarray) -> None:
        self.is_float, self.whole, self.scientific, self.width = array.dtype.kind == "f", True, False, 1
        if self.is_float:
            array = array[np.isfinite(array) & (array != 0)].astype(np.float64)
            if array.size:
                low, high = float(np.abs(array).min()), float(np.abs(array).max())
                self.whole = bool((array == np.ceil(array)).all())
                self.scientific = high / low > 1000 or high > 1e8 or (not self.whole and low < 1e-4)
        self.width = max((len(self._text(value)) for value in array.reshape(-1).tolist()), default=1)

    def __call__(self, value: float | bool) -> str:
        return self._text(value).rjust(self.width)

    def _text(self, value: float | bool) -> str:
        if not self.is_float:
            return str(value)
        if not self.scientific and self.whole:
            return f"{value:.0f}" + "." * math.isfinite(value)
        return f"{value:.{DECIMALS}e}" if self.scientific else f"{value:.{DECIMALS}f}"


def text(array: np.ndarray, indent: int, suffixes: Iterable[str]) -> str:
    """Return what stands between the brackets of "tensor(...)".

    Args:    indent: characters in front of it; suffixes: what follows, as in "requires_grad=True"
    """
    if array.size:
        summary = array.size > THRESHOLD
        written = _nested(array, _Format(_edges(array) if summary else array), summary, indent)
    else:
        written = "[]"
    *before, line = written.split("\n")
    last = len(line) + (0 if before else indent) + 2
    for suffix in suffixes:
        if last + len(suffix) + 2 > LINE:
            written, last = f"{written},\n{' ' * indent}{suffix}", indent + len(suffix)
        else:
            written, last = f"{written}, {suffix}", last + len(suffix) + 2
    return written


def _edges(array: np.ndarray) -> np.ndarray:
    """Return the elements that are shown of many."""
    for axis, size in enumerate(array.shape):
        if size > 2 * EDGE:
            array = np.take(array, [*range(EDGE), *range(size - EDGE, size)], axis)
    return array


def _nested(array: np.ndarray, form: _Format, summary: bool, indent: int) -> str:
    if array.ndim == 0:
        return form(array.item())
    cut = summary and len(array) > 2 * EDGE
    shown = [*array[:EDGE], *array[-EDGE:]] if cut else list(array)
    if array.ndim == 1:
        parts = [form(value.item()) for value in shown]
        if cut:
            parts.insert(EDGE, " ...")
        count = max(1, (LINE - indent) // (form.width + 2))
        lines = [", ".join(parts[i : i + count]) for i in range(0, len(parts), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [_nested(part, form, summary, indent + 1) for part in shown]
    if cut:
        parts.insert(EDGE, "...")
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
