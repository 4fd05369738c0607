"""Compiled kernels on disk: kept, checked, shared by processes, and done without where there is no place for them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tinynet.kernels.cpu.codegen import compiler
from tinynet.training.cli import guard

DOUBLE = textwrap.dedent("""
    import numpy as np
    from tinynet.kernels.cpu.codegen import compiler, program

    def double(code):
        x, y = code.pointers(2)
        (n,) = code.integers(1)
        first, end = code.share(n)
        for i in code.range(first, end):
            (y + i * code.lanes).store((x + i * code.lanes).load() * 2.0)

    L = compiler.lanes()
    x, y = np.arange(8 * L, dtype=np.float32), np.zeros(8 * L, np.float32)
    program.run(program.step(program.template(double)(), x, y, 8), threads=2)
    assert (y == 2 * x).all()
    print(L, end="")
""")
COMPILING = "tinynet: compiling kernels for this CPU, "


def start(cache: Path | None, code: str = DOUBLE, **environment: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TINYNET_", "XDG_"))}
    if cache is not None:
        kept["TINYNET_KERNEL_CACHE"] = str(cache)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code], env=kept | environment, stdout=pipe, stderr=pipe, text=True
    )


def run(cache: Path | None, code: str = DOUBLE, **environment: str) -> tuple[str, str]:
    """Run code in a process of its own and return what it prints."""
    process = start(cache, code, **environment)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err


def test_the_first_process_says_that_it_compiles_and_the_second_does_not(tmp_path: Path) -> None:
    cache = tmp_path / "new" / "kernels"
    assert run(cache)[1] == f"{COMPILING}once; they are kept in {cache}\n"
    files = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert {Path(name).suffix for name in files} == {".o"}
    assert run(cache)[1] == ""
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == files


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "longer", "other kernel"])
def test_a_damaged_file_is_compiled_again(damage: str, tmp_path: Path) -> None:
    run(tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, content in whole.items():
        middle = len(content) // 2
        changed = {
            "empty": b"",
            "cut": content[:middle],
            "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "longer": content + b"\0",
            "other kernel": b"".join(c[:-1] for p, c in whole.items() if p != path),
        }
        path.write_bytes(changed[damage])
    assert run(tmp_path)[1].startswith(COMPILING)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == whole
    assert run(tmp_path)[1] == ""


def test_a_folder_that_cannot_be_made_keeps_kernels_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    for _ in range(2):
        assert run(file / "kernels")[1] == f"{COMPILING}for this process alone\n"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "precious")]


def test_a_full_or_read_only_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(compiler.os, "replace", refuse)
    compiler._write(tmp_path / "kernel.o", b"machine code")
    assert list(tmp_path.iterdir()) == []


def test_processes_compile_at_once(tmp_path: Path) -> None:
    processes = [start(tmp_path) for _ in range(3)]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert err == "" or err.startswith(COMPILING)
    files = list(tmp_path.iterdir())
    assert len(files) == 2, "the kernel and the team"
    assert all(compiler._read(path) for path in files)
    assert run(tmp_path)[1] == ""


def test_each_instruction_set_has_its_own_files(tmp_path: Path) -> None:
    lanes = {isa: int(run(tmp_path, TINYNET_ISA=isa)[0]) for isa in ("auto", "avx2", "sse")}
    assert lanes["sse"] == 4 <= lanes["avx2"] <= 8 <= max(8, lanes["auto"])
    sets = len({compiler_key(isa) for isa in lanes})
    assert len(list(tmp_path.iterdir())) == 2 * sets
    assert sets == 3 or lanes["auto"] < 16
    assert run(tmp_path, TINYNET_ISA="avx2")[1] == ""


def compiler_key(isa: str) -> str:
    return run(
        None, "from tinynet.kernels.cpu.codegen import compiler; print(compiler.cpu())", TINYNET_ISA=isa
    )[0]


def test_another_cpu_or_llvm_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {compiler._sources.__wrapped__()}
    for cpu in (("another", "", 16), ("another", "+avx2", 16), ("another", "+avx2", 8)):
        monkeypatch.setattr(compiler, "cpu", lambda cpu=cpu: cpu)
        keys.add(compiler._sources.__wrapped__())
    monkeypatch.setattr(compiler.llvm, "llvm_version_info", (99, 0, 0))
    keys.add(compiler._sources.__wrapped__())
    monkeypatch.setattr(compiler.llvm, "get_default_triple", lambda: "aarch64-apple-darwin")
    keys.add(compiler._sources.__wrapped__())
    assert len(keys) == 6
    assert compiler._sources.__wrapped__() in keys


def test_the_cache_lies_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TINYNET_KERNEL_CACHE", "~/mine")
    assert compiler.cache_folder() == tmp_path / "home" / "mine"
    monkeypatch.delenv("TINYNET_KERNEL_CACHE")
    assert compiler.cache_folder() == tmp_path / "xdg" / "tinynet" / "kernels"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert compiler.cache_folder() == tmp_path / "home" / ".cache" / "tinynet" / "kernels"


def test_without_a_home_kernels_are_kept_in_memory() -> None:
    """HOME is unset, and the user has no entry in the list of users either."""
    code = "import pathlib\ndef home(path=None): raise RuntimeError('Could not determine home directory.')\n"
    code += "pathlib.Path.home = pathlib.Path.expanduser = home\n" + DOUBLE
    assert run(None, code)[1] == f"{COMPILING}for this process alone\n"


def test_a_wrong_instruction_set_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYNET_ISA", "neon")

    def action() -> int:
        compiler.cpu.__wrapped__()
        return 0

    assert guard("tinynet.train", action) == 2
    message = "tinynet.train: error: TINYNET_ISA is 'neon'; it must be 'auto', 'avx2' or 'sse'\n"
    assert capsys.readouterr().err == message
    assert run(None, "import tinynet; print(tinynet.ones(1).item())", TINYNET_ISA="neon") == ("1.0\n", "")


def test_a_limit_above_the_cpu_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(dict[str, bool]):
        def flatten(self) -> str:
            return ",".join(("+" if has else "-") + name for name, has in self.items())

    monkeypatch.setattr(compiler.llvm, "get_host_cpu_name", lambda: "old")
    monkeypatch.setattr(compiler.llvm, "get_host_cpu_features", lambda: Old(sse2=True, avx2=False))
    for isa in ("auto", "avx2", "sse"):
        monkeypatch.setenv("TINYNET_ISA", isa)
        assert compiler.cpu.__wrapped__() == ("old", "+sse2,-avx2", 4)
    monkeypatch.setattr(
        compiler.llvm, "get_host_cpu_features", lambda: Old({"sse4.2": True, "avx2": True, "fma": True})
    )
    assert compiler.cpu.__wrapped__() == ("x86-64-v2", "", 4)
    monkeypatch.setenv("TINYNET_ISA", "avx2")
    assert compiler.cpu.__wrapped__() == ("x86-64-v3", "", 8)
