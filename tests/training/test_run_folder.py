from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tinynet.training import run_folder
from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config(**changes):
    return replace(TrainConfig(recipe="resnet20"), **changes)


def test_default_is_the_next_free_number():
    assert [str(run_folder.create(config())) for _ in range(3)] == [f"runs/resnet20-{n}" for n in (1, 2, 3)]
    assert run_folder.create(config(recipe="quick")) == Path("runs/quick-1")


def test_explicit_folder_is_made_with_its_parents():
    assert run_folder.create(config(out="a/b")).is_dir()
    assert run_folder.create(config(out="a/b")) == Path("a/b")  # still empty


@pytest.mark.parametrize(
    "name, message", [("last.json", "already holds a run: continue it with --resume"), ("x", "is not empty")]
)
def test_folder_in_use_is_refused_and_untouched(name, message):
    Path("used").mkdir()
    Path("used", name).write_text("precious")
    with pytest.raises(ConfigError, match=message):
        run_folder.create(config(out="used"))
    assert [(path.name, path.read_text()) for path in Path("used").iterdir()] == [(name, "precious")]


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_in_the_way_is_refused(out):
    Path("file").write_text("precious")
    with pytest.raises(ConfigError, match=f"cannot write to --out {out}: .*Choose another place"):
        run_folder.create(config(out=out))
    assert Path("file").read_text() == "precious"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("out", ["locked", "locked/below"])
def test_read_only_folder_is_refused(out):
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        run_folder.create(config(out=out))


def test_read_only_file_system_is_refused(monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(ConfigError, match=r"cannot write to .*runs: Read-only file system"):
        run_folder.create(config())


def test_resume_needs_a_run():
    with pytest.raises(ConfigError, match="needs --out FOLDER; runs here: none"):
        run_folder.existing(config(), "tinynet.train")
    with pytest.raises(ConfigError, match="nowhere holds no run"):
        run_folder.existing(config(out="nowhere"), "tinynet.train")
    folder = run_folder.create(config())
    (folder / "last.json").touch()
    with pytest.raises(ConfigError, match="runs here: runs/resnet20-1"):
        run_folder.existing(config(), "tinynet.train")
    assert run_folder.existing(config(out=str(folder)), "tinynet.train") == folder
    assert [path.name for path in folder.iterdir()] == ["last.json"]


def test_a_file_is_no_run():
    Path("last.json").touch()
    with pytest.raises(ConfigError, match="is a file; give the folder of the run"):
        run_folder.existing(config(out="last.json"), "tinynet.train")


@pytest.mark.skipif(os.name != "posix", reason="no such locks")
def test_a_folder_belongs_to_one_run_at_a_time():
    folder = run_folder.create(config(out="mine"))
    with run_folder.locked(folder):
        with (
            pytest.raises(ConfigError, match="--out mine: another process is training there"),
            run_folder.locked(folder),
        ):
            pass
        assert list(folder.iterdir()) == []
    with run_folder.locked(folder):
        pass
