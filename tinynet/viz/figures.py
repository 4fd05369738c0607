"""Figures and grids of small images, as all pictures need them."""

from __future__ import annotations

import os
import sys
import textwrap
import warnings
from argparse import ArgumentTypeError
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.training.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 6.4
"""Inches: narrow, so that words stay legible where the picture fills a telephone."""

DPI = 160

_LETTERS = 9
"""Letters of a title to an inch, of which at least so many fit."""


def new(width: float, height: float, title: str) -> Figure:
    """Return an empty figure of so many inches under a title, which is cut after three lines.

    Made without pyplot: no global state, no window system, and a faster import.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    # A "$" is one; matplotlib's own wrapping would take it for the begin of a formula.
    letters = int(_LETTERS * width)
    figure.suptitle(textwrap.fill(shorten(title, 3 * letters), letters), parse_math=False)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as a PNG, whole or not at all. Raises OutputError."""
    picture = BytesIO()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        figure.savefig(picture, dpi=DPI)
    write_atomically(path, picture.getvalue())
    for warning in found:
        if not str(warning.message).startswith("Glyph"):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if any(str(warning.message).startswith("Glyph") for warning in found):
        print(
            f"{path}: matplotlib's font lacks letters of some names, and shows boxes there", file=sys.stderr
        )
    return path


def png(word: str) -> Path:
    """Read the PNG that a command is to write, and refuse one that it could not, before any work.

    Raises:  argparse.ArgumentTypeError: another kind of file, a folder, or no folder to write into
    """
    path = Path(word)
    if path.suffix.lower() != ".png":
        raise ArgumentTypeError(f"{word}: pictures are PNG, so the name must end with .png")
    if path.is_dir():
        raise ArgumentTypeError(f"{word} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise ArgumentTypeError(f"{word}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise ArgumentTypeError(f"{word}: the folder {path.parent} cannot be written to")
    return path


def colours(count: int) -> list[Any]:
    """Return so many colours that differ: matplotlib's ten, or of more the steps of a rainbow."""
    import matplotlib

    if count <= 10:
        return [f"C{i}" for i in range(count)]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count)))


def plain(name: str) -> str:
    """Return a name as a legend shows it: there "$" would begin a formula, and "_" in front keep its line out."""
    return "\u200b" * name.startswith("_") + name.replace("$", r"\$")


def pixels(image: np.ndarray) -> np.ndarray:
    """Return an image as it is shown.

    Shapes:  image (3, H, W) or, grey, (1, H, W); returns (H, W, 3), dtype kept
    Raises:  ValueError: another shape
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image to be shown must be (3, H, W) or (1, H, W), got {image.shape}")
    return np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)


def tile(images: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """Put images side by side, row by row; gaps and places left over are NaN.

    Shapes:  images (N, H, W, ...), N and columns at least 1; returns float64
             (rows*(H+gap) - gap, columns*(W+gap) - gap, ...)
    """
    count, height, width, *rest = images.shape
    rows = -(-count // columns)
    canvas = np.full((rows * (height + gap), columns * (width + gap), *rest), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas[: canvas.shape[0] - gap, : canvas.shape[1] - gap]


def shorten(words: str, most: int) -> str:
    """Cut words to at most so many characters, the last being "…" then."""
    return words if len(words) <= most else words[: most - 1] + "…"
