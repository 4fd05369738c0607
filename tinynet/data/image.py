"""Picture files as network inputs."""

from __future__ import annotations

import struct
import warnings
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from tinynet.errors import DataError

if TYPE_CHECKING:
    from PIL import Image


def load_image(path: str | PathLike[str], size: int = 32) -> np.ndarray:
    """Read a picture, scale its shorter side to `size` pixels and cut the square in the centre.

    Transparent pixels become white; the camera's orientation tag is obeyed; 16-bit grey is reduced to 8 bits;
    of an animation the first picture counts.

    Shapes:  returns uint8 (3, size, size), RGB
    Raises:  DataError: missing, unreadable or truncated file; floating-point pixels, with or without NaN; more
             pixels than Pillow's limit, 179 million
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # From half its limit on, Pillow warns of pictures that are small files and large arrays.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
        with picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            square = ImageOps.fit(_to_rgb(upright, path), (size, size), method=Image.Resampling.BICUBIC)
    except FileNotFoundError as error:
        raise DataError(f"there is no image file {path}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} is too large to be read safely ({error}); scale it down") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"cannot read {path} as an image: {error}; give a PNG or JPEG file") from error
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _to_rgb(picture: Image.Image, path: str | PathLike[str]) -> Image.Image:
    """Convert any Pillow mode to RGB."""
    from PIL import Image

    if picture.mode == "F":
        pixels = np.asarray(picture)
        broken = np.count_nonzero(~np.isfinite(pixels))
        detail = f", {broken} of {pixels.size} are NaN or infinite" if broken else ""
        raise DataError(f"{path} has floating-point pixels{detail}; save it as an 8-bit PNG or JPEG file")
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
