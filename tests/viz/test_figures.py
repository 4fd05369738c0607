from __future__ import annotations

import numpy as np
import pytest

from tinynet.viz import figures


def test_tile_puts_images_row_by_row():
    images = np.arange(3 * 2 * 1).reshape(3, 2, 1)
    nan = np.nan
    expected = [[0, nan, 2], [1, nan, 3], [nan, nan, nan], [4, nan, nan], [5, nan, nan]]
    assert np.array_equal(figures.tile(images, columns=2, gap=1), expected, equal_nan=True)
    assert figures.tile(np.ones((5, 2, 3, 4)), columns=5, gap=0).shape == (2, 15, 4)


def test_pixels_puts_colours_last_and_repeats_grey(rng):
    image = rng.integers(0, 256, size=(3, 4, 5), dtype=np.uint8)
    assert np.array_equal(figures.pixels(image)[1, 2], image[:, 1, 2])
    assert np.array_equal(figures.pixels(image[:1])[1, 2], [image[0, 1, 2]] * 3)


@pytest.mark.parametrize("shape", [(2, 4, 5), (4, 5), (1, 3, 4, 5)])
def test_pixels_refuses_what_is_no_image(shape):
    with pytest.raises(ValueError, match=r"must be \(3, H, W\) or \(1, H, W\), got"):
        figures.pixels(np.zeros(shape))


def test_shorten_keeps_what_fits():
    assert figures.shorten("automobile", 10) == "automobile"
    assert figures.shorten("automobiles", 10) == "automobil…"
