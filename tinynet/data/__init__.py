"""Images: data sets, batch transforms, the loader, the download."""

from __future__ import annotations

from tinynet.data.datasets import (
    ArrayDataset,
    Splits,
    Statistics,
    class_counts,
    load,
    names,
    split_validation,
    statistics,
)
from tinynet.data.loader import BatchLoader
from tinynet.data.shapes import fit
from tinynet.data.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    CutMix,
    Cutout,
    MixUp,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    augmentation_for,
)
from tinynet.errors import DataError

__all__ = [
    "ArrayDataset",
    "BatchLoader",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "DataError",
    "MixUp",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Splits",
    "Statistics",
    "augmentation_for",
    "class_counts",
    "fit",
    "load",
    "names",
    "split_validation",
    "statistics",
]
