"""Pictures of the user's own: a folder of folders, one a class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tinynet.data.image import load_image
from tinynet.data.stratified import stratified
from tinynet.errors import DataError

Part = tuple[np.ndarray, np.ndarray]
Listing = dict[str, list[Path]]

_LAYOUT = "train/CLASS/name.png and test/CLASS/name.png, or CLASS/name.png"
_TEST_SHARE = 5  # every fifth image, where the folder does not say which are for tests


def read_image_folder(folder: Path, size: int, *, progress: bool) -> tuple[Part, Part, tuple[str, ...]]:
    """Read all pictures of a folder.

    The layout is train/CLASS/name.png and test/CLASS/name.png (or val/ for test/), or CLASS/name.png, of which
    a fifth of every class, always the same, is for tests. Classes and files are sorted by name; hidden ones,
    and files that Pillow does not know by their ending, are left out. Pictures become RGB squares as
    `load_image` makes them: the shorter side is scaled to `size`, the centre is cut out.

    Shapes:  (train, test, classes); a part is images uint8 (N, 3, size, size) and labels int64 (N,)
    Raises:  DataError: another layout, a class without pictures, a class in one part only, an unreadable file
    """
    train, test = _list_parts(folder)
    classes = tuple(train)
    return _read(train, size, progress), _read(test, size, progress), classes


def _list_parts(folder: Path) -> tuple[Listing, Listing]:
    """List training and test files by class, both with the same classes."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name one with {_LAYOUT}")
    present = [name for name in ("train", "test", "val") if (folder / name).is_dir()]
    if not present:
        return _split(_list_classes(folder))
    if "train" not in present or len(present) == 1:
        missing = "test or val" if "train" in present else "train"
        raise DataError(f"{folder} has the folder {present[0]} but not {missing}; it needs {_LAYOUT}")
    if len(present) == 3:
        raise DataError(
            f"{folder} has both test and val: move one of them away, or join val to train (training takes "
            "its own validation images out of train)"
        )
    train, test = (_list_classes(folder / name) for name in present)
    for one, other, place in ((train, test, present[1]), (test, train, "train")):
        if alone := [name for name in one if name not in other]:
            raise DataError(
                f"{folder / place} lacks the class {' and '.join(alone)}; both parts need all classes"
            )
    return train, test


def _list_classes(folder: Path) -> Listing:
    """List the pictures of every class folder."""
    endings = _endings()
    listing = {}
    for place in _visible(folder):
        if place.is_dir():
            listing[place.name] = [
                path for path in _visible(place) if path.suffix.lower() in endings and path.is_file()
            ]
    if len(listing) < 2:
        raise DataError(f"{folder} has {len(listing)} folders of classes, at least 2 are needed: {_LAYOUT}")
    if empty := [name for name, paths in listing.items() if not paths]:
        inner = [path.name for path in _visible(folder / empty[0]) if path.is_dir()]
        hint = f"it has folders ({', '.join(inner[:3])}): " if inner else ""
        raise DataError(
            f"the class folder {folder / empty[0]} has no pictures; {hint}the layout is {_LAYOUT}"
        )
    return listing


def _visible(folder: Path) -> list[Path]:
    """List what is in a folder by name, without what systems and archivers hide there."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}") from error


def _endings() -> set[str]:
    """Return the endings of files that Pillow opens."""
    from PIL import Image

    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def _split(listing: Listing) -> tuple[Listing, Listing]:
    """Take a fifth of every class, at least one picture, for tests."""
    train, test = {}, {}
    for label, (name, paths) in enumerate(listing.items()):
        if len(paths) < 2:
            raise DataError(f"the class {name} has {len(paths)} picture; training and testing need one each")
        size = max(1, round(len(paths) / _TEST_SHARE))
        chosen = set(stratified(np.full(len(paths), label), size, "image-folder-test", seed=0).tolist())
        train[name] = [path for number, path in enumerate(paths) if number not in chosen]
        test[name] = [path for number, path in enumerate(paths) if number in chosen]
    return train, test


def _read(listing: Listing, size: int, progress: bool) -> Part:
    """Read all pictures of a part."""
    labels = np.repeat(np.arange(len(listing)), [len(paths) for paths in listing.values()])
    images = np.empty((len(labels), 3, size, size), dtype=np.uint8)
    for number, path in enumerate(_shown([path for paths in listing.values() for path in paths], progress)):
        images[number] = load_image(path, size)
    return images, labels.astype(np.int64)


def _shown(paths: list[Path], progress: bool) -> Iterable[Path]:
    """Show a bar while iterating, on a terminal."""
    return tqdm(
        paths, desc="reading pictures", unit="picture", leave=False, disable=None if progress else True
    )
