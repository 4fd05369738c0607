"""Records found in every official form; damaged data is refused with its name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tinynet.errors import DataError


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
    assert tiny.record_set.find(tmp_path) == tiny.contents
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked beside the user's files


@pytest.mark.parametrize("name", ["tiny-binary.tar.gz", "tiny-python.tar.gz", "tiny-1.0.0.tgz"])
def test_an_archive_can_be_named_itself(name, tiny, tmp_path):
    _write(tmp_path, {"renamed": tiny.archives[name]})
    assert tiny.record_set.find(tmp_path / "renamed") == tiny.contents


def test_nothing_there_is_no_error(tiny, tmp_path):
    _write(tmp_path / "unrelated", {"data_batch_1.bin": b""})
    assert tiny.record_set.find(tmp_path) is None
    assert tiny.record_set.find(tmp_path / "missing") is None


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
        tiny.record_set.find(tmp_path)


@pytest.mark.parametrize("form", ["contents", "batches"])
def test_an_incomplete_set_is_refused(form, tiny, tmp_path):
    files = dict(getattr(tiny, form))
    missing = list(files)[1]
    del files[missing]
    _write(tmp_path, files)
    with pytest.raises(DataError, match=f"but not {missing}"):
        tiny.record_set.find(tmp_path)


@pytest.mark.parametrize("cut", [10, 5_000, -1_000])
@pytest.mark.parametrize("name", ["tiny-binary.tar.gz", "tiny-python.tar.gz", "tiny-1.0.0.tgz"])
def test_a_cut_archive_is_refused(name, cut, tiny, tmp_path):
    _write(tmp_path, {"cut.tar.gz": tiny.archives[name][:cut]})
    with pytest.raises(DataError, match=r"cut\.tar\.gz is not a readable archive"):
        tiny.record_set.read([tmp_path / "cut.tar.gz"])


def test_a_file_that_is_no_archive_is_refused(tiny, tmp_path):
    _write(tmp_path, {"notes.txt": b"hello"})
    with pytest.raises(DataError, match=r"notes\.txt is not a readable archive"):
        tiny.record_set.find(tmp_path / "notes.txt")


def test_a_foreign_archive_is_refused(tiny, tar, tmp_path):
    tar(tmp_path / "other.tar.gz", "folder", {"readme": b"hello"})
    with pytest.raises(DataError, match=r"has none of data_batch_1\.bin"):
        tiny.record_set.find(tmp_path / "other.tar.gz")


def test_an_altered_python_batch_is_refused(tiny, python2_batch, tmp_path):
    import numpy as np

    other = python2_batch(np.zeros((20, 3072), np.uint8), [0] * 20)
    _write(tmp_path, {**tiny.batches, "test_batch": other})
    with pytest.raises(DataError, match=r"test_batch\.bin is not the official file"):
        tiny.record_set.find(tmp_path)


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
        tiny.record_set.find(tmp_path / "package.tgz")


def _hundred_forms(hundred, place):
    yield place / "records", hundred.contents
    yield place / "folder" / "tiny-100-binary", hundred.contents
    yield place / "batches", hundred.batches
    yield place / "batch folder" / "tiny-100-python", hundred.batches
    for name, content in hundred.archives.items():
        yield place / name.partition(".")[0], {name: content}


def test_two_label_bytes_in_every_form(tiny_hundred, tmp_path):
    for folder, files in _hundred_forms(tiny_hundred, tmp_path):
        _write(folder, files)
        found = tiny_hundred.record_set.find(folder.parent if "folder" in str(folder) else folder)
        assert found == tiny_hundred.contents, folder


def test_each_label_byte_is_checked_by_its_own_classes(tiny_hundred, tmp_path):
    content = tiny_hundred.contents["train.bin"]
    for byte, value, match in (
        (0, 2, r"train\.bin: coarse label 2 of record 3 is outside 0\.\.1, as are 1 of 20"),
        (1, 5, r"train\.bin: fine label 5 of record 3 is outside 0\.\.4"),
    ):
        at = 3 * 3074 + byte
        _write(
            tmp_path,
            {**tiny_hundred.contents, "train.bin": content[:at] + bytes([value]) + content[at + 1 :]},
        )
        with pytest.raises(DataError, match=match):
            tiny_hundred.record_set.find(tmp_path)
    _write(tmp_path, {**tiny_hundred.contents, "train.bin": content[:-2]})
    with pytest.raises(DataError, match=r"61,478 bytes instead of 61,480 \(20 records of 3,074 bytes\)"):
        tiny_hundred.record_set.find(tmp_path)


def test_batches_with_digests_of_their_own_are_proved_by_them(tiny_hundred, tmp_path):
    _write(tmp_path, tiny_hundred.batches)
    other_order = replace(tiny_hundred.record_set, sha256=dict.fromkeys(tiny_hundred.contents, "0" * 64))
    assert other_order.find(tmp_path) == tiny_hundred.contents
    _write(tmp_path, {"test": tiny_hundred.batches["test"].replace(b"batch_label", b"batch_label"[::-1])})
    with pytest.raises(DataError, match="test is not the official file"):
        tiny_hundred.record_set.find(tmp_path)


def test_a_batch_without_its_labels_is_refused(tiny_hundred, python2_batch, tmp_path):
    batch = python2_batch(tiny_hundred.pixels["test"], [0] * 10, fine_labels=tiny_hundred.fine["test"])
    _write(tmp_path, {**tiny_hundred.batches, "test": batch})
    with pytest.raises(DataError, match=r"test does not have the expected form: KeyError.*coarse_labels"):
        replace(tiny_hundred.record_set, batch_sha256={}).find(tmp_path)
