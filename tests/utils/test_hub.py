from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import tinynet
from tinynet import hub
from tinynet.errors import DataError
from tinynet.utils import model_zoo

ARRAYS = {"conv.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "bn.num_batches_tracked": np.array(3)}


@pytest.fixture
def url(tmp_path):
    save_file(ARRAYS, tmp_path / "weights.safetensors")
    return (tmp_path / "weights.safetensors").as_uri()


@pytest.fixture
def local(monkeypatch):
    """Fetch file: URLs, which pooch does not know, by copying; count the calls."""
    calls = []

    def copy(url, folder, name, progress):
        calls.append(url)
        folder.mkdir(parents=True, exist_ok=True)
        source = url.removeprefix("file://")
        with open(source, "rb") as file:
            (folder / name).write_bytes(file.read())

    monkeypatch.setattr(hub, "_download", copy)
    return calls


def test_weights_come_from_a_url_once(url, local, tmp_path):
    for load in (hub.load_state_dict_from_url, model_zoo.load_url):
        state = load(url, tmp_path / "cache", map_location="cpu", progress=False)
        assert {k: v.tolist() for k, v in state.items()} == {k: v.tolist() for k, v in ARRAYS.items()}
        assert isinstance(state["conv.weight"], tinynet.Tensor)
        assert state["conv.weight"].dtype == np.float32
    assert len(local) == 1


def test_the_folder_is_torchs_layout(url, local, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "tinynet" / "hub")
    hub.load_state_dict_from_url(url, file_name="mine.safetensors")
    assert (tmp_path / "home" / "tinynet" / "hub" / "checkpoints" / "mine.safetensors").exists()
    monkeypatch.setattr(hub, "_folder", [])
    hub.set_dir(tmp_path / "other")
    assert hub.get_dir() == str(tmp_path / "other")


def test_the_hash_in_the_name_is_checked(url, local, tmp_path):
    digest = hashlib.sha256((tmp_path / "weights.safetensors").read_bytes()).hexdigest()
    good, bad = f"net-{digest[:8]}.safetensors", f"net-{'0' * 8}.safetensors"
    assert hub.load_state_dict_from_url(url, tmp_path / "c", check_hash=True, file_name=good)
    with pytest.raises(RuntimeError, match=r"invalid hash value .*delete"):
        hub.load_state_dict_from_url(url, tmp_path / "c", check_hash=True, file_name=bad)
    with pytest.raises(ValueError, match="contains no hash"):
        hub.load_state_dict_from_url(url, tmp_path / "c", check_hash=True)


def test_a_file_of_torch_is_read_as_it_is(local, tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    torch.save({"model": {"w": weight.T, "tied": weight}, "epoch": 7}, tmp_path / "net.pth")
    loaded = hub.load_state_dict_from_url((tmp_path / "net.pth").as_uri(), tmp_path / "cache")
    assert loaded["epoch"] == 7
    assert isinstance(loaded["model"]["w"], tinynet.Tensor)
    assert loaded["model"]["w"].tolist() == weight.T.tolist()
    assert loaded["model"]["tied"].tolist() == weight.tolist()


def test_a_pickled_model_is_refused(local, tmp_path):
    torch.save(torch.nn.Linear(2, 3), tmp_path / "net.pth")
    with pytest.raises(DataError, match=r"torch\.nn\.modules\.linear\.Linear.*nothing was executed"):
        model_zoo.load_url((tmp_path / "net.pth").as_uri(), tmp_path / "cache")


@pytest.mark.parametrize("location", [{"cuda:0": "cpu"}, lambda storage, place: storage])
def test_other_locations_are_refused(url, location):
    with pytest.raises(NotImplementedError, match="map_location must be a device"):
        hub.load_state_dict_from_url(url, map_location=location)
