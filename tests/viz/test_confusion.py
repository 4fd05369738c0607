from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.looks import colours, differ
from tinynet.viz import confusion


def test_counts_true_classes_in_rows():
    labels, predicted = np.array([0, 0, 0, 2, 2]), np.array([0, 2, 2, 2, 1])
    assert confusion.counts(labels, predicted, 4).tolist() == [
        [1, 0, 2, 0],
        [0, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
    ]


def test_shares_of_a_class_without_images_are_nan():
    shares = confusion.shares(np.array([[1, 3], [0, 0]]))
    assert shares[0].tolist() == [0.25, 0.75]
    assert np.isnan(shares[1]).all()


@pytest.mark.parametrize("size", [2, 20, 100])
def test_other_counts_give_another_picture(size, rng, tmp_path):
    names = [f"class_number_{i}" for i in range(size)]
    table = rng.integers(0, 50, size=(size, size))
    first = confusion.draw(table, names, tmp_path / "a.png", "title")
    second = confusion.draw(table.T, names, tmp_path / "b.png", "title")
    assert colours(first) > 50
    assert differ(first, second)


def drawn(table, names, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    confusion.draw(table, names, tmp_path / "a.png", "title")
    return figures[0].axes


def test_ten_classes_have_numbers_and_their_accuracy(rng, tmp_path, monkeypatch):
    table = rng.integers(0, 2000, size=(10, 10))
    table[3] = 0
    names = [f"$name {i}$" for i in range(10)]
    cells, bars = drawn(table, names, monkeypatch, tmp_path)
    assert [text.get_text() for text in cells.texts] == [f"{count:,}" for count in table.ravel()]
    assert [(text.get_text(), text.get_parse_math()) for text in cells.get_yticklabels()] == [
        (name, False) for name in names
    ]
    wanted = ["–" if i == 3 else f"{100 * table[i, i] / table[i].sum():.1f}" for i in range(10)]
    assert [text.get_text() for text in bars.texts] == wanted
    assert bars.patches[0].get_width() == pytest.approx(100 * table[0, 0] / table[0].sum())


def test_a_hundred_classes_have_names_but_no_numbers(rng, tmp_path, monkeypatch):
    names = [f"class {i}" for i in range(100)]
    cells, bars, scale = drawn(rng.integers(0, 5, size=(100, 100)), names, monkeypatch, tmp_path)
    assert not cells.texts
    assert not bars.texts
    assert len(bars.patches) == 100
    assert [text.get_text() for text in cells.get_xticklabels()] == names
    assert scale.get_xlabel() == "Share of the true class"


def test_refuses_a_table_of_another_size(tmp_path):
    with pytest.raises(ValueError, match=r"2 classes need a table of \(2, 2\), got \(3, 3\)"):
        confusion.draw(np.zeros((3, 3), dtype=int), ["a", "b"], tmp_path / "a.png", "title")
