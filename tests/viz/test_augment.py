"""`python -m tinynet.viz augment` and `samples`: the pictures show what they say, without a network."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.looks import colours
from tinynet.viz import grid
from tinynet.viz.__main__ import main
from tinynet.viz.figures import shorten


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_an_augmentation_is_drawn_and_another_seed_is_another_picture(tmp_path, capsys):
    small = ("--images", "2", "--views", "3")
    assert main(["augment", *small]) == 0
    assert capsys.readouterr().out == "2 images of cifar10-sample, each with 3 views: augment.png\n"
    assert main(["augment", *small, "--out", "again.png"]) == 0
    assert main(["augment", *small, "--seed", "1", "--out", "other.png"]) == 0
    first, again, other = (
        (tmp_path / name).read_bytes() for name in ("augment.png", "again.png", "other.png")
    )
    assert first == again
    assert first != other
    assert colours(tmp_path / "augment.png") > 100


@pytest.mark.parametrize("name", ["none", "crop28-flip", "crop-flip-cutout"])
def test_every_kind_of_view_fits_beside_its_image(tmp_path, name):
    assert main(["augment", "--augment", name, "--images", "1", "--views", "2"]) == 0
    assert colours(tmp_path / "augment.png") > 100


def test_samples_are_drawn_and_counted(tmp_path, capsys):
    assert main(["samples", "--images", "6", "--columns", "3"]) == 0
    out = capsys.readouterr().out
    counts = re.findall(r"^(\w+) +([\d,]+) +([\d,]+)$", out, re.M)
    assert counts[0] == ("airplane", "350", "100")
    assert counts[-1] == ("all", "3,500", "1,000")
    assert len(counts) == 11
    assert out.endswith("6 of them: samples.png\n")
    assert colours(tmp_path / "samples.png") > 100


def test_grey_images_of_another_size_can_be_drawn(tmp_path, capsys):
    assert main(["samples", "--dataset", "digits", "--images", "10"]) == 0
    assert (
        main(["augment", "--dataset", "digits", "--images", "1", "--views", "2", "--augment", "crop-flip"])
        == 0
    )
    assert colours(tmp_path / "samples.png") > 10


@pytest.mark.parametrize(
    "words, message",
    [
        (["augment", "--augment", "crop"], "--augment crop: did you mean crop-flip"),
        (["augment", "--images", "0"], "--images: 0: must be at least 1"),
        (["augment", "--dataset", "cifar"], "--dataset: invalid choice: 'cifar'"),
        (["samples", "--data-dir", "x"], "cifar10-sample is not read from a folder"),
        (["samples", "--dataset", "image-folder", "--data-dir", "gone"], "gone"),
        (["samples", "--out", "gone/x.png"], "--out: gone/x.png: there is no folder gone; make it first"),
        (["augment", "--out", "x.jpg"], "--out: x.jpg: pictures are PNG"),
        (["samples", "--images", "1000000"], "3,500 images in one picture: at most 500, ask for fewer"),
        (["samples", "--columns", "21"], "21 images in a row: at most 20"),
        (["augment", "--images", "100"], "800 images in one picture: at most 500, ask for fewer"),
    ],
)
def test_mistakes_give_one_message(words, message, capsys):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"tinynet.viz {words[0]}: error: ")
    assert message in err
    assert "Traceback" not in err


def test_captions_are_cut_where_the_next_image_begins(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    for columns in (2, 8, 16):
        caption = shorten("n" * 80, grid.letters(columns))
        grid.draw(np.zeros((columns, 3, 4, 4), np.uint8), [caption] * columns, columns, tmp_path / "x", "")
        figure = figures.pop()
        figure.draw_without_rendering()
        boxes = [axes.title.get_window_extent() for axes in figure.axes]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes)), columns


def test_a_grid_needs_a_caption_for_each_image(tmp_path):
    for count, captions in ((0, []), (2, ["a"])):
        with pytest.raises(ValueError, match="one or more images and a caption each"):
            grid.draw(np.zeros((count, 3, 4, 4), np.uint8), captions, 2, tmp_path / "x.png", "title")
