"""Images of other data sets in the shape of CIFAR's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tinynet.data import ArrayDataset, DataError, fit, load


def _dataset(rng, *shape, n=4):
    images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    return ArrayDataset(images, np.arange(n, dtype=np.int64), tuple("abcdefgh"[:n]), "mine")


def test_images_that_fit_stay_as_they_are(rng):
    dataset = _dataset(rng, 3, 32, 32)
    fitted = fit(dataset)
    assert np.array_equal(fitted.images, dataset.images)
    assert np.array_equal(fitted.labels, dataset.labels)
    assert (fitted.classes, fitted.name) == (dataset.classes, "mine")


def test_28_pixels_get_a_border_of_zeros_and_three_channels(rng):
    dataset = _dataset(rng, 1, 28, 28)
    fitted = fit(dataset).images
    assert fitted.shape == (4, 3, 32, 32)
    assert fitted.flags.c_contiguous
    for channel in range(3):
        assert np.array_equal(fitted[:, channel, 2:30, 2:30], dataset.images[:, 0])
    fitted[:, :, 2:30, 2:30] = 0
    assert not fitted.any()


def test_8_pixels_are_each_repeated_four_times(rng):
    dataset = _dataset(rng, 1, 8, 8)
    fitted = fit(dataset).images
    assert fitted.shape == (4, 3, 32, 32)
    for row, column in ((0, 0), (3, 3), (13, 30), (31, 4)):
        assert np.array_equal(fitted[:, 1, row, column], dataset.images[:, 0, row // 4, column // 4])


def test_repeated_pixels_may_have_a_border_too(rng):
    dataset = _dataset(rng, 3, 5, 5)
    fitted = fit(dataset, size=17).images  # three times 5, one zero before and one behind
    assert np.array_equal(fitted[:, :, 1:16:3, 1:16:3], dataset.images)
    assert np.array_equal(fitted[:, :, 3:16:3, 3:16:3], dataset.images)
    assert not fitted[:, :, 0].any()
    assert not fitted[:, :, :, 16].any()


@pytest.mark.parametrize("shape", [(20, 20), (64, 64), (33, 33), (30, 50)])
def test_other_sizes_are_scaled_as_pillow_scales(shape, rng):
    height, width = shape
    dataset = _dataset(rng, 3, height, width)
    fitted = fit(dataset).images
    side, picture = min(shape), Image.fromarray(dataset.images[2].transpose(1, 2, 0))
    left, top = (width - side) // 2, (height - side) // 2
    square = (left, top, left + side, top + side)
    scaled = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC, box=square)).transpose(2, 0, 1)
    assert np.array_equal(fitted[2], scaled)


def test_colours_become_luma(rng):
    dataset = _dataset(rng, 3, 32, 32)
    fitted = fit(dataset, channels=1).images
    assert fitted.shape == (4, 1, 32, 32)
    pillow = np.asarray(Image.fromarray(dataset.images[1].transpose(1, 2, 0)).convert("L"))
    assert np.abs(fitted[1, 0].astype(int) - pillow).max() <= 1
    red, white = np.zeros((2, 1, 3, 4, 4), dtype=np.uint8)
    red[:, 0], white[:] = 255, 255
    labels = np.zeros(1, np.int64)
    assert fit(ArrayDataset(red, labels, ("a",), "mine"), 1, 4).images.max() == 76
    assert (fit(ArrayDataset(white, labels, ("a",), "mine"), 1, 4).images == 255).all()


def test_grey_stays_grey_where_one_channel_is_asked(rng):
    dataset = _dataset(rng, 1, 16, 16)
    assert np.array_equal(fit(dataset, channels=1).images[:, :, ::2, ::2], dataset.images)


def test_no_images_are_fine(rng):
    assert fit(_dataset(rng, 1, 20, 20, n=0)).images.shape == (0, 3, 32, 32)


def test_digits_and_the_sample_fit_the_same_network():
    for name in ("digits", "cifar10-sample"):
        assert fit(load(name).test).images.shape[1:] == (3, 32, 32)


@pytest.mark.parametrize(
    ("channels", "arguments", "match"),
    [
        (2, {}, "mine: 2 channels cannot become 3; both must be 1 or 3"),
        (3, {"channels": 2}, "3 channels cannot become 2"),
        (3, {"size": 0}, "the size must be at least 1 pixel, got 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(channels, arguments, match, rng):
    with pytest.raises(DataError, match=match):
        fit(_dataset(rng, channels, 8, 8), **arguments)
