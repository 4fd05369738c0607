"""Crops, mirrors and holes: pixels move or go, but none changes its value."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tinynet.backend import Array, array_module
from tinynet.random import uniform


class RandomCrop:
    """Pad on all sides, then cut a square at a random place, every place equally likely.

    Shapes:  images (N, C, H, W); returns (N, C, size, size), dtype kept
    Args:    size: pixels; padding: pixels on each side
             padding_mode: "constant", zeros, or "reflect", the image mirrored at its border pixels
    Raises:  ValueError: size < 1, padding < 0, size above H or W plus twice the padding, another padding_mode, or
             reflected padding that is not below H and W
    """

    def __init__(
        self, size: int, padding: int = 0, padding_mode: Literal["constant", "reflect"] = "constant"
    ) -> None:
        if size < 1 or padding < 0:
            raise ValueError(
                f"RandomCrop: size must be positive and padding not negative, got {size} and {padding}"
            )
        if padding_mode not in ("constant", "reflect"):
            raise ValueError(
                f"RandomCrop: padding_mode must be 'constant' or 'reflect', got {padding_mode!r}"
            )
        self.size, self.padding, self.padding_mode = size, padding, padding_mode

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Crop every image at its own place."""
        n, _, height, width = images.shape
        p = self.padding
        places = np.array([height, width]) + 2 * p - self.size + 1
        if places.min() < 1:
            raise ValueError(
                f"RandomCrop: size {self.size} exceeds images of {height}x{width} with padding {p}"
            )
        if self.padding_mode == "reflect" and p >= min(height, width):
            raise ValueError(f"RandomCrop: reflected padding {p} must be below images of {height}x{width}")
        draws = uniform("crop", epoch, indices=indices, count=2, seed=seed)
        xp = array_module(images)
        top, left = (xp.asarray(place) for place in (draws * places).astype(np.intp).T)
        windows = _windows(self._padded(images), self.size)
        return windows[xp.arange(n), :, top, left]

    def _padded(self, images: Array) -> Array:
        """Return images with a border of `padding` pixels."""
        n, channels, height, width = images.shape
        p = self.padding
        if p and self.padding_mode == "reflect":
            xp = array_module(images)
            rows, columns = (xp.asarray(_reflected(size, p)) for size in (height, width))
            return xp.ascontiguousarray(images[:, :, rows][:, :, :, columns])
        padded = array_module(images).zeros((n, channels, height + 2 * p, width + 2 * p), dtype=images.dtype)
        padded[:, :, p : p + height, p : p + width] = images
        return padded


def _reflected(size: int, padding: int) -> np.ndarray:
    """Return which pixel of `size` each pixel of the padded row is."""
    places = np.abs(np.arange(-padding, size + padding))
    return np.where(places >= size, 2 * (size - 1) - places, places)


def _windows(images: Array, size: int) -> Array:
    """Return a view (N, C, places down, places across, size, size) of all squares of images that lie without gaps."""
    n, channels, height, width = images.shape
    shape = (n, channels, height - size + 1, width - size + 1, size, size)
    strides = (*images.strides, *images.strides[2:])
    return array_module(images).lib.stride_tricks.as_strided(images, shape, strides)


class CenterCrop:
    """Cut the square in the centre; where the border is odd, one pixel more is left below and on the right.

    Shapes:  images (N, C, H, W); returns (N, C, size, size), dtype kept
    Raises:  ValueError: size < 1, or above H or W
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"CenterCrop: size must be positive, got {size}")
        self.size = size

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Cut every image; seed, epoch and indices do not matter."""
        height, width = images.shape[2:]
        if self.size > min(height, width):
            raise ValueError(f"CenterCrop: size {self.size} exceeds images of {height}x{width}")
        top, left = (height - self.size) // 2, (width - self.size) // 2
        return images[:, :, top : top + self.size, left : left + self.size].copy()


class _RandomFlip:
    """Mirror every image with probability `p`."""

    purpose: str
    mirror: tuple[slice, ...]

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be in [0, 1], got {p}")
        self.p = p

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Mirror the images whose draw falls below p."""
        draws = uniform(self.purpose, epoch, indices=indices, count=1, seed=seed)[:, 0]
        mirrored = array_module(images).asarray(np.flatnonzero(draws < self.p))
        flipped = images.copy()
        flipped[mirrored] = images[mirrored][self.mirror]
        return flipped


class RandomHorizontalFlip(_RandomFlip):
    """Mirror every image left to right with probability `p`.

    Raises:  ValueError: p outside [0, 1]
    """

    purpose, mirror = "flip", (slice(None),) * 3 + (slice(None, None, -1),)


class RandomVerticalFlip(_RandomFlip):
    """Mirror every image upside down with probability `p`.

    Raises:  ValueError: p outside [0, 1]
    """

    purpose, mirror = "vertical flip", (slice(None),) * 2 + (slice(None, None, -1),)


class Cutout:
    """Fill a square of every image, the centre anywhere in it; what lies beyond the border is cut off.

    Args:    size: pixels
             fill: a value, or one a channel; the paper fills with the mean of the data
    Raises:  ValueError: size < 1, or a fill of another number of channels
    Source:  DeVries, Taylor 2017, arXiv 1708.04552
    """

    def __init__(self, size: int, fill: float | tuple[float, ...] = 0) -> None:
        if size < 1:
            raise ValueError(f"Cutout: size must be positive, got {size}")
        self.size, self.fill = size, fill

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Fill a square of each."""
        channels, height, width = images.shape[1:]
        fill = np.asarray(self.fill, images.dtype).reshape(-1)
        if fill.size not in (1, channels):
            raise ValueError(f"Cutout: fill {self.fill} for images of {channels} channels")
        draws = uniform("cutout", epoch, indices=indices, count=2, seed=seed)
        starts = (draws * (height, width)).astype(np.intp) - self.size // 2
        rows, columns = (
            (np.arange(extent) >= start) & (np.arange(extent) < start + self.size)
            for extent, start in zip((height, width), starts.T[:, :, None], strict=True)
        )
        xp = array_module(images)
        hole = xp.asarray((rows[:, :, None] & columns[:, None, :])[:, None])
        return xp.where(hole, xp.asarray(fill.reshape(1, -1, 1, 1)), images)
