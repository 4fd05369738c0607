"""Colours: beside slow definitions of one pixel, and the distribution of factors and of their order."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
import pytest
from scipy import stats

from tinynet.data.transforms import ColorJitter
from tinynet.data.transforms.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
IMAGES[0] = 77  # grey
IMAGES[1, :, 0] = [[0], [255], [0]]
FACTORS = RNG.uniform(0, 2, 12)
SHAPED = FACTORS.reshape(-1, 1, 1, 1)
LIKELY = 1e-3


def grey(pixel):
    red, green, blue = (
        np.float32(v) * np.float32(w) for v, w in zip(pixel, (0.2989, 0.587, 0.114), strict=True)
    )
    return int(red + green + blue)


def blend(value, other, factor):
    return int(min(max(float(factor) * value + (1 - float(factor)) * other, 0), 255))


def close(found, expected):
    """Whole numbers that differ by one where the last bit of a float decides what is cut off."""
    difference = np.abs(found.astype(int) - np.asarray(expected))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def pixels(images):
    return images.transpose(0, 2, 3, 1).reshape(len(images), -1, 3)


def test_brightness_blends_with_black():
    expected = [
        [[blend(v, 0, f) for v in p] for p in image] for image, f in zip(pixels(IMAGES), FACTORS, strict=True)
    ]
    close(pixels(adjust_brightness(IMAGES, SHAPED)), expected)


def test_saturation_blends_with_grey():
    expected = [
        [[blend(v, grey(p), f) for v in p] for p in image]
        for image, f in zip(pixels(IMAGES), FACTORS, strict=True)
    ]
    close(pixels(adjust_saturation(IMAGES, SHAPED)), expected)


def test_contrast_blends_with_the_mean_grey():
    means = [np.mean([grey(p) for p in image]) for image in pixels(IMAGES)]
    expected = [
        [[blend(v, mean, f) for v in p] for p in image]
        for image, mean, f in zip(pixels(IMAGES), means, FACTORS, strict=True)
    ]
    close(pixels(adjust_contrast(IMAGES, SHAPED)), expected)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.0, 1 / 6, 0.37, 0.5])
def test_hue_turns_the_circle(turn):
    def turned(pixel):
        h, s, v = colorsys.rgb_to_hsv(*(value / 255 for value in pixel))
        return [int(value * 255.999) for value in colorsys.hsv_to_rgb((h + turn) % 1, s, v)]

    expected = [[turned(p) for p in image] for image in pixels(IMAGES)]
    close(pixels(adjust_hue(IMAGES, np.full((12, 1, 1, 1), turn))), expected)


def test_grey_images_keep_their_colour():
    one = IMAGES[:, :1]
    for change in (adjust_saturation, adjust_hue):
        assert np.array_equal(change(one, SHAPED), one)
    assert adjust_contrast(one, SHAPED).shape == one.shape


@pytest.mark.parametrize("name, value, low, high", [
    ("brightness", 0.4, 0.6, 1.4), ("brightness", (0.5, 0.8), 0.5, 0.8), ("brightness", 3.0, 0.0, 4.0),
])  # fmt: skip
def test_factors_are_uniform(name, value, low, high):
    images = np.full((3000, 3, 1, 1), 60, np.uint8)
    found = ColorJitter(**{name: value})(images, seed=2, epoch=0, indices=np.arange(3000))[:, 0, 0, 0]
    factors = (found + RNG.random(3000)) / 60  # what was cut off is given back at random
    assert stats.kstest(factors, stats.uniform(low, high - low).cdf).pvalue > LIKELY


def test_every_order_is_equally_likely():
    """Of one image with fixed factors each order of the four gives another result."""
    pixel = np.array([[200, 30], [90, 120], [40, 250]], np.uint8).reshape(1, 3, 1, 2)
    given = {"brightness": (1.3, 1.3), "contrast": (0.5, 0.5), "saturation": (1.6, 1.6), "hue": (0.3, 0.3)}
    changes = dict(
        zip(given, (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue), strict=True)
    )
    expected = {}
    for order in itertools.permutations(given):
        image = pixel
        for name in order:
            image = changes[name](image, np.full((1, 1, 1, 1), given[name][0]))
        expected.setdefault(image.tobytes(), []).append(order)
    images = np.broadcast_to(pixel, (6000, 3, 1, 2))
    found = ColorJitter(**given)(images, seed=1, epoch=0, indices=np.arange(6000))
    counts = dict.fromkeys(expected, 0)
    for image in found:
        counts[image.tobytes()] += 1
    shares = [6000 * len(orders) / 24 for orders in expected.values()]
    assert len(expected) > 12
    assert stats.chisquare(list(counts.values()), shares).pvalue > LIKELY


def test_without_ranges_nothing_changes():
    assert np.array_equal(ColorJitter()(IMAGES, seed=0, epoch=0, indices=np.arange(12)), IMAGES)
