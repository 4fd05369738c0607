from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.looks import colours, differ
from tinynet.viz import mistakes


def test_finds_wrong_answers_the_surest_first():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.95, 0.05]])
    labels = np.array([0, 1, 0, 0, 1])
    assert mistakes.find(probabilities, labels).tolist() == [4, 2, 3, 1]
    assert mistakes.find(probabilities, labels, most=2).tolist() == [4, 2]
    assert mistakes.find(probabilities, np.array([0, 0, 1, 1, 0])).tolist() == []


@pytest.mark.parametrize("count, channels", [(1, 3), (5, 3), (20, 1)])
def test_other_images_give_another_picture(count, channels, rng, tmp_path):
    images = rng.integers(0, 256, size=(count, channels, 32, 32), dtype=np.uint8)
    words = (["ship"] * count, [0.9] * count, ["cat"] * count)
    first = mistakes.draw(images, *words, tmp_path / "a.png", "title")
    second = mistakes.draw(255 - images, *words, tmp_path / "b.png", "title")
    assert colours(first) > 200
    assert differ(first, second)


def test_each_image_says_what_it_was_taken_for_and_what_it_is(rng, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    images = rng.integers(0, 256, size=(2, 3, 8, 8), dtype=np.uint8)
    mistakes.draw(images, ["ship", "d$g$"], [0.987, 0.5], ["cat", "a" * 30], tmp_path / "a.png", "title")
    first, second, *rest = figures[0].axes
    assert first.get_title() == "ship 98.7 %\nis cat"
    assert second.get_title() == "d$g$ 50.0 %\nis " + "a" * 17 + "…"
    assert not second.title.get_parse_math()
    assert np.array_equal(second.images[0].get_array(), images[1].transpose(1, 2, 0))
    assert not any(axes.images or axes.axison for axes in rest)


@pytest.mark.parametrize("images, words", [(0, 0), (2, 3)])
def test_refuses_unequal_lengths(images, words, tmp_path):
    with pytest.raises(ValueError, match=f"got {words}, {words} and {words} for {images}"):
        mistakes.draw(
            np.zeros((images, 3, 8, 8), np.uint8),
            *(["a"] * words, [0.5] * words, ["b"] * words),
            tmp_path / "a.png",
            "",
        )
