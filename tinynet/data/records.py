"""The official CIFAR binary records.

A record is one label byte (CIFAR-100: two, the coarse label and the fine one) and 3,072 pixel bytes: the red,
green and blue planes of a 32x32 image, row by row.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images", and the author's CIFAR page
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

IMAGE_SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32


def decode_records(
    contents: Sequence[bytes], label_bytes: int = 1, label: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Join files of whole records into images and labels.

    Shapes:  returns images uint8 (N, 3, 32, 32), C-contiguous, and labels int64 (N,)
    Args:    label_bytes: labels in a record; label: which of them, from 0
    """
    record_bytes = label_bytes + PIXEL_BYTES
    tables = [np.frombuffer(content, dtype=np.uint8).reshape(-1, record_bytes) for content in contents]
    images = np.concatenate([table[:, label_bytes:] for table in tables])
    labels = np.concatenate([table[:, label] for table in tables])
    return images.reshape(-1, *IMAGE_SHAPE), labels.astype(np.int64)


def encode_records(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Write images and labels as N records.

    Shapes:  images uint8 (N, 3, 32, 32); labels 0..255 (N,) or (N, labels in a record)
    """
    columns = labels.reshape(len(images), -1)
    table = np.empty((len(images), columns.shape[1] + PIXEL_BYTES), dtype=np.uint8)
    table[:, : columns.shape[1]] = columns
    table[:, columns.shape[1] :] = images.reshape(len(images), PIXEL_BYTES)
    return table.tobytes()
