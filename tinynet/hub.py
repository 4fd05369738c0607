"""Pretrained weights by URL."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from tinynet.serialization import check_location, load

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")
_folder: list[Path] = []


def get_dir() -> str:
    """Return the folder of downloads: that of set_dir, or hub/ in $XDG_CACHE_HOME/tinynet or ~/.cache/tinynet."""
    if _folder:
        return str(_folder[-1])
    base = os.environ.get("XDG_CACHE_HOME")
    return str((Path(base) if base else Path.home() / ".cache") / "tinynet" / "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Set the folder of downloads."""
    _folder[:] = [Path(d).expanduser()]


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Return what a file of torch.save or safetensors at a URL holds, downloaded at the first call.

    No pickle is executed: dicts, lists, tuples and plain values around tensors are read, a whole pickled model is
    refused. bfloat16 becomes float32.

    Args:    model_dir: folder to keep the file in, get_dir() + "/checkpoints" if None
             map_location: device to put the tensors on; progress: show how far the download is
             check_hash: compare the file with the start of its SHA-256 in its name, name-<hash>.pth
             weights_only: accepted, nothing else is read
    Raises:  NotImplementedError: a map_location that is no device
             DataError: a damaged file, or one that holds anything else
             RuntimeError: the hash differs; ValueError: check_hash and no hash in the name
    """
    check_location("load_state_dict_from_url", map_location)
    name = file_name or os.path.basename(urlparse(url).path)
    folder = Path(model_dir) if model_dir is not None else Path(get_dir()) / "checkpoints"
    path = folder / name
    if not path.exists():
        _download(url, folder, name, progress)
    if check_hash:
        _check_hash(path)
    return load(path, map_location)


def _download(url: str, folder: Path, name: str, progress: bool) -> None:
    import pooch

    # The name with the full hash of its content is not known here: check_hash compares its start afterwards.
    pooch.retrieve(url, known_hash=None, fname=name, path=folder, progressbar=progress)


def _check_hash(path: Path) -> None:
    wanted = _HASH_IN_NAME.search(path.name)
    if wanted is None:
        raise ValueError(f"check_hash: the name {path.name!r} contains no hash")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(wanted[1]):
        raise RuntimeError(f'invalid hash value (expected "{wanted[1]}", got "{found}"): delete {path}')
