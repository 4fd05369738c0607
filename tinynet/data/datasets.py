"""Datasets in memory, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import NamedTuple

import numpy as np

from tinynet.data.cifar import CIFAR10, decode_records
from tinynet.data.download import obtain
from tinynet.data.errors import DataError
from tinynet.data.sample_reader import read_sample
from tinynet.random import generator


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
    """The two official parts of a dataset."""

    train: ArrayDataset
    test: ArrayDataset


def names() -> tuple[str, ...]:
    """Return the names that `load` knows."""
    return ("cifar10", "cifar10-sample")


def load(
    name: str, *, data_dir: str | PathLike[str] | None = None, download: bool = True, progress: bool = True
) -> Splits:
    """Load a dataset by name, getting it first if need be.

    "cifar10-sample" is inside the package: class-balanced, lossless, a few thousand images of CIFAR-10.
    "cifar10" is looked for, and downloaded, as `tinynet.data.download` says.

    Args:    data_dir: where the files of "cifar10" are, or shall be
             download: False refuses to touch the network
             progress: show where the data comes from and a progress bar, on standard error
    Raises:  DataError: unknown name; data missing, damaged or unreachable
    """
    if name == "cifar10-sample":
        train, test = read_sample()
    elif name == "cifar10":
        contents = obtain(CIFAR10, data_dir=data_dir, download=download, progress=progress)
        train, test = (
            decode_records([contents[file] for file in part]) for part in (CIFAR10.train, CIFAR10.test)
        )
    else:
        raise DataError(f"unknown dataset {name!r}; choose one of {', '.join(names())}")
    return Splits(ArrayDataset(*train, CIFAR10.classes, name), ArrayDataset(*test, CIFAR10.classes, name))


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


def stratified(labels: np.ndarray, size: int, purpose: str, seed: int) -> np.ndarray:
    """Choose `size` positions at random, each label in its own proportion.

    Places left over go to the largest remainders, low labels first.

    Returns: int64 (size,), ascending
    """
    values, counts = np.unique(labels, return_counts=True)
    exact = counts * size
    quotas = exact // len(labels)
    leftover = size - int(quotas.sum())
    quotas[np.argsort(-(exact % len(labels)), kind="stable")[:leftover]] += 1
    picks = [
        generator(purpose, int(value), seed=seed).permutation(np.flatnonzero(labels == value))[:quota]
        for value, quota in zip(values, quotas, strict=True)
    ]
    return np.sort(np.concatenate(picks))
