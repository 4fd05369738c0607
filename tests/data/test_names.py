"""Every data set that has a name: what `load` gives, its statistics, its counts."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tinynet.data import ArrayDataset, DataError, class_counts, datasets, load, names, statistics
from tinynet.data.cifar import CIFAR100
from tinynet.data.records import IMAGE_SHAPE


@pytest.fixture
def hundred(tiny_hundred, monkeypatch, tmp_path):
    """Let the tiny data set of two label bytes stand for CIFAR-100, its files in tmp_path."""
    for name, key in (("cifar100", "fine_labels"), ("cifar100-coarse", "coarse_labels")):
        reader = datasets._read_records(tiny_hundred.record_set, key)
        monkeypatch.setitem(datasets._TABLE, name, datasets._Entry(reader, IMAGE_SHAPE))
    for name, content in tiny_hundred.contents.items():
        (tmp_path / name).write_bytes(content)
    return tiny_hundred


def test_all_names_are_listed():
    assert names() == (
        *("cifar10", "cifar10-sample", "cifar100", "cifar100-coarse"),
        *("fashion-mnist", "digits", "image-folder"),
    )


def test_cifar100_has_the_label_set_of_its_name(hundred, tmp_path):
    fine = load("cifar100", data_dir=tmp_path, download=False)
    coarse = load("cifar100-coarse", data_dir=tmp_path, download=False)
    for part in ("train", "test"):
        one, other = getattr(fine, part), getattr(coarse, part)
        assert one.labels.tolist() == hundred.fine[part]
        assert other.labels.tolist() == hundred.coarse[part]
        assert np.array_equal(one.images, hundred.pixels[part].reshape(-1, 3, 32, 32))
        assert np.array_equal(one.images, other.images)
    assert (fine.train.classes, coarse.train.classes) == (tuple("abcde"), ("low", "high"))
    assert (fine.train.name, coarse.test.name) == ("cifar100", "cifar100-coarse")


def test_cifar100_is_as_large_as_the_official_one():
    assert [len(classes) for classes in CIFAR100.labels.values()] == [20, 100]
    for classes in CIFAR100.labels.values():
        assert list(classes) == sorted(set(classes))  # the official lists are alphabetical
    sizes = {name: records * CIFAR100.record_bytes for name, records in CIFAR100.files.items()}
    assert sizes == {"train.bin": 153_700_000, "test.bin": 30_740_000}


def test_cifar100_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(DataError, match=r"cifar100 is not in .*, and downloading is switched off"):
        load("cifar100-coarse", data_dir=tmp_path, download=False)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cifar11", r"did you mean cifar10"),
        ("fashion_mnist", r"did you mean fashion-mnist\?"),
        ("svhn", r"; choose one of cifar10, cifar10-sample, cifar100"),
    ],
)
def test_unknown_names_are_refused(name, hint):
    with pytest.raises(DataError, match=f"unknown dataset '{name}'.*{hint}"):
        load(name)


@pytest.mark.parametrize("name", ["cifar10-sample", "digits"])
def test_a_folder_is_refused_where_it_has_no_meaning(name, tmp_path):
    with pytest.raises(DataError, match=f"{name} is not read from a folder: leave --data-dir {tmp_path} out"):
        load(name, data_dir=tmp_path)


@pytest.mark.parametrize("name", ["cifar10", "digits"])
def test_an_image_size_is_for_the_folder_alone(name):
    with pytest.raises(DataError, match=rf"image-folder alone; data\.fit changes the size of {name}"):
        load(name, image_size=32)


def test_digits_are_scaled_split_and_balanced():
    from sklearn.datasets import load_digits

    train, test = load("digits")
    assert (train.images.shape, test.images.shape) == ((1437, 1, 8, 8), (360, 1, 8, 8))
    original = load_digits()
    table = {image.tobytes(): label for image, label in zip(original.images, original.target, strict=True)}
    for part in (train, test):
        assert part.classes == tuple("0123456789")
        assert part.images.max() == 255
        back = np.rint(part.images[:, 0] * (16 / 255))
        assert [table[image.tobytes()] for image in back] == part.labels.tolist()
    rows = {image.tobytes() for image in train.images} | {image.tobytes() for image in test.images}
    assert len(rows) == len(table)
    exact = np.bincount(original.target) * 360 / 1797
    assert np.abs(np.array(list(class_counts(test).values())) - exact).max() < 1
    assert np.array_equal(load("digits").test.images, test.images)


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        load("digits")


def _dataset(images, name):
    labels = np.arange(len(images), dtype=np.int64) % 3
    return ArrayDataset(images, labels, ("a", "b", "c", "d"), name)


def test_published_statistics_hold_for_images_as_they_come(rng):
    images = rng.integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    for name, mean in (("cifar10-sample", 0.4914), ("cifar10", 0.4914), ("cifar100-coarse", 0.5071)):
        assert statistics(_dataset(images, name)).mean[0] == mean
    assert statistics(_dataset(images[:, :1, :28, :28], "fashion-mnist")) == ((0.2860,), (0.3530,))


@pytest.mark.parametrize(
    ("name", "shape"), [("cifar10", (3, 16, 16)), ("fashion-mnist", (3, 32, 32)), ("mine", (1, 8, 9))]
)
def test_other_statistics_are_computed(name, shape, rng):
    images = rng.integers(0, 256, (7, *shape), dtype=np.uint8)
    mean, std = statistics(_dataset(images, name))
    scaled = images / 255
    assert np.allclose(mean, scaled.mean((0, 2, 3)), rtol=1e-12)
    assert np.allclose(std, scaled.std((0, 2, 3)), rtol=1e-12)
    assert all(type(value) is float for value in (*mean, *std))


def test_a_constant_channel_can_be_normalised():
    assert statistics(_dataset(np.full((3, 1, 4, 4), 51, np.uint8), "mine")) == ((0.2,), (1.0,))


def test_no_images_have_no_statistics():
    with pytest.raises(DataError, match="mine: no images"):
        statistics(_dataset(np.zeros((0, 1, 4, 4), np.uint8), "mine"))


def test_published_statistics_are_those_of_the_images():
    """All of CIFAR-10 and Fashion-MNIST, where they are on this machine."""
    for name in ("cifar10", "fashion-mnist"):
        try:
            train = load(name, download=False).train
        except DataError as error:
            pytest.skip(f"needs {name} on this machine: {error}")
        computed = statistics(ArrayDataset(train.images, train.labels, train.classes, "by pixels"))
        assert np.allclose(computed, statistics(train), atol=6e-5)


def test_classes_are_counted_in_their_order():
    assert class_counts(_dataset(np.zeros((7, 1, 2, 2), np.uint8), "mine")) == {
        "a": 3,
        "b": 2,
        "c": 2,
        "d": 0,
    }
