"""Fashion-MNIST: IDX files plain and packed, where packages put them and over the network."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest

from tinynet.data import DataError, datasets, load
from tinynet.data.download import obtain
from tinynet.data.idx import FASHION_MNIST, decode_idx


def _idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def tiny_idx():
    """Give a data set of 9 and 4 images of 5 by 6 pixels, under the names of Fashion-MNIST's files."""
    rng = np.random.default_rng(3)
    arrays = {}
    for images, labels, size in ((*FASHION_MNIST.files[:2], 9), (*FASHION_MNIST.files[2:], 4)):
        arrays[images] = rng.integers(0, 256, (size, 5, 6), dtype=np.uint8)
        arrays[labels] = rng.integers(0, 10, size, dtype=np.uint8)
    contents = {name: _idx(values) for name, values in arrays.items()}
    packed = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    file_set = replace(
        FASHION_MNIST,
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        archives={name: hashlib.sha256(content).hexdigest() for name, content in packed.items()},
        urls=(),
        system_folders=(),
    )
    return file_set, arrays, contents, packed


def _write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("below", ["", "fashion-mnist", "FashionMNIST/raw"])
@pytest.mark.parametrize("form", ["plain", "packed", "mixed"])
def test_every_form_and_folder_is_found(form, below, tiny_idx, tmp_path):
    file_set, _, contents, packed = tiny_idx
    assert file_set.find(tmp_path) is None
    mixed = {**dict(list(contents.items())[:2]), **dict(list(packed.items())[1:])}
    _write(tmp_path / below, {"plain": contents, "packed": packed, "mixed": mixed}[form])
    assert file_set.find(tmp_path) == contents


def test_load_decodes_images_and_labels(tiny_idx, tmp_path, monkeypatch):
    file_set, arrays, _, packed = tiny_idx
    monkeypatch.setattr(datasets, "FASHION_MNIST", file_set)
    _write(tmp_path, packed)
    train, test = load("fashion-mnist", data_dir=tmp_path, download=False)
    for part, (images, labels) in ((train, file_set.files[:2]), (test, file_set.files[2:])):
        assert np.array_equal(part.images[:, 0], arrays[images])
        assert part.labels.tolist() == arrays[labels].tolist()
        assert part.labels.dtype == np.int64
    assert train.classes[0] == "T-shirt/top"
    assert train.classes[9] == "Ankle boot"


def test_the_package_of_the_system_is_the_last_place(tiny_idx, tmp_path, monkeypatch):
    file_set, _, contents, packed = tiny_idx
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file_set = replace(file_set, system_folders=(str(tmp_path / "system"),))
    with pytest.raises(DataError, match=r"variable or .*cache/tinynet or .*system, and downloading"):
        obtain(file_set, download=False)
    _write(tmp_path / "system", packed)
    assert obtain(file_set, download=False) == contents
    _write(tmp_path / "variable", {**contents, file_set.files[0]: b""})
    with pytest.raises(DataError, match="variable"):
        obtain(file_set, download=False)
    with pytest.raises(DataError, match="given, and downloading is switched off"):
        obtain(file_set, data_dir=tmp_path / "given", download=False)


@pytest.mark.parametrize("as_mirror", [False, True])
def test_all_four_files_are_downloaded_from_one_source(as_mirror, tiny_idx, server, tmp_path, monkeypatch):
    file_set, _, contents, packed = tiny_idx
    server.files = packed
    urls = (f"{server.base}/missing/", f"{server.base}/bad/", f"{server.base}/good/")
    if as_mirror:
        monkeypatch.setenv("TINYNET_MIRROR", f"{server.base}/good")
        urls = (f"{server.base}/missing/",)
    assert obtain(replace(file_set, urls=urls), data_dir=tmp_path / "mine") == contents
    assert sorted(path.name for path in (tmp_path / "mine" / "fashion-mnist").iterdir()) == sorted(contents)
    kinds = [path.split("/")[1] for path in server.requests]
    assert kinds == (["good"] * 4 if as_mirror else ["missing", "bad", *["good"] * 4])
    assert obtain(replace(file_set, urls=urls), data_dir=tmp_path / "mine", download=False) == contents


def test_what_to_fetch_by_hand_is_said(tiny_idx, server, tmp_path):
    with pytest.raises(DataError) as caught:
        obtain(replace(tiny_idx[0], urls=(f"{server.base}/missing/",)), data_dir=tmp_path)
    for name in tiny_idx[0].archives:
        assert f"{server.base}/missing/{name}" in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda packed: packed.popitem(), "but not t10k-labels-idx1-ubyte"),
        (
            lambda packed: packed.update({"t10k-labels-idx1-ubyte.gz": gzip.compress(b"other")}),
            r"t10k-labels-idx1-ubyte\.gz \(MNIST's files have the same names\) is not the official file",
        ),
        (
            lambda packed: packed.update({k: v[:-9] for k, v in packed.items()}),
            r"train-images-idx3-ubyte\.gz cannot be read, or is damaged",
        ),
        (
            lambda packed: packed.update(dict.fromkeys(packed, b"not packed")),
            r"cannot be read, or is damaged: Not a gzipped file",
        ),
    ],
)
def test_damaged_files_are_refused(damage, match, tiny_idx, tmp_path):
    file_set, _, _, packed = tiny_idx
    damage(packed)
    _write(tmp_path, packed)
    with pytest.raises(DataError, match=match):
        file_set.find(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tiny_idx, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.gz is a file; fashion-mnist needs the folder of train-images"):
        tiny_idx[0].find(tmp_path / "a.gz")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "starts with nothing"),
        (b"\0\0\x08", "starts with 000008"),
        (b"\0\0\x0d\1\0\0\0\0", "starts with 00000d01"),
        (b"\0\1\x08\1\0\0\0\0", "starts with 00010801"),
        (b"\0\0\x08\2\0\0\0\1", "starts with 00000802"),
        (_idx(np.zeros((2, 3), np.uint8))[:-1], r"an IDX file of \(2, 3\) values has 5 bytes"),
        (_idx(np.zeros((2, 3), np.uint8)) + b"x", r"an IDX file of \(2, 3\) values has 7 bytes"),
    ],
)
def test_what_is_no_idx_file_is_refused(content, match):
    with pytest.raises(DataError, match=match):
        decode_idx(content)


def test_the_real_files_are_read():
    try:
        train, test = load("fashion-mnist", download=False)
    except DataError as error:
        pytest.skip(f"needs Fashion-MNIST on this machine: {error}")
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    for part, each in ((train, 6_000), (test, 1_000)):
        assert np.bincount(part.labels).tolist() == [each] * 10
