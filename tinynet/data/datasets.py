"""Data sets in memory, by name: one table says what they are and how to get them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinynet.data.archives import RecordSet
from tinynet.data.cifar import CIFAR10, CIFAR100
from tinynet.data.digits import CLASSES as DIGITS
from tinynet.data.digits import read_digits
from tinynet.data.download import obtain
from tinynet.data.idx import FASHION_MNIST, decode_images_and_labels
from tinynet.data.image_folder import read_image_folder
from tinynet.data.records import IMAGE_SHAPE, decode_records
from tinynet.data.sample_reader import read_sample
from tinynet.data.stratified import stratified
from tinynet.data.transforms import CIFAR10_MEAN, CIFAR10_STD
from tinynet.errors import DataError


@dataclass(frozen=True, eq=False)
class ArrayDataset:
    """Hold labelled images in memory.

    Shapes:  images uint8 (N, C, H, W), C-contiguous; labels int64 (N,) in [0, len(classes))
    Raises:  DataError: another shape or dtype, unequal lengths, labels out of range
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    classes: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        """Check shapes, dtypes and labels once, here."""
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                f"{self.name}: images must be uint8 (N, C, H, W), got {self.images.dtype} {self.images.shape}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"{self.name}: labels must be int64 ({len(self.images)},), "
                f"got {self.labels.dtype} {self.labels.shape}"
            )
        wrong = self.labels[(self.labels < 0) | (self.labels >= len(self.classes))]
        if wrong.size:
            raise DataError(
                f"{self.name}: {wrong.size} labels are outside 0..{len(self.classes) - 1}, "
                f"the first is {wrong[0]}"
            )
        object.__setattr__(self, "images", np.ascontiguousarray(self.images))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> ArrayDataset:
        """Copy the images at `indices`, in that order."""
        return ArrayDataset(self.images[indices], self.labels[indices], self.classes, self.name)


class Splits(NamedTuple):
    """The two parts of a data set."""

    train: ArrayDataset
    test: ArrayDataset


def split_validation(train: ArrayDataset, size: int, seed: int) -> tuple[ArrayDataset, ArrayDataset]:
    """Take a validation set of `size` images out of `train`, every class in its own proportion.

    The choice depends on the labels and `seed` alone; both parts keep the order of `train`.

    Returns: (the rest, validation)
    Raises:  DataError: size negative, or not below the number of images
    """
    if not 0 <= size < len(train):
        raise DataError(
            f"{train.name}: a validation set of {size} images cannot be taken from {len(train)} "
            f"training images; choose a size between 0 and {len(train) - 1}"
        )
    chosen = np.zeros(len(train), dtype=bool)
    chosen[stratified(train.labels, size, "validation", seed)] = True
    return train.subset(np.flatnonzero(~chosen)), train.subset(np.flatnonzero(chosen))


def class_counts(dataset: ArrayDataset) -> dict[str, int]:
    """Return the number of images of every class, in the order of the classes."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    return dict(zip(dataset.classes, counts.tolist(), strict=True))


class Statistics(NamedTuple):
    """Mean and standard deviation of every channel in units of 0..1, as `Normalize` takes them."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def statistics(train: ArrayDataset) -> Statistics:
    """Return mean and standard deviation of training images: the usual ones of the data set, or computed.

    Published ones hold for images as they come; of others, such as those that `fit` has changed, and of data
    sets without published ones they are computed from all pixels of `train`. A constant channel has std 1.

    Raises:  DataError: no published ones, and no images to compute them from
    """
    entry = _TABLE.get(train.name)
    if entry is not None and entry.statistics is not None and train.images.shape[1:] == entry.shape:
        return entry.statistics
    if not train.images.size:
        raise DataError(f"{train.name}: no images, so they have no mean and no standard deviation")
    values, moments = np.arange(256), []
    for channel in range(train.images.shape[1]):
        counts = np.bincount(train.images[:, channel].ravel(), minlength=256)
        n, total, squares = (int(counts @ values**power) for power in range(3))
        moments.append((total / n / 255, (n * squares - total**2) ** 0.5 / n / 255))
    mean, std = zip(*moments, strict=True)
    return Statistics(mean, tuple(value or 1.0 for value in std))


class _Request(NamedTuple):
    """What the caller of `load` asked for."""

    data_dir: str | PathLike[str] | None
    download: bool
    progress: bool
    image_size: int


_Part = tuple[np.ndarray, np.ndarray]
_Parts = tuple[_Part, _Part, tuple[str, ...]]


@dataclass(frozen=True)
class _Entry:
    """Describe a data set.

    Args:    read: gets training part, test part and class names
             shape: (C, H, W) of its images, None if that depends on the request
             statistics: published ones of its training images, if there are any
             in_folder: its files are in a folder that the user may name
    """

    read: Callable[[_Request], _Parts]
    shape: tuple[int, int, int] | None
    statistics: Statistics | None = None
    in_folder: bool = True


