from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from tests.viz.looks import colours, differ
from tinynet.viz import learning_rate


def test_other_rates_give_another_picture(tmp_path):
    first = learning_rate.draw([1, 2, 3], [0.1, 0.05, 0.01], tmp_path / "a.png", "title")
    second = learning_rate.draw([1, 2, 3], [0.1, 0.02, 0.01], tmp_path / "b.png", "title")
    assert colours(first) > 20
    assert differ(first, second)


@pytest.mark.parametrize(
    "rates, scale",
    [
        ([0.1] * 4 + [0.01] * 3 + [0.001] * 3, "log"),
        ([0.1] * 10, "linear"),
        ([0.01 * n for n in range(10, 0, -1)], "linear"),
        ([0.1] * 5 + [0.0] * 5, "linear"),
    ],
    ids=["steps", "constant", "falling", "zero"],
)
def test_rates_that_drop_by_factors_have_a_logarithmic_axis(rates, scale, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    learning_rate.draw(list(range(1, 11)), rates, tmp_path / "a.png", "title")
    [axes] = figures[0].axes
    assert axes.get_yscale() == scale
    [line] = axes.lines
    assert line.get_xydata().tolist() == [[epoch, rate] for epoch, rate in enumerate(rates, 1)]


def test_one_epoch_is_drawn(tmp_path):
    assert colours(learning_rate.draw([7], [0.1], tmp_path / "a.png", "title")) > 20


@pytest.mark.parametrize("epochs, rates", [([], []), ([1, 2], [0.1])])
def test_refuses_unequal_lengths(epochs, rates, tmp_path):
    with pytest.raises(ValueError, match=f"got {len(rates)} for {len(epochs)}"):
        learning_rate.draw(epochs, rates, tmp_path / "a.png", "title")
