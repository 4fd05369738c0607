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
