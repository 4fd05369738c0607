"""Pairs of images mixed with their labels: MixUp and CutMix."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from tinynet.backend import Array, array_module
from tinynet.random import generator


class MixTransform(Protocol):
    """Map float images (N, C, H, W) and labels int64 (N,) to images and shares of the classes."""

    def __call__(
        self,
        images: Array,
        labels: np.ndarray,
        *,
        num_classes: int,
        seed: int,
        epoch: int,
        indices: np.ndarray,
    ) -> tuple[Array, np.ndarray]:
        """Mix a batch."""


class _Mix:
    """One share a batch, from Beta(alpha, alpha), and a partner for each image: a permutation of the batch.

    Both are drawn from (seed, epoch, the first index of the batch).
    """

    def __init__(self, alpha: float) -> None:
        if not 0 < alpha < math.inf:
            raise ValueError(f"{type(self).__name__}: alpha must be positive, got {alpha}")
        self.alpha = alpha

    def __call__(
        self,
        images: Array,
        labels: np.ndarray,
        *,
        num_classes: int,
        seed: int,
        epoch: int,
        indices: np.ndarray,
    ) -> tuple[Array, np.ndarray]:
        """Return mixed images, and shares of the classes float32 (N, num_classes)."""
        shares = np.zeros((len(labels), num_classes), np.float32)
        shares[np.arange(len(labels)), labels] = 1
        if not len(labels):
            return images, shares
        rng = generator(type(self).__name__, epoch, int(indices[0]), seed=seed)
        share = float(rng.beta(self.alpha, self.alpha))
        partner = rng.permutation(len(labels))
        images, share = self.mix(images, partner, share, rng)
        return images, (np.float32(share) * shares + np.float32(1 - share) * shares[partner])

    def mix(
        self, images: Array, partner: np.ndarray, share: float, rng: np.random.Generator
    ) -> tuple[Array, float]:
        """Return images that are their own by that share, and the share that became true."""
        raise NotImplementedError


class MixUp(_Mix):
    """Blend every image, and its label, with those of another of the batch.

    Shapes:  images float (N, C, H, W); labels int64 (N,); returns the same images' shape, shares (N, num_classes)
    Args:    alpha: of the Beta distribution of the share, above 0; small ones leave most images nearly alone
    Raises:  ValueError: alpha not positive
    Source:  Zhang et al. 2017, arXiv 1710.09412
    """

    def mix(
        self, images: Array, partner: np.ndarray, share: float, rng: np.random.Generator
    ) -> tuple[Array, float]:
        """Blend."""
        others = images[array_module(images).asarray(partner)]
        return images * np.float32(share) + others * np.float32(1 - share), share


class CutMix(_Mix):
    """Replace a rectangle of every image by that of another of the batch, and its label by that share.

    The rectangle has the shape of the image and the area 1 - share, its centre anywhere; what lies beyond the border
    is cut off, and the share is that of the pixels.

    Shapes:  as MixUp
    Raises:  ValueError: alpha not positive
    Source:  Yun et al. 2019, arXiv 1905.04899
    """

    def mix(
        self, images: Array, partner: np.ndarray, share: float, rng: np.random.Generator
    ) -> tuple[Array, float]:
        """Paste."""
        height, width = images.shape[2:]
        half = 0.5 * math.sqrt(1 - share)
        y, x = int(rng.integers(height)), int(rng.integers(width))
        top, bottom = max(y - int(half * height), 0), min(y + int(half * height), height)
        left, right = max(x - int(half * width), 0), min(x + int(half * width), width)
        mixed = images.copy()
        mixed[:, :, top:bottom, left:right] = images[
            array_module(images).asarray(partner), :, top:bottom, left:right
        ]
        return mixed, 1 - (bottom - top) * (right - left) / (height * width)
