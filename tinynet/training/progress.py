"""The progress bar: redrawn twice a second at most, absent where nobody watches."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import Any

from tinynet.training.engine import Totals

INTERVAL = 0.5
"""Seconds between two redraws. Only then does the loop wait for the device."""

_NARROW = 72
"""Columns below which the line has to do with fewer words."""


class Bar:
    """Progress over the images of one pass; drawn on standard error if that is a terminal.

    Use: `if bar.add(n): bar.show(totals)`.
    """

    def __init__(self, title: str, images: int, done: int = 0) -> None:
        self._began = self._drawn_at = time.monotonic()
        self._seen, self._pending = 0, 0
        self._bar: Any = None
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            # A thread that watches the bar would only cost time.
            tqdm.monitor_interval = 0
            columns = shutil.get_terminal_size().columns
            self._narrow = columns < _NARROW
            self._bar = tqdm(
                desc=title.removeprefix("epoch ") if self._narrow else title,
                total=images,
                initial=done,
                leave=False,
                # One less than there is: some terminals wrap a line that fills the last column.
                ncols=columns - 1,
                mininterval=0,
                bar_format=(
                    "{desc} {percentage:.0f}%{postfix} {remaining}"
                    if self._narrow
                    else "{desc} {percentage:3.0f}% |{bar}|{postfix}, {remaining} left"
                ),
            )

    def add(self, images: int) -> bool:
        """Count images and say whether it is time to show."""
        self._pending += images
        return time.monotonic() - self._drawn_at >= INTERVAL

    def show(self, totals: Totals | None = None) -> None:
        """Redraw, with mean loss and accuracy so far if given."""
        self._drawn_at = time.monotonic()
        if self._bar is not None:
            self._seen += self._pending
            self._bar.set_postfix_str(self._words(totals), refresh=False)
            # Moves the bar and draws it.
            self._bar.update(self._pending)
        self._pending = 0

    def clear(self) -> None:
        """Take the bar off the screen, so that a line can be printed; `show` draws it again."""
        if self._bar is not None:
            self._bar.clear()

    def _words(self, totals: Totals | None) -> str:
        if self._narrow:
            return f"loss {totals.mean_loss:.2f} acc {100 * totals.accuracy:.0f}%" if totals else ""
        words = [f"loss {totals.mean_loss:.3f}", f"acc {100 * totals.accuracy:.1f}%"] if totals else []
        rate = self._seen / max(self._drawn_at - self._began, 1e-9)
        return ", ".join([*words, f"{rate:,.0f} images/s"])

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
