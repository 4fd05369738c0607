"""What a transform is, several one after the other, and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tinynet.backend import Array, array_module

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class Transform(Protocol):
    """Map images (N, C, H, W) to images; `indices` (N,) are the samples' positions in the dataset."""

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Transform `images`."""


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
        self, images: Array, *, seed: int = 0, epoch: int = 0, indices: np.ndarray | None = None
    ) -> Array:
        """Normalise every image; seed, epoch and indices do not matter."""
        if images.dtype != np.uint8:
            raise TypeError(f"Normalize: images must be uint8, got {images.dtype}")
        n, channels, height, width = images.shape
        if channels != len(self.mean):
            raise ValueError(
                f"Normalize: {len(self.mean)} means for images of {channels} channels {images.shape}"
            )
        normalised = array_module(images).empty((n, height, width, channels), dtype=np.float32)
        for channel in range(channels):
            normalised[..., channel] = images[:, channel]
            normalised[..., channel] *= self._scale[channel]
            normalised[..., channel] += self._shift[channel]
        return normalised.transpose(0, 3, 1, 2)


class Compose:
    """Apply transforms one after the other."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = tuple(transforms)

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Apply all transforms in order."""
        for transform in self.transforms:
            images = transform(images, seed=seed, epoch=epoch, indices=indices)
        return images
