"""Read the sample of CIFAR-10 inside the package: lossless WebP sheets, a tile an image."""

from __future__ import annotations

import hashlib
import io
import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from tinynet.data.records import IMAGE_SHAPE, encode_records
from tinynet.errors import DataError

INDEX_NAME = "sample.json"


def read_sample(
    folder: Traversable | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read the training and the test part of the sample: ((images, labels), (images, labels)).

    Shapes:  images uint8 (N, 3, 32, 32); labels int64 (N,) in 0..9
    Args:    folder: another sample made by `tinynet.data.make_sample`; None takes the packaged one
    Raises:  DataError: a file is missing, damaged, or not decoded to the recorded pixels
    """
    folder = files("tinynet.data") / "sample" if folder is None else folder
    index = read_index(folder)
    return _read_part(folder, index["train"]), _read_part(folder, index["test"])


def read_index(folder: Traversable) -> dict[str, Any]:
    """Read the description of a sample: its source and, for each part, sheet, official positions, labels."""
    try:
        return json.loads(_read_bytes(folder, INDEX_NAME))
    except json.JSONDecodeError as error:
        raise DataError(f"{folder / INDEX_NAME} is damaged ({error}); {_REPAIR}") from error


def pack_sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Lay images (rows*columns, 3, H, W) out as tiles of one picture (rows*H, columns*W, 3), row by row."""
    n, channels, height, width = images.shape
    tiles = images.reshape(n // columns, columns, channels, height, width)
    return tiles.transpose(0, 3, 1, 4, 2).reshape(n // columns * height, columns * width, channels)


def unpack_sheet(sheet: np.ndarray, columns: int) -> np.ndarray:
    """Cut a picture made by `pack_sheet` into images (N, 3, 32, 32), C-contiguous."""
    channels, height, width = IMAGE_SHAPE
    rows = len(sheet) // height
    tiles = sheet.reshape(rows, height, columns, width, channels).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(tiles).reshape(-1, channels, height, width)


_REPAIR = "the installation is damaged: install tinynet again"


def _read_part(folder: Traversable, part: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Decode one sheet and check it before and after decoding."""
    from PIL import Image

    path = folder / part["sheet"]
    content = _read_bytes(folder, part["sheet"])
    if hashlib.sha256(content).hexdigest() != part["sheet_sha256"]:
        raise DataError(f"{path} does not have the recorded SHA-256 {part['sheet_sha256']}; {_REPAIR}")
    with Image.open(io.BytesIO(content)) as picture:
        images = unpack_sheet(np.asarray(picture.convert("RGB")), part["columns"])
    labels = np.array(part["labels"], dtype=np.int64)
    if hashlib.sha256(encode_records(images, labels)).hexdigest() != part["records_sha256"]:
        raise DataError(
            f"{path} was not decoded to the recorded pixels: update Pillow, its WebP decoder is at fault"
        )
    return images, labels


def _read_bytes(folder: Traversable, name: str) -> bytes:
    """Read a file of the sample."""
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {folder / name}: {error.strerror}; {_REPAIR}") from error
