"""Records found in every official form; damaged data is refused with its name."""

from __future__ import annotations

import json

import pytest

from tinynet.data.archives import find, read_archive
from tinynet.data.errors import DataError


def _write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


FORMS = {
    "record files": lambda tiny, place: _write(place, tiny.contents),
    "folder of record files": lambda tiny, place: _write(place / "tiny-batches-bin", tiny.contents),
    "python batches": lambda tiny, place: _write(place, tiny.batches),
    "folder of python batches": lambda tiny, place: _write(place / "tiny-batches-py", tiny.batches),
    "binary archive": lambda tiny, place: _write(
        place, {n: c for n, c in tiny.archives.items() if "binary" in n}
    ),
    "python archive": lambda tiny, place: _write(
        place, {n: c for n, c in tiny.archives.items() if "python" in n}
    ),
}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_every_form_gives_the_official_records(write, tiny, tmp_path):
    write(tiny, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert find(tmp_path, tiny.record_set) == tiny.contents
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked beside the user's files


@pytest.mark.parametrize("name", ["tiny-binary.tar.gz", "tiny-python.tar.gz", "tiny-1.0.0.tgz"])
def test_an_archive_can_be_named_itself(name, tiny, tmp_path):
    _write(tmp_path, {"renamed": tiny.archives[name]})
    assert find(tmp_path / "renamed", tiny.record_set) == tiny.contents


def test_nothing_there_is_no_error(tiny, tmp_path):
    _write(tmp_path / "unrelated", {"data_batch_1.bin": b""})
    assert find(tmp_path, tiny.record_set) is None
    assert find(tmp_path / "missing", tiny.record_set) is None


def _set_label(content, record, label):
    return content[: record * 3073] + bytes([label]) + content[record * 3073 + 1 :]


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (
            lambda c: c[:-1],
            r"data_batch_2\.bin is truncated: 61,459 bytes instead of 61,460 \(20 records of 3,073",
        ),
        (lambda c: c[:30_000], "truncated: 30,000 bytes"),
        (lambda c: b"", "truncated: 0 bytes"),
        (lambda c: c + b"x", "too long: 61,461 bytes"),
        (
            lambda c: _set_label(c, 4, 3),
            r"data_batch_2\.bin: label 3 of record 4 is outside 0\.\.2, as are 1 of 20",
        ),
        (
            lambda c: c[:-1] + bytes([c[-1] ^ 1]),
            r"data_batch_2\.bin is not the official file: its SHA-256 is \w{64}",
        ),
    ],
    ids=["one byte short", "half", "empty", "too long", "label", "one bit"],
)
def test_a_damaged_record_file_is_refused(damage, match, tiny, tmp_path):
    _write(tmp_path, {**tiny.contents, "data_batch_2.bin": damage(tiny.contents["data_batch_2.bin"])})
    with pytest.raises(DataError, match=match):
        find(tmp_path, tiny.record_set)


@pytest.mark.parametrize("form", ["contents", "batches"])
def test_an_incomplete_set_is_refused(form, tiny, tmp_path):
    files = dict(getattr(tiny, form))
    missing = list(files)[1]
    del files[missing]
    _write(tmp_path, files)
    with pytest.raises(DataError, match=f"but not {missing}"):
        find(tmp_path, tiny.record_set)


@pytest.mark.parametrize("cut", [10, 5_000, -1_000])
@pytest.mark.parametrize("name", ["tiny-binary.tar.gz", "tiny-python.tar.gz", "tiny-1.0.0.tgz"])
def test_a_cut_archive_is_refused(name, cut, tiny, tmp_path):
    _write(tmp_path, {"cut.tar.gz": tiny.archives[name][:cut]})
    with pytest.raises(DataError, match=r"cut\.tar\.gz is not a readable archive"):
        read_archive(tmp_path / "cut.tar.gz", tiny.record_set)


def test_a_file_that_is_no_archive_is_refused(tiny, tmp_path):
    _write(tmp_path, {"notes.txt": b"hello"})
    with pytest.raises(DataError, match=r"notes\.txt is not a readable archive"):
        find(tmp_path / "notes.txt", tiny.record_set)


def test_a_foreign_archive_is_refused(tiny, tar, tmp_path):
    tar(tmp_path / "other.tar.gz", "folder", {"readme": b"hello"})
    with pytest.raises(DataError, match=r"has none of data_batch_1\.bin"):
        find(tmp_path / "other.tar.gz", tiny.record_set)


def test_an_altered_python_batch_is_refused(tiny, python2_batch, tmp_path):
    import numpy as np

    other = python2_batch(np.zeros((20, 3072), np.uint8), [0] * 20)
    _write(tmp_path, {**tiny.batches, "test_batch": other})
    with pytest.raises(DataError, match=r"test_batch\.bin is not the official file"):
        find(tmp_path, tiny.record_set)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data_batch_1.png", b"not a picture"),
        ("train_lables.json", b"{"),
        ("train_lables.json", b"{}"),
        ("train_lables.json", json.dumps([1, 2]).encode()),
        ("train_lables.json", json.dumps([300] * 40).encode()),
    ],
)
def test_a_damaged_picture_package_is_refused(name, content, tiny, tar, tmp_path):
    tar(tmp_path / "package.tgz", "package", {**tiny.pictures, name: content})
    with pytest.raises(DataError, match="does not have the expected form"):
        find(tmp_path / "package.tgz", tiny.record_set)