def _read_records(record_set: RecordSet, key: str) -> Callable[[_Request], _Parts]:
    """Return the reader of binary records with one of their label sets."""

    def read(request: _Request) -> _Parts:
        contents = obtain(record_set, **_where(request))
        keys = list(record_set.labels)

        def part(files: Mapping[str, int]) -> _Part:
            return decode_records([contents[name] for name in files], len(keys), keys.index(key))

        return part(record_set.train), part(record_set.test), record_set.labels[key]

    return read


def _read_fashion(request: _Request) -> _Parts:
    """Read Fashion-MNIST."""
    contents = obtain(FASHION_MNIST, **_where(request))
    train_images, train_labels, test_images, test_labels = (contents[name] for name in FASHION_MNIST.files)
    return (
        decode_images_and_labels(train_images, train_labels),
        decode_images_and_labels(test_images, test_labels),
        FASHION_MNIST.classes,
    )


def _read_folder(request: _Request) -> _Parts:
    """Read the folder of pictures that the user names."""
    if request.data_dir is None:
        raise DataError(
            "image-folder is a folder of your own: name it with --data-dir (data_dir=); it has "
            "train/CLASS/name.png and test/CLASS/name.png, or CLASS/name.png"
        )
    folder = Path(request.data_dir).expanduser()
    return read_image_folder(folder, request.image_size, progress=request.progress)


def _where(request: _Request) -> dict[str, Any]:
    """Return the arguments of `obtain`."""
    return {"data_dir": request.data_dir, "download": request.download, "progress": request.progress}


_CIFAR10 = Statistics(CIFAR10_MEAN, CIFAR10_STD)
_CIFAR100 = Statistics((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))

_TABLE = {
    "cifar10": _Entry(_read_records(CIFAR10, "labels"), IMAGE_SHAPE, _CIFAR10),
    "cifar10-sample": _Entry(
        lambda request: (*read_sample(), CIFAR10.labels["labels"]), IMAGE_SHAPE, _CIFAR10, in_folder=False
    ),
    "cifar100": _Entry(_read_records(CIFAR100, "fine_labels"), IMAGE_SHAPE, _CIFAR100),
    "cifar100-coarse": _Entry(_read_records(CIFAR100, "coarse_labels"), IMAGE_SHAPE, _CIFAR100),
    "fashion-mnist": _Entry(_read_fashion, (1, 28, 28), Statistics((0.2860,), (0.3530,))),
    "digits": _Entry(lambda request: (*read_digits(), DIGITS), (1, 8, 8), in_folder=False),
    "image-folder": _Entry(_read_folder, None),
}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return tuple(_TABLE)


def load(
    name: str,
    *,
    data_dir: str | PathLike[str] | None = None,
    download: bool = True,
    progress: bool = True,
    image_size: int | None = None,
) -> Splits:
    """Load a data set by name, getting it first if need be.

    "cifar10-sample" is inside the package: class-balanced, lossless, a few thousand images of CIFAR-10.
    "cifar10", "cifar100" (100 fine classes), "cifar100-coarse" (the same images, 20 classes) and
    "fashion-mnist" are looked for, and downloaded, as `tinynet.data.download` says. "digits" comes with
    scikit-learn, see `read_digits`. "image-folder" is a folder of pictures, see `read_image_folder`.
    Grey images have one channel; `fit` makes any images fit the networks of CIFAR.

    Args:    data_dir: where the files are, or shall be; the folder of "image-folder"; of no meaning for
             "cifar10-sample" and "digits", and refused there
             download: False refuses to touch the network
             progress: show where the data comes from and a progress bar, on standard error
             image_size: pixels of a side for "image-folder" alone, None takes 32
    Raises:  DataError: unknown name; data missing, damaged or unreachable; an argument of no meaning
    """
    entry = _TABLE.get(name)
    if entry is None:
        close = get_close_matches(name, names(), n=2)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise DataError(f"unknown dataset {name!r}; {hint}choose one of {', '.join(names())}")
    if data_dir is not None and not entry.in_folder:
        raise DataError(f"{name} is not read from a folder: leave --data-dir {data_dir} out")
    if image_size is not None and entry.shape is not None:
        raise DataError(f"image_size is for image-folder alone; data.fit changes the size of {name}")
    if image_size is not None and image_size < 1:
        raise DataError(f"image_size {image_size}: must be at least 1 pixel")
    request = _Request(data_dir, download, progress, 32 if image_size is None else image_size)
    train, test, classes = entry.read(request)
    return Splits(ArrayDataset(*train, classes, name), ArrayDataset(*test, classes, name))
