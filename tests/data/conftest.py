"""A dataset of a few records in all official forms, made here."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinynet.data.cifar import RecordSet

RECORDS = 20
CLASSES = ("ant", "bee", "cow")


def _short_string(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode()


def _python2_batch(pixels: np.ndarray, labels: list[int]) -> bytes:
    """Write a CIFAR batch as Python 2 did: protocol 2, byte strings, numpy.core.multiarray."""
    rows, columns = pixels.shape
    shape = b"K" + bytes([rows]) + b"M" + struct.pack("<H", columns) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + _short_string("u1") + b"K\x00K\x01\x87R(K\x03" + _short_string("|")
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85"
    array += _short_string("b") + b"\x87R(K\x01" + shape + dtype + b"\x89T"
    array += struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    label_list = b"]q\x02(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    head = b"\x80\x02}q\x00(" + _short_string("batch_label") + _short_string("training batch 1 of 5")
    return head + _short_string("labels") + label_list + _short_string("data") + array + b"u."


def _tar(path: Path, folder: str, members: dict[str, bytes]) -> bytes:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path.read_bytes()


@pytest.fixture(scope="session")
def python2_batch():
    return _python2_batch


@pytest.fixture(scope="session")
def tar():
    return _tar


class Tiny:
    """The official forms of one tiny dataset: `contents`, `batches`, `pictures`, `archives`, `record_set`."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.contents, self.batches, pictures, labels = {}, {}, {}, {"train": [], "test": []}
        for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
            table = rng.integers(0, 256, (RECORDS, 3073), dtype=np.uint8)
            table[:, 0] = rng.integers(0, len(CLASSES), RECORDS)
            stem = name.removesuffix(".bin")
            self.contents[name] = table.tobytes()
            self.batches[stem] = _python2_batch(np.ascontiguousarray(table[:, 1:]), table[:, 0].tolist())
            picture = io.BytesIO()
            pixels = table[:, 1:].reshape(RECORDS, 3, 1024).transpose(0, 2, 1)
            Image.fromarray(np.ascontiguousarray(pixels)).save(picture, "PNG")
            pictures[f"{stem}.png"] = picture.getvalue()
            labels["test" if stem == "test_batch" else "train"].extend(table[:, 0].tolist())
        for part, values in labels.items():
            pictures[f"{part}_lables.json"] = json.dumps(values).encode()
        self.pictures = pictures
        self.archives = {
            "tiny-binary.tar.gz": _tar(folder / "b.tar.gz", "tiny-batches-bin", self.contents),
            "tiny-python.tar.gz": _tar(folder / "p.tar.gz", "tiny-batches-py", self.batches),
            "tiny-1.0.0.tgz": _tar(folder / "n.tgz", "package", pictures),
        }
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in self.archives.items()}
        self.npm_sha256 = sums.pop("tiny-1.0.0.tgz")
        self.record_set = RecordSet(
            name="tiny",
            train=("data_batch_1.bin", "data_batch_2.bin"),
            test=("test_batch.bin",),
            records=RECORDS,
            classes=CLASSES,
            sha256={name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()},
            binary_folder="tiny-batches-bin",
            python_folder="tiny-batches-py",
            archives=sums,
        )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(tmp_path_factory.mktemp("tiny"))
