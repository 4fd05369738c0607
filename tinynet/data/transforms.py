"""Whole-batch image transforms, drawn from (seed, epoch, sample index).

Every transform maps `images` (N, C, H, W) to new images and never writes into its input. What happens to a
sample depends on its own index, not on the batch it is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinynet.data.errors import DataError
from tinynet.random import uniform

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class Transform(Protocol):
    """Map images (N, C, H, W) to images; `indices` (N,) are the samples' positions in the dataset."""

    def __call__(self, images: np.ndarray, *, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
        """Transform `images`."""


class RandomCrop:
    """Pad with zeros on all sides, then cut a square at a random place, every place equally likely.

    Shapes:  images (N, C, H, W); returns (N, C, size, size), dtype kept
    Args:    size: pixels; padding: pixels on each side
    Raises:  ValueError: size < 1, padding < 0, or size above H or W plus twice the padding
    """

    def __init__(self, size: int, padding: int = 0) -> None:
        if size < 1 or padding < 0:
            raise ValueError(
                f"RandomCrop: size must be positive and padding not negative, got {size} and {padding}"
            )
        self.size, self.padding = size, padding

    def __call__(self, images: np.ndarray, *, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
        """Crop every image at its own place."""
        n, channels, height, width = images.shape
        p = self.padding
        places = np.array([height, width]) + 2 * p - self.size + 1
        if places.min() < 1:
            raise ValueError(
                f"RandomCrop: size {self.size} exceeds images of {height}x{width} with padding {p}"
            )
        padded = np.zeros((n, channels, height + 2 * p, width + 2 * p), dtype=images.dtype)
        padded[:, :, p : p + height, p : p + width] = images
        windows = sliding_window_view(padded, (self.size, self.size), axis=(2, 3))
        draws = uniform("crop", epoch, indices=indices, count=2, seed=seed)
        top, left = (draws * places).astype(np.intp).T
        return windows[np.arange(n), :, top, left]


class RandomHorizontalFlip:
    """Mirror every image left to right with probability `p`.

    Raises:  ValueError: p outside [0, 1]
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must be in [0, 1], got {p}")
        self.p = p

    def __call__(self, images: np.ndarray, *, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
        """Mirror the images whose draw falls below p."""
        mirrored = uniform("flip", epoch, indices=indices, count=1, seed=seed)[:, 0] < self.p
        flipped = images.copy()
        flipped[mirrored] = images[mirrored, :, :, ::-1]
        return flipped


class Normalize:
    """Scale uint8 pixels to (pixel / 255 - mean) / std, channel by channel.

    Shapes:  images uint8 (N, C, H, W); returns float32 (N, C, H, W) in channels-last memory order
    Args:    mean, std: C numbers each, in units of the full range 0..1
    Raises:  ValueError: mean and std of different length, std not positive, or another number of channels
             TypeError: images not uint8
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ValueError(f"Normalize: need as many means as positive stds, got {mean} and {std}")
        self.mean, self.std = tuple(mean), tuple(std)
        self._scale = (1 / (255 * np.array(std, dtype=np.float64))).astype(np.float32)
        self._shift = (-np.array(mean, dtype=np.float64) / std).astype(np.float32)

    def __call__(
        self, images: np.ndarray, *, seed: int = 0, epoch: int = 0, indices: np.ndarray | None = None
    ) -> np.ndarray:
        """Normalise every image; seed, epoch and indices do not matter."""
        if images.dtype != np.uint8:
            raise TypeError(f"Normalize: images must be uint8, got {images.dtype}")
        n, channels, height, width = images.shape
        if channels != len(self.mean):
            raise ValueError(
                f"Normalize: {len(self.mean)} means for images of {channels} channels {images.shape}"
            )
        normalised = np.empty((n, height, width, channels), dtype=np.float32)
        for channel in range(channels):
            np.multiply(images[:, channel], self._scale[channel], out=normalised[..., channel])
            normalised[..., channel] += self._shift[channel]
        return normalised.transpose(0, 3, 1, 2)


class Compose:
    """Apply transforms one after the other."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(transforms)

    def __call__(self, images: np.ndarray, *, seed: int, epoch: int, indices: np.ndarray) -> np.ndarray:
        """Apply all transforms in order."""
        for transform in self.transforms:
            images = transform(images, seed=seed, epoch=epoch, indices=indices)
        return images


def augmentation_names() -> tuple[str, ...]:
    """Return the names that `augmentation_for` knows."""
    return ("none", "crop-flip")


def augmentation_for(name: str) -> Compose:
    """Return the augmentation called `name`, to be put before `Normalize`; uint8 stays uint8.

    "none" does nothing; "crop-flip" is the usual one of CIFAR: pad by 4, crop back to 32x32, mirror half of
    the images (He et al. 2015, arXiv 1512.03385, section 4.2).

    Raises:  DataError: unknown name
    """
    if name == "none":
        return Compose([])
    if name == "crop-flip":
        return Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(0.5)])
    raise DataError(f"unknown augmentation {name!r}; choose one of {', '.join(augmentation_names())}")
