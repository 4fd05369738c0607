"""Datasets by name, the packaged sample, the validation split."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tinynet.data import ArrayDataset, DataError, load, make_sample, split_validation
from tinynet.data.cifar import CIFAR10
from tinynet.data.datasets import Splits
from tinynet.data.download import obtain
from tinynet.data.records import decode_records, encode_records
from tinynet.data.sample_reader import pack_sheet, read_index, read_sample, unpack_sheet
from tinynet.data.stratified import stratified

CLASSES = CIFAR10.labels["labels"]
SAMPLE = Path(str(files("tinynet.data") / "sample"))


@pytest.fixture(scope="module")
def official():
    """Give the official splits if the full data is on this machine."""
    try:
        contents = obtain(CIFAR10, download=False)
    except DataError as error:
        pytest.skip(f"needs full CIFAR-10 on this machine: {error}")
    parts = (decode_records([contents[name] for name in names]) for names in (CIFAR10.train, CIFAR10.test))
    return Splits(*(ArrayDataset(*part, CLASSES, "cifar10") for part in parts))


@pytest.fixture
def balanced():
    labels = np.arange(60, dtype=np.int64) % 3
    images = np.broadcast_to(np.arange(60, dtype=np.uint8)[:, None, None, None], (60, 3, 2, 2))
    return ArrayDataset(images, labels, ("a", "b", "c"), "balanced")


def test_records_are_decoded_as_the_format_says():
    label, red, green, blue = b"\x02", bytes(range(256)) * 4, b"\x07" * 1024, b"\x09" * 1023 + b"\xff"
    images, labels = decode_records([label + red + green + blue, b"\x01" + bytes(3072)])
    assert images.dtype == np.uint8
    assert images.shape == (2, 3, 32, 32)
    assert images.flags.c_contiguous
    assert labels.dtype == np.int64
    assert labels.tolist() == [2, 1]
    assert images[0, 0, 1, 3] == 35  # row 1, column 3 of the red plane is its byte 35
    assert (images[0, 1] == 7).all()
    assert images[0, 2, 31, 31] == 255
    assert encode_records(images, labels) == label + red + green + blue + b"\x01" + bytes(3072)


def test_load_cifar10_reads_the_official_files(official):
    splits = load("cifar10", download=False, progress=False)
    assert [len(part) for part in splits] == [50_000, 10_000]
    assert splits.train.images.shape == (50_000, 3, 32, 32)
    for part, size in zip(splits, (5_000, 1_000), strict=True):
        assert np.bincount(part.labels).tolist() == [size] * 10
    assert np.allclose(splits.train.images.mean((0, 2, 3)) / 255, (0.4914, 0.4822, 0.4465), atol=1e-4)
    assert np.array_equal(splits.test.images, official.test.images)


def test_the_sample_is_balanced_large_enough_and_small_enough():
    train, test = load("cifar10-sample")
    assert len(train) >= 2_500
    assert len(test) >= 500
    for part in (train, test):
        assert len(set(np.bincount(part.labels, minlength=10))) == 1
        assert part.images.dtype == np.uint8
        assert part.images.shape[1:] == (3, 32, 32)
        assert part.classes == CLASSES
        assert part.name == "cifar10-sample"
        assert len(np.unique(part.images.reshape(len(part), -1), axis=0)) == len(part)
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) <= 8_000_000


def test_every_sample_image_is_its_official_record(official):
    index = read_index(SAMPLE)
    assert index["source_sha256"] == CIFAR10.sha256
    for name, part, whole in zip(("train", "test"), load("cifar10-sample"), official, strict=True):
        positions = np.array(index[name]["positions"])
        assert len(np.unique(positions)) == len(part)
        assert np.array_equal(part.images, whole.images[positions])
        assert np.array_equal(part.labels, whole.labels[positions])


def test_the_script_chooses_the_packaged_images_again(official):
    index = read_index(SAMPLE)
    for name, whole in zip(("train", "test"), official, strict=True):
        size = len(index[name]["labels"])
        again = stratified(whole.labels, size, f"sample-{name}", index["seed"])
        assert again.tolist() == index[name]["positions"]


@pytest.fixture(scope="module")
def made_sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    rng = np.random.default_rng(1)
    labels = np.arange(200, dtype=np.int64) % 10
    images = rng.integers(0, 256, (2, 200, 3, 32, 32), dtype=np.uint8)
    splits = Splits(*(ArrayDataset(part, labels, CLASSES, "cifar10") for part in images))
    make_sample.make_sample(splits, folder, train=100, test=50, seed=3, effort=0)
    return splits, folder


@pytest.fixture
def small_sample(made_sample, tmp_path):
    splits, folder = made_sample
    return splits, Path(shutil.copytree(folder, tmp_path / "sample"))


def test_a_sample_is_written_without_loss(small_sample):
    splits, folder = small_sample
    index = read_index(folder)
    for name, size, part, whole in zip(
        ("train", "test"), (100, 50), read_sample(folder), splits, strict=True
    ):
        positions = index[name]["positions"]
        assert np.array_equal(part[0], whole.images[positions])
        assert np.bincount(part[1]).tolist() == [size // 10] * 10
        assert (
            hashlib.sha256((folder / f"{name}.webp").read_bytes()).hexdigest() == index[name]["sheet_sha256"]
        )


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda folder: (folder / "train.webp").unlink(), "cannot read .*train.webp"),
        (lambda folder: (folder / "sample.json").write_text("{"), "sample.json is damaged"),
        (lambda folder: (folder / "test.webp").write_bytes(b""), "test.webp does not have the recorded"),
    ],
)
def test_a_damaged_sample_is_refused(damage, match, small_sample):
    damage(small_sample[1])
    with pytest.raises(DataError, match=match):
        read_sample(small_sample[1])


def test_wrongly_decoded_pixels_are_refused(small_sample):
    _, folder = small_sample
    index = json.loads((folder / "sample.json").read_text())
    index["test"]["labels"][0] += 1
    (folder / "sample.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match="not decoded to the recorded pixels"):
        read_sample(folder)


@pytest.mark.parametrize(("size", "match"), [(75, "75 train"), (0, "0 train"), (250, "up to 200")])
def test_the_script_refuses_sizes_that_do_not_fill_a_sheet(size, match, small_sample, tmp_path):
    with pytest.raises(DataError, match=match):
        make_sample.make_sample(small_sample[0], tmp_path / "out", train=size, test=50, seed=0, effort=0)
    assert not (tmp_path / "out").exists()


def test_the_script_refuses_more_than_the_limit(small_sample, tmp_path, monkeypatch):
    monkeypatch.setattr(make_sample, "LIMIT_BYTES", 1_000)
    with pytest.raises(DataError, match="the limit is 1,000"):
        make_sample.make_sample(small_sample[0], tmp_path / "out", train=50, test=50, seed=0, effort=0)
    assert not (tmp_path / "out").exists()


def test_the_script_ends_with_code_2_without_data(tmp_path, capsys):
    (tmp_path / "data_batch_1.bin").write_bytes(b"")
    assert make_sample.main(["--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "error: " in capsys.readouterr().err


def test_sheets_are_tiles_row_by_row():
    images = np.random.default_rng(2).integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    sheet = pack_sheet(images, columns=3)
    assert sheet.shape == (64, 96, 3)
    assert np.array_equal(sheet[32:, 32:64].transpose(2, 0, 1), images[4])
    assert np.array_equal(unpack_sheet(sheet, columns=3), images)


IMAGES = np.zeros((4, 3, 5, 6), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        (IMAGES.astype(np.float32), LABELS, "float32"),
        (IMAGES[0], LABELS, r"uint8 \(3, 5, 6\)"),
        (IMAGES, LABELS[:3], r"int64 \(4,\), got int64 \(3,\)"),
        (IMAGES, LABELS.astype(np.uint8), "got uint8"),
        (IMAGES, LABELS + 1, r"1 labels are outside 0\.\.2, the first is 3"),
        (IMAGES, -LABELS, r"3 labels are outside 0\.\.2, the first is -1"),
    ],
)
def test_a_dataset_refuses_what_it_cannot_hold(images, labels, match):
    with pytest.raises(DataError, match=match):
        ArrayDataset(images, labels, ("a", "b", "c"), "bad")


def test_a_subset_keeps_order_and_copies(balanced):
    subset = balanced.subset(np.array([5, 1, 5]))
    assert subset.images[:, 0, 0, 0].tolist() == [5, 1, 5]
    assert subset.labels.tolist() == [2, 1, 2]
    assert (len(subset), subset.name, subset.classes) == (3, "balanced", ("a", "b", "c"))
    assert balanced.images.flags.c_contiguous


def test_the_validation_set_is_balanced_disjoint_and_fixed_by_the_seed(balanced):
    train, validation = split_validation(balanced, 15, seed=1)
    assert np.bincount(validation.labels).tolist() == [5, 5, 5]
    kept, taken = train.images[:, 0, 0, 0], validation.images[:, 0, 0, 0]
    assert sorted([*kept, *taken]) == list(range(60))
    assert list(taken) == sorted(taken)
    assert list(kept) == sorted(kept)
    assert np.array_equal(taken % 3, validation.labels)
    assert np.array_equal(taken, split_validation(balanced, 15, seed=1)[1].images[:, 0, 0, 0])
    assert not np.array_equal(taken, split_validation(balanced, 15, seed=2)[1].images[:, 0, 0, 0])


@pytest.mark.parametrize("size", [0, 1, 7, 44, 59])
def test_the_validation_set_has_exactly_the_size_asked(size, balanced):
    unequal = balanced.subset(np.flatnonzero((balanced.labels != 0) | (np.arange(60) < 30)))
    whole = replace(unequal, labels=unequal.labels)
    size = min(size, len(whole) - 1)
    train, validation = split_validation(whole, size, seed=0)
    assert (len(train), len(validation)) == (len(whole) - size, size)
    exact = np.bincount(whole.labels, minlength=3) * size / len(whole)
    assert np.abs(np.bincount(validation.labels, minlength=3) - exact).max() < 1


@pytest.mark.parametrize(("size", "expected"), [(7, [4, 2, 1]), (3, [1, 1, 1]), (10, [5, 3, 2])])
def test_leftover_places_go_to_the_largest_remainders(size, expected):
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    assert np.bincount(labels[stratified(labels, size, "validation", 0)], minlength=3).tolist() == expected


@pytest.mark.parametrize("size", [-1, 60, 61])
def test_the_validation_set_cannot_be_everything(size, balanced):
    with pytest.raises(DataError, match=f"validation set of {size} images"):
        split_validation(balanced, size, seed=0)
