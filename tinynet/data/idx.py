"""Fashion-MNIST: IDX files, plain or packed with gzip, each checked by SHA-256 of what is in it.

An IDX file is a magic number, whose last byte counts the dimensions, their sizes as big-endian 32-bit
numbers, and the values.

Source: Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST", arXiv 1708.07747; LeCun's MNIST page (the format)
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinynet.data.archives import check_sha256, require
from tinynet.data.file_set import Contents, FileSet
from tinynet.errors import DataError

_UNSIGNED_BYTES = 0x08


@dataclass(frozen=True, kw_only=True)
class IdxSet(FileSet):
    """Describe a data set of IDX files: training images and labels, test images and labels.

    Args:    files: their names, in that order; downloads and packages add ".gz"
             classes: names of the classes
    """

    files: tuple[str, str, str, str]
    classes: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """All four files, packed."""
        return tuple(self.archives)

    def find(self, place: Path) -> Contents | None:
        """Return the checked contents of the four files found in the folder `place`, or None.

        Raises:  DataError: data is there, but damaged, incomplete, unreadable, or not the official one
        """
        if place.is_file():
            raise DataError(f"{place} is a file; {self.name} needs the folder of {', '.join(self.files)}")
        for folder in (place / self.folder, place / "FashionMNIST" / "raw", place):
            packed_or_not = (folder / f"{name}{ending}" for name in self.files for ending in ("", ".gz"))
            if paths := [path for path in packed_or_not if path.is_file()]:
                return self.read(paths)
        return None

    def read(self, paths: Sequence[Path]) -> Contents:
        """Read and check the four files. Raises as `find`."""
        found = {path.name.removesuffix(".gz"): path for path in reversed(paths)}  # the plain one first
        require(found, self.files, paths[0].parent)
        contents = {name: _read(found[name]) for name in self.files}
        for name, content in contents.items():
            check_sha256(content, self.sha256[name], f"{found[name]} (MNIST's files have the same names)")
        return contents


def decode_images_and_labels(images: bytes, labels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Decode a pair of IDX files.

    Shapes:  returns uint8 (N, 1, H, W) and int64 (N,)
    """
    return decode_idx(images)[:, np.newaxis], decode_idx(labels).astype(np.int64)


def decode_idx(content: bytes) -> np.ndarray:
    """Decode an IDX file of unsigned bytes.

    Raises:  DataError: another type, or a length that does not fit the sizes
    """
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4]) if len(content) >= 4 else (1, 0, 0)
    start = 4 + 4 * dimensions
    if zeros or kind != _UNSIGNED_BYTES or len(content) < start:
        raise DataError(f"no IDX file of unsigned bytes starts with {content[:4].hex() or 'nothing'}")
    sizes = struct.unpack(f">{dimensions}I", content[4:start])
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if values.size != np.prod(sizes, dtype=np.int64):
        raise DataError(f"an IDX file of {sizes} values has {values.size:,} bytes of them")
    return values.reshape(sizes)


def _read(path: Path) -> bytes:
    """Read a file, unpacking it if need be."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read, or is damaged: {error}") from error


FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    files=(
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ),
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    sha256={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    folder="fashion-mnist",
    archives={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    urls=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    system_folders=("/usr/share/datasets/fashion-mnist",),
    space="90 MB while downloading and 55 MB afterwards",
)
