"""What `download.obtain` must know of a data set that is made of files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Contents = dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class FileSet(ABC):
    """Describe the files of a data set and where they can be had.

    Args:    sha256: digest of every file, the proof of whatever source it came from
             folder: name of the folder that a download makes
             archives: names and SHA-256 of the files that can be downloaded
             urls: addresses, best first; each ends with the name of one of `archives`, or is a folder of `parts`
             npm, npm_sha256: package that holds the same images as pictures, "" if there is none
             system_folders: where packages of operating systems put the files
             space: what a download needs, in words
    """

    name: str
    sha256: Mapping[str, str]
    folder: str
    archives: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    npm: str = ""
    npm_sha256: str = ""
    system_folders: tuple[str, ...] = ()
    space: str = ""

    @property
    @abstractmethod
    def parts(self) -> tuple[str, ...]:
        """Names of those of `archives` that hold everything together."""

    @abstractmethod
    def find(self, place: Path) -> Contents | None:
        """Return the checked contents of all files found in `place`, or None if there is none of them.

        Raises:  DataError: data is there, but damaged, incomplete, unreadable, or not the official one
        """

    @abstractmethod
    def read(self, paths: Sequence[Path]) -> Contents:
        """Return the checked contents of all files out of what was downloaded. Raises as `find`."""

    def addresses(self, url: str) -> tuple[str, ...]:
        """Return what must be downloaded where `url` is a file of `archives` or a folder of them."""
        if url.rpartition("/")[2] in self.archives:
            return (url,)
        return tuple(f"{url.rstrip('/')}/{name}" for name in self.parts)
