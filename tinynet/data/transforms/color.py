"""Random changes of brightness, contrast, saturation and hue."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinynet.backend import Array, array_module
from tinynet.random import uniform

GREY = (0.2989, 0.587, 0.114)
"""Shares of red, green and blue in grey, as in torchvision."""
Range = float | tuple[float, float]


class ColorJitter:
    """Change brightness, contrast, saturation and hue of every image, in an order of its own.

    Each of the first three blends the image with black, with its mean grey, and with its own grey, by a factor that
    is uniform between max(0, 1 - value) and 1 + value, or in a range that is given; hue turns by a part of the
    circle, uniform between -value and value. As in torchvision each result is cut to whole numbers from 0 to 255.

    Shapes:  images uint8 (N, 3, H, W); of one channel only brightness and contrast change
    Raises:  ValueError: a negative value, hue above 0.5, or a range that falls or is negative
             TypeError: images not uint8
    """

    def __init__(
        self, brightness: Range = 0.0, contrast: Range = 0.0, saturation: Range = 0.0, hue: Range = 0.0
    ) -> None:
        self.ranges = (
            _limits("brightness", brightness),
            _limits("contrast", contrast),
            _limits("saturation", saturation),
            _limits("hue", hue, center=0.0, bounds=(-0.5, 0.5)),
        )

    def __call__(self, images: Array, *, seed: int, epoch: int, indices: np.ndarray) -> Array:
        """Change every image its own way."""
        if images.dtype != np.uint8:
            raise TypeError(f"ColorJitter: images must be uint8, got {images.dtype}")
        draws = uniform("color jitter", epoch, indices=indices, count=8, seed=seed)
        order = np.argsort(draws[:, :4], axis=1, kind="stable")
        xp, changed = array_module(images), images.copy()
        for turn in range(4):
            for which, change in enumerate(CHANGES):
                low, high = self.ranges[which]
                chosen = np.flatnonzero(order[:, turn] == which)
                if not chosen.size or (low == high == (0.0 if change is adjust_hue else 1.0)):
                    continue
                factors = low + draws[chosen, 4 + which] * (high - low)
                at = xp.asarray(chosen)
                changed[at] = change(changed[at], xp.asarray(factors).reshape(-1, 1, 1, 1))
        return changed


def _limits(
    name: str, value: Range, center: float = 1.0, bounds: tuple[float, float] = (0.0, math.inf)
) -> tuple[float, float]:
    """Return the smallest and the largest factor."""
    if isinstance(value, tuple):
        low, high = value
    else:
        low, high = max(center - value, bounds[0]), center + value
        if value < 0 or high > bounds[1]:
            raise ValueError(f"ColorJitter: {name} must be from 0 to {bounds[1] - center:g}, got {value}")
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"ColorJitter: {name} must rise within {bounds[0]:g} to {bounds[1]:g}, got {value}")
    return low, high


def adjust_brightness(images: Array, factor: Array) -> Array:
    """Blend uint8 images with black."""
    return _blend(images, 0, factor)


def adjust_contrast(images: Array, factor: Array) -> Array:
    """Blend uint8 images with the mean of their grey."""
    mean = _grey(images).mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    return _blend(images, mean, factor)


def adjust_saturation(images: Array, factor: Array) -> Array:
    """Blend uint8 images with their grey."""
    if images.shape[1] == 1:
        return images
    return _blend(images, _grey(images), factor)


def adjust_hue(images: Array, factor: Array) -> Array:
    """Turn the hue of uint8 images by a part of the circle."""
    if images.shape[1] == 1:
        return images
    xp = array_module(images)
    red, green, blue = (images[:, i].astype(np.float32) / np.float32(255) for i in range(3))
    value, lowest = (f(f(red, green), blue) for f in (xp.maximum, xp.minimum))
    spread = value - lowest
    grey = spread == 0
    saturation = spread / xp.where(grey, xp.ones_like(value), value)
    divisor = xp.where(grey, xp.ones_like(spread), spread)
    to_red, to_green, to_blue = ((value - channel) / divisor for channel in (red, green, blue))
    from_red, from_green = value == red, (value == green) & (value != red)
    hue = xp.where(
        from_red, to_blue - to_green, xp.where(from_green, 2 + to_red - to_blue, 4 + to_green - to_red)
    )
    hue = xp.remainder(hue / np.float32(6) + 1 + factor[:, 0].astype(np.float32), 1)
    # Of six sectors of the circle each has two channels at the ends and one in between.
    sector = xp.floor(hue * 6)
    within = hue * 6 - sector
    sector = sector.astype(np.int64) % 6
    p, q, t = (
        xp.maximum(xp.minimum(value * (1 - saturation * x), xp.ones_like(value)), xp.zeros_like(value))
        for x in (xp.ones_like(within), within, 1 - within)
    )
    table = ((value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q))
    channels = []
    for choices in table:
        channel = choices[5]
        for i in range(5):
            channel = xp.where(sector == i, choices[i], channel)
        channels.append(channel)
    return (xp.stack(channels, axis=1) * np.float32(255.999)).astype(np.uint8)


CHANGES: tuple[Callable[[Array, Array], Array], ...] = (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    adjust_hue,
)


def _grey(images: Array) -> Array:
    """Return the grey of uint8 images (N, C, H, W), cut to whole numbers, float32 (N, 1, H, W)."""
    if images.shape[1] == 1:
        return images.astype(np.float32)
    red, green, blue = (images[:, i : i + 1] * np.float32(share) for i, share in enumerate(GREY))
    return array_module(images).floor(red + green + blue)


def _blend(images: Array, other: Array | float, factor: Array) -> Array:
    """Return images * factor + other * (1 - factor), cut to whole numbers from 0 to 255, uint8; factor is float64."""
    xp = array_module(images)
    values = images * factor.astype(np.float32) + other * (1 - factor).astype(np.float32)
    return xp.maximum(xp.minimum(values, np.float32(255)), np.float32(0)).astype(np.uint8)
