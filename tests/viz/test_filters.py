from __future__ import annotations

import numpy as np
import pytest

from tests.viz.looks import colours, differ, has
from tinynet.viz import filters


def test_each_filter_is_scaled_alike(rng):
    weight = rng.standard_normal((4, 3, 5, 5)).astype(np.float32)
    weight[1] *= 1000
    weight[2] = 0
    shown = filters.shown(weight)
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (shown[2] == 0.5).all()
    for i in (0, 1, 3):
        assert np.abs(shown[i] - 0.5).max() == 0.5
        assert np.allclose(2 * shown[i] - 1, weight[i] / np.abs(weight[i]).max())


@pytest.mark.parametrize("shape", [(1, 3, 3, 3), (6, 3, 5, 5), (16, 1, 3, 3), (100, 3, 7, 7)])
def test_other_weights_give_another_picture(shape, rng, tmp_path):
    weight = rng.standard_normal(shape)
    first = filters.draw(weight, tmp_path / "a.png", "title")
    second = filters.draw(-weight, tmp_path / "b.png", "title")
    assert colours(first) > 8
    assert differ(first, second)


def test_colours_are_those_of_the_weights(tmp_path):
    weight = np.zeros((2, 3, 3, 3))
    weight[0, 0], weight[1, 2] = 1, -2
    path = filters.draw(weight, tmp_path / "a.png", "title")
    assert has(path, [255, 127, 127])
    assert has(path, [127, 127, 0])
    assert not has(path, [127, 127, 255])


def test_first_convolution_is_found():
    linear, conv, other = np.zeros((5, 3)), np.ones((4, 3, 3, 3)), np.ones((8, 4, 3, 3))
    found = filters.first({"fc.weight": linear, "conv2.weight": other, "conv1.weight": conv})
    assert found == ("conv1.weight", conv)
    assert filters.first({"fc.weight": linear, "conv2.weight": other}) is None


@pytest.mark.parametrize("shape", [(4, 2, 3, 3), (0, 3, 3, 3), (3, 3)])
def test_refuses_other_shapes(shape, tmp_path):
    with pytest.raises(ValueError, match="got"):
        filters.draw(np.zeros(shape), tmp_path / "a.png", "title")
