from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tinynet.training import curves, files
from tinynet.training.errors import OutputError


def record(epoch, **changes):
    line = {
        "epoch": epoch,
        "train_loss": 2.0 / epoch,
        "train_accuracy": 0.2,
        "val_loss": 1.9,
        "val_accuracy": 0.3,
    }
    return {**line, **changes}


@pytest.mark.parametrize(
    "records",
    [
        [record(1)],
        [record(1), record(2), record(3)],
        [record(epoch) for epoch in range(1, 200)],
        [record(1, val_loss=None, val_accuracy=None)],
        [record(1), record(2, train_loss=None, val_loss=None)],
    ],
    ids=["one epoch", "three", "many", "no validation", "not finite"],
)
def test_draws_a_picture(tmp_path, records):
    with Image.open(curves.draw(records, tmp_path, "title")) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 600
    blue = np.abs(pixels - [31, 119, 180]).sum(axis=2) < 12  # the training curves
    assert blue[:, : pixels.shape[1] // 2].any()
    assert blue[:, pixels.shape[1] // 2 :].any()
    orange = np.abs(pixels - [255, 127, 14]).sum(axis=2) < 12
    assert orange.any() == (records[0]["val_loss"] is not None)


def test_an_axis_of_one_epoch_has_no_fractions(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    curves.draw([record(7)], tmp_path, "title")
    for axes in figures[0].axes:
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [6, 7, 8]


def test_picture_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    before = curves.draw([record(1)], tmp_path, "title").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match=r"curves\.png: No space left on device"):
        curves.draw([record(1), record(2)], tmp_path, "title")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("curves.png", before)]


def test_folder_that_is_gone_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*curves\.png: No such file"):
        curves.draw([record(1)], tmp_path / "gone", "title")
