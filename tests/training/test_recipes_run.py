"""Every recipe, two steps of it from data in the official format to its results."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import numpy as safetensors

from tests.conftest import without_notice
from tinynet import models
from tinynet.data import datasets
from tinynet.data.cifar import CIFAR10, CIFAR100
from tinynet.train import main
from tinynet.training.parsing import read_file
from tinynet.training.recipes import RECIPES

IMAGES = {"train": 40, "test": 20}


@pytest.fixture(scope="module")
def tiny_cifar(tmp_path_factory):
    """Folders of binary records as those of CIFAR-10 and CIFAR-100, with few images; returns them and their records."""
    found = {}
    for records in (CIFAR10, CIFAR100):
        folder = tmp_path_factory.mktemp(records.name) / records.folder
        folder.mkdir()
        rng, files, sums = np.random.default_rng(0), {}, {}
        for part, names in (("train", records.train), ("test", records.test)):
            name = next(iter(names))
            labels = [
                rng.permutation(np.arange(IMAGES[part]) % len(known)) for known in records.labels.values()
            ]
            pixels = rng.integers(0, 256, (IMAGES[part], 3072), np.uint8)
            content = np.concatenate([np.stack(labels, 1).astype(np.uint8), pixels], 1).tobytes()
            (folder / name).write_bytes(content)
            files[part], sums[name] = {name: IMAGES[part]}, hashlib.sha256(content).hexdigest()
        found[records.name] = folder.parent, replace(records, **files, sha256=sums)
    return found


@pytest.fixture
def folders(tiny_cifar, monkeypatch):
    keys = {"cifar10": "labels", "cifar100": "fine_labels"}
    for name, (_, records) in tiny_cifar.items():
        entry = replace(datasets._TABLE[name], read=datasets._read_records(records, keys[name]))
        monkeypatch.setitem(datasets._TABLE, name, entry)
    return {name: folder for name, (folder, _) in tiny_cifar.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_two_steps_of_every_recipe(name, folders, tmp_path, capsys):
    config = RECIPES[name].config
    words = [name, "--max-steps", "2", "--batch-size", "4", "--threads", "2", "--out", str(tmp_path / "run")]
    if config.dataset in folders:
        words += ["--data-dir", str(folders[config.dataset])]
    if config.reset:
        fresh = models.build(config.model, 1000).state_dict()
        safetensors.save_file(
            {key: value.array for key, value in fresh.items()}, tmp_path / "given.safetensors"
        )
        words += ["--weights", str(tmp_path / "given.safetensors"), "--image-size", "64"]
    assert main(words) == 0, capsys.readouterr()
    out, err = capsys.readouterr()
    assert without_notice(err) == ""
    assert f"recipe {name}, model {config.model} (" in out
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["steps"] == 2
    assert results["test_images"] == (1000 if config.dataset == "cifar10-sample" else IMAGES["test"])
    assert np.isfinite(results["test_loss"])
    resolved = read_file(tmp_path / "run/config.yaml")
    assert (resolved["model"], resolved["lr"], resolved["augment"]) == (
        config.model,
        config.lr,
        config.augment,
    )
    assert (tmp_path / "run/curves.png").stat().st_size > 5000
    if config.record_every:
        assert len((tmp_path / "run/steps.jsonl").read_text().splitlines()) == 2
