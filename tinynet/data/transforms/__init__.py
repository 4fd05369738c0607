"""Whole-batch image transforms, drawn from (seed, epoch, sample index).

Every transform maps `images` (N, C, H, W) to new images and never writes into its input. What happens to a sample
depends on its own index, not on the batch it is in, except in `MixUp` and `CutMix`, whose partners are in the batch.
Images may be arrays of NumPy or CuPy; numbers are drawn on the host.
"""

from __future__ import annotations

from tinynet.data.transforms.base import CIFAR10_MEAN, CIFAR10_STD, Compose, Normalize, Transform
from tinynet.data.transforms.color import ColorJitter
from tinynet.data.transforms.geometry import (
    CenterCrop,
    Cutout,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from tinynet.data.transforms.mixing import CutMix, MixTransform, MixUp
from tinynet.data.transforms.named import augmentation_for, augmentation_names, describe, evaluation_for
from tinynet.data.transforms.resized_crop import RandomResizedCrop

__all__ = [
    "CIFAR10_MEAN",
    "CIFAR10_STD",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "MixTransform",
    "MixUp",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Transform",
    "augmentation_for",
    "augmentation_names",
    "describe",
    "evaluation_for",
]
