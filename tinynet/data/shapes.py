"""Images of other data sets in the shape that a network takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinynet.data.datasets import ArrayDataset
from tinynet.errors import DataError

_LARGEST_BORDER = 8  # an eighth of the side, both borders together
_LUMA = (299, 587, 114)  # thousandths of red, green and blue: ITU-R BT.601


def fit(dataset: ArrayDataset, channels: int = 3, size: int = 32) -> ArrayDataset:
    """Return the data set with images of `channels` and `size` x `size` pixels.

    Grey is repeated to RGB; RGB becomes its luma. Square images that fit in `size` a whole number of times, or
    leave at most an eighth of it empty, keep their pixels: each is repeated, and a border of zeros is put
    around (28x28 in the middle of 32x32, 8x8 enlarged four times). Others are scaled with bicubic filters
    after cutting out the largest square in the centre.

    Shapes:  images (N, C, H, W), C 1 or 3; returns (N, channels, size, size)
    Raises:  DataError: channels of either not 1 or 3; size < 1
    """
    if channels not in (1, 3) or dataset.images.shape[1] not in (1, 3):
        raise DataError(
            f"{dataset.name}: {dataset.images.shape[1]} channels cannot become {channels}; both must be 1 or 3"
        )
    if size < 1:
        raise DataError(f"{dataset.name}: the size must be at least 1 pixel, got {size}")
    images = dataset.images
    if channels == 1:  # first, so that there is less to scale
        images = _grey(images)
    images = _resize(images, size)
    if images.shape[1] < channels:
        images = np.repeat(images, channels, axis=1)
    return replace(dataset, images=images)


def _grey(images: np.ndarray) -> np.ndarray:
    """Return luma, rounded."""
    if images.shape[1] == 1:
        return images
    weighted = np.einsum("nchw,c->nhw", images, np.array(_LUMA, dtype=np.int32))[:, np.newaxis]
    return ((weighted + 500) // 1000).astype(np.uint8)


def _resize(images: np.ndarray, size: int) -> np.ndarray:
    """Bring images to size x size pixels."""
    height, width = images.shape[2:]
    factor = size // height
    border = size - factor * height
    if height != width or border * _LARGEST_BORDER > size:
        return _scale(images, size)
    if factor > 1:
        images = images.repeat(factor, axis=2).repeat(factor, axis=3)
    before = border // 2
    return np.pad(images, ((0, 0), (0, 0), *[(before, border - before)] * 2)) if border else images


def _scale(images: np.ndarray, size: int) -> np.ndarray:
    """Cut out the square in the centre and scale it, image by image."""
    from PIL import Image, ImageOps

    scaled = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for image, target in zip(images, scaled, strict=True):
        for channel, plane in enumerate(image):
            target[channel] = ImageOps.fit(
                Image.fromarray(plane), (size, size), method=Image.Resampling.BICUBIC
            )
    return scaled
