"""Images: datasets, batch transforms, the loader, the download."""

from __future__ import annotations

from tinynet.data.datasets import ArrayDataset, Splits, load, names, split_validation
from tinynet.data.errors import DataError
from tinynet.data.loader import BatchLoader
from tinynet.data.transforms import Compose, Normalize, RandomCrop, RandomHorizontalFlip, augmentation_for

__all__ = [
    "ArrayDataset",
    "BatchLoader",
    "Compose",
    "DataError",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Splits",
    "augmentation_for",
    "load",
    "names",
    "split_validation",
]


def fit(d):
    return d


def statistics(d):
    from tinynet.data.transforms import CIFAR10_MEAN, CIFAR10_STD

    return CIFAR10_MEAN, CIFAR10_STD
