"""A random part of every image, of random size and shape, brought to one size."""

from __future__ import annotations

import math

import numpy as np

from tinynet.backend import Array, array_module
from tinynet.random import uniform

TRIES = 10
"""Rectangles that are drawn until one lies inside; after that the whole centre is taken, as in torchvision."""


class RandomResizedCrop:
    """Cut a rectangle of random area and shape at a random place, and scale it to a square.

    The area is uniform in `scale`, the logarithm of the ratio of width to height in that of `ratio`. Scaled by a
    triangle filter (bilinear; as wide as the step where the rectangle shrinks), rounded to the nearest value.

    Shapes:  images (N, C, H, W); returns (N, C, size, size), dtype kept
    Args:    size: pixels; scale: smallest and largest share of the area; ratio: smallest and largest width / height
    Raises:  ValueError: size < 1, or limits that are not positive and rising
    Source:  Szegedy et al. 2014, arXiv 1409.4842, section 6, with torchvision's limits and fallback
    """

    def __init__(
        self, size: int, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3)
    ) -> None:
        if size < 1:
            raise ValueError(f"RandomResizedCrop: size must be positive, got {size}")
        for name, limits in (("scale", scale), ("ratio", ratio)):
            if len(limits) != 2 or not 0 < limits[0] <= limits[1] < math.inf:
                raise ValueError(
                    f"RandomResizedCrop: {name} must be two positive rising numbers, got {limits}"
                )
        self.size, self.scale, self.ratio = size, scale, ratio

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Cut and scale every image its own way."""
        n, _, height, width = images.shape
        if n == 0:
            return array_module(images).empty((0, images.shape[1], self.size, self.size), dtype=images.dtype)
        xp = array_module(images)
        top, left, tall, wide = self.rectangles(height, width, seed=seed, epoch=epoch, indices=indices)
        down, across = _filters(self.size, height, top, tall), _filters(self.size, width, left, wide)
        found = xp.asarray(down) @ images.astype(np.float32) @ xp.asarray(across).transpose(0, 1, 3, 2)
        if np.issubdtype(images.dtype, np.integer):
            found = xp.rint(found)
        return found.astype(images.dtype)

    def rectangles(
        self, height: int, width: int, *, seed: int, epoch: int, indices: np.ndarray
    ) -> np.ndarray:
        """Return top, left, height and width of what is cut out of each image, int64 (4, N)."""
        draws = uniform("resized crop", epoch, indices=indices, count=2 * TRIES + 2, seed=seed)
        low, high = np.log(self.ratio)
        area = height * width * (self.scale[0] + draws[:, :TRIES] * (self.scale[1] - self.scale[0]))
        ratio = np.exp(low + draws[:, TRIES : 2 * TRIES] * (high - low))
        wide, tall = (np.rint(np.sqrt(x)).astype(np.int64) for x in (area * ratio, area / ratio))
        fits = (wide >= 1) & (wide <= width) & (tall >= 1) & (tall <= height)
        chosen = fits.argmax(axis=1)[:, None]
        wide, tall = (np.take_along_axis(x, chosen, 1)[:, 0] for x in (wide, tall))
        top, left = (
            (draws[:, 2 * TRIES :] * np.stack([height - tall + 1, width - wide + 1], 1)).astype(np.int64).T
        )
        found = np.stack([top, left, tall, wide])
        found[:, ~fits.any(axis=1)] = np.array(self._centre(height, width))[:, None]
        return found

    def _centre(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return the largest rectangle in the centre whose ratio is allowed."""
        wide, tall = width, height
        if width / height < min(self.ratio):
            tall = round(width / min(self.ratio))
        elif width / height > max(self.ratio):
            wide = round(height * max(self.ratio))
        return (height - tall) // 2, (width - wide) // 2, tall, wide


def _filters(size: int, extent: int, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the matrices float32 (N, 1, size, extent) that scale `length` pixels from `start` on to `size`."""
    step = (length / size)[:, None, None]
    reach = np.maximum(step, 1)
    centre = start[:, None, None] + (np.arange(size)[:, None] + 0.5) * step
    pixel = np.arange(extent)
    weights = np.maximum(1 - np.abs(pixel + 0.5 - centre) / reach, 0)
    inside = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
    weights *= inside[:, None]
    return (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)[:, None]
