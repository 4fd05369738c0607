"""Augmentations by name, as recipes say them."""

from __future__ import annotations

from collections.abc import Callable

from tinynet.data.transforms.base import CIFAR10_MEAN, Compose, Transform
from tinynet.data.transforms.color import ColorJitter
from tinynet.data.transforms.geometry import (
    CenterCrop,
    Cutout,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from tinynet.data.transforms.resized_crop import RandomResizedCrop
from tinynet.errors import DataError

_GREY = tuple(round(255 * mean) for mean in CIFAR10_MEAN)

_TABLE: dict[str, tuple[str, Callable[[int], list[Transform]]]] = {
    "none": ("the images as they are", lambda size: []),
    "flip": ("half of the images mirrored", lambda size: [RandomHorizontalFlip()]),
    "crop-flip": (
        "padded by 4 of 32 pixels and cut to its size again, half mirrored (He et al. 2015, arXiv 1512.03385, 4.2)",
        lambda size: [RandomCrop(size, padding=size // 8), RandomHorizontalFlip()],
    ),
    "crop28-flip": (
        "cut to 28 of 32 pixels, half mirrored; evaluation takes the centre",
        lambda size: [RandomCrop(size * 7 // 8), RandomHorizontalFlip()],
    ),
    "crop-flip-cutout": (
        "crop-flip, and a square of half its size filled with the mean colour (DeVries, Taylor 2017, arXiv 1708.04552)",
        lambda size: [
            RandomCrop(size, padding=size // 8),
            RandomHorizontalFlip(),
            Cutout(size // 2, fill=_GREY),
        ],
    ),
    "resized-crop-flip-jitter": (
        "a tenth to all of the area, twice as wide to twice as tall, mirrored both ways, other colours",
        lambda size: [
            RandomResizedCrop(size, scale=(0.1, 1.0), ratio=(0.5, 2.0)),
            RandomHorizontalFlip(),
            RandomVerticalFlip(),
            ColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.1),
        ],
    ),
}


def augmentation_names() -> tuple[str, ...]:
    """Return the names that `augmentation_for` knows."""
    return tuple(_TABLE)


def describe(name: str) -> str:
    """Return what an augmentation does, in one line. Raises DataError: unknown name"""
    return _entry(name)[0]


def augmentation_for(name: str, size: int = 32) -> Compose:
    """Return the augmentation called `name`, to be put before `Normalize`, of size x size images; uint8 stays uint8.

    Raises:  DataError: unknown name
    """
    return Compose(_entry(name)[1](size))


def evaluation_for(name: str, size: int = 32) -> Compose:
    """Return what is done in evaluation to images of a network that was trained with that augmentation.

    Raises:  DataError: unknown name
    """
    _entry(name)
    return Compose([CenterCrop(size * 7 // 8)] if name == "crop28-flip" else [])


def _entry(name: str) -> tuple[str, Callable[[int], list[Transform]]]:
    if name not in _TABLE:
        raise DataError(f"unknown augmentation {name!r}; choose one of {', '.join(_TABLE)}")
    return _TABLE[name]
