"""Folders of the user's own pictures: layouts, formats, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tinynet.data import DataError, class_counts, load


def _picture(path, colour=(10, 20, 30), size=(40, 36)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def _write(folder, counts):
    """Write so many pictures of each class, their number in the red channel, the class's in the green one."""
    for label, (name, count) in enumerate(counts.items()):
        for number in range(count):
            _picture(folder / name / f"{number:03}.png", (number, label, 0))


def _numbers(part, label):
    return part.images[part.labels == label][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("second", ["test", "val"])
def test_train_and_test_folders(second, tmp_path):
    _write(tmp_path / "train", {"a cat": 3, "dog": 2})
    _write(tmp_path / second, {"a cat": 1, "dog": 4})
    train, test = load("image-folder", data_dir=str(tmp_path), progress=False)
    assert train.classes == test.classes == ("a cat", "dog")
    assert train.images.shape == (5, 3, 32, 32)
    assert train.labels.tolist() == [0, 0, 0, 1, 1]
    assert test.labels.tolist() == [0, 1, 1, 1, 1]
    assert train.images[:, 0, 5, 5].tolist() == [0, 1, 2, 0, 1]
    assert np.array_equal(train.images[:, 1, 0, 0], train.labels)
    assert train.name == "image-folder"


def test_one_folder_is_split_in_each_class(tmp_path):
    counts = {"a": 20, "b": 7, "c": 2}
    _write(tmp_path, counts)
    train, test = load("image-folder", data_dir=tmp_path, progress=False)
    assert class_counts(test) == {"a": 4, "b": 1, "c": 1}
    for label, count in enumerate(counts.values()):
        assert sorted(_numbers(train, label) + _numbers(test, label)) == list(range(count))
    assert _numbers(test, 0) not in ([0, 1, 2, 3], [16, 17, 18, 19])
    again = load("image-folder", data_dir=tmp_path, progress=False)
    assert np.array_equal(again.test.images, test.images)


def test_pictures_of_any_size_become_squares_of_one(tmp_path):
    _picture(tmp_path / "a" / "1.png", size=(10, 200))
    left_and_right = Image.new("RGB", (300, 100), "red")
    left_and_right.paste((0, 0, 255), (100, 0, 200, 100))
    left_and_right.save(tmp_path / "a" / "2.png")
    _write(tmp_path, {"b": 2})
    parts = load("image-folder", data_dir=tmp_path, image_size=24, progress=False)
    images = np.concatenate([part.images[part.labels == 0] for part in parts])
    assert images.shape == (2, 3, 24, 24)
    centres = {tuple(image[:, 12, 12].tolist()) for image in images}
    assert centres == {(10, 20, 30), (0, 0, 255)}


def test_every_mode_becomes_rgb_and_alpha_white(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    Image.new("L", (32, 32), 7).save(tmp_path / "train" / "a" / "1.PNG")
    Image.new("RGBA", (32, 32), (9, 9, 9, 0)).save(tmp_path / "train" / "a" / "2.png")
    palette = Image.new("P", (32, 32), 1)
    palette.putpalette([0, 0, 0, 1, 2, 3])
    palette.save(tmp_path / "train" / "a" / "3.gif")
    Image.new("RGB", (32, 32), (200, 100, 50)).save(tmp_path / "train" / "a" / "4.jpeg", quality=95)
    _write(tmp_path / "train", {"b": 1})
    _write(tmp_path / "test", {"a": 1, "b": 1})
    train = load("image-folder", data_dir=tmp_path, progress=False).train
    colours = train.images[train.labels == 0][:, :, 3, 3].astype(int)
    assert colours[:3].tolist() == [[7, 7, 7], [255, 255, 255], [1, 2, 3]]
    assert np.abs(colours[3] - (200, 100, 50)).max() <= 4


def test_other_files_are_left_out(tmp_path):
    _write(tmp_path, {"a": 3, "b": 3})
    for name in ("a/notes.txt", "a/.hidden.png", "a/Thumbs.db", "a/._0.png", "b/.DS_Store", "readme.png"):
        (tmp_path / name).write_text("no picture")
    for name in (".git", "__MACOSX", "a/folder.png"):
        (tmp_path / name).mkdir()
    train, test = load("image-folder", data_dir=tmp_path, progress=False)
    assert train.classes == ("a", "b")
    assert len(train) + len(test) == 6


BROKEN = {
    "nothing": (lambda folder: None, r"data is no folder; name one with train/CLASS/name\.png"),
    "a file": (lambda folder: folder.write_text(""), r"data is no folder"),
    "no classes": (lambda folder: folder.mkdir(), r"data has 0 folders of classes, at least 2 are needed"),
    "one class": (lambda folder: _write(folder, {"a": 3}), r"data has 1 folders of classes"),
    "empty class": (
        lambda folder: (_write(folder, {"a": 3}), (folder / "b").mkdir()),
        r"the class folder .*data/b has no pictures; the layout is",
    ),
    "one level too high": (
        lambda folder: (_write(folder / "x", {"a": 3, "b": 2}), _write(folder / "y", {"a": 3})),
        r"data/x has no pictures; it has folders \(a, b\)",
    ),
    "a single picture": (
        lambda folder: _write(folder, {"a": 3, "b": 1}),
        r"the class b has 1 picture; training and testing need one each",
    ),
    "no test": (lambda folder: _write(folder / "train", {"a": 1, "b": 1}), "train but not test or val"),
    "no train": (lambda folder: _write(folder / "val", {"a": 1, "b": 1}), "val but not train"),
    "test and val": (
        lambda folder: [_write(folder / part, {"a": 1, "b": 1}) for part in ("train", "test", "val")],
        "both test and val: move one of them away",
    ),
    "only in train": (
        lambda folder: (
            _write(folder / "train", {"a": 1, "b": 1, "c": 1, "d": 1}),
            _write(folder / "test", {"a": 1, "b": 1}),
        ),
        "data/test lacks the class c and d; both parts need all classes",
    ),
    "only in test": (
        lambda folder: (
            _write(folder / "train", {"a": 1, "b": 1}),
            _write(folder / "val", {"a": 1, "b": 1, "c": 1}),
        ),
        "data/train lacks the class c;",
    ),
    "unreadable": (
        lambda folder: (_write(folder, {"a": 3, "b": 3}), (folder / "b" / "001.png").write_text("hello")),
        r"cannot read .*data/b/001\.png as an image",
    ),
}


@pytest.mark.parametrize(("write", "match"), BROKEN.values(), ids=BROKEN)
def test_unusable_folders_are_refused(write, match, tmp_path):
    write(tmp_path / "data")
    with pytest.raises(DataError, match=match):
        load("image-folder", data_dir=tmp_path / "data", progress=False)


def test_the_folder_must_be_named():
    with pytest.raises(DataError, match=r"image-folder is a folder of your own: name it with --data-dir"):
        load("image-folder")


def test_an_image_size_must_be_positive(tmp_path):
    with pytest.raises(DataError, match="image_size 0: must be at least 1 pixel"):
        load("image-folder", data_dir=tmp_path, image_size=0)


def test_nothing_is_printed_where_there_is_no_terminal(tmp_path, capfd):
    _write(tmp_path, {"a": 2, "b": 2})
    load("image-folder", data_dir=tmp_path)
    assert capfd.readouterr() == ("", "")
