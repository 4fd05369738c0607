from __future__ import annotations

import json

import numpy as np
import pytest

from tinynet.training import checkpoint
from tinynet.training.errors import CheckpointError

STATE = {"config": {"model": "lenet"}, "epoch": 3, "loss": 0.1 + 0.2}


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "plain": rng.normal(size=(2, 3)).astype(np.float32),
        "transposed": rng.normal(size=(3, 4)).T,
        "channels_last": rng.normal(size=(2, 5, 6, 3)).astype(np.float32).transpose(0, 3, 1, 2),
        "fortran": np.asfortranarray(rng.normal(size=(4, 5))),
        "strided": rng.normal(size=20)[::2],
        "number": np.array(7 + seed, dtype=np.int64),
        "empty": np.zeros((0, 3), dtype=np.float32),
    }


def the_file(folder, kind="last"):
    (path,) = folder.glob(f"{kind}-*.safetensors")
    return path


def test_every_memory_order_comes_back_as_it_was(tmp_path):
    checkpoint.save(tmp_path, "last", arrays(), {"0.momentum": arrays(1)["transposed"]}, STATE)
    loaded = checkpoint.load(tmp_path)
    assert loaded.weights.keys() == arrays().keys()
    for name, array in arrays().items():
        np.testing.assert_array_equal(loaded.weights[name], array, strict=True)
    np.testing.assert_array_equal(loaded.optimizer["0.momentum"], arrays(1)["transposed"], strict=True)
    assert {name: loaded.state[name] for name in STATE} == STATE


def test_best_comes_before_last_and_any_file_of_it_names_it(tmp_path):
    checkpoint.save(tmp_path, "last", arrays(1), {}, STATE)
    assert checkpoint.load(tmp_path).path.name == "last.json"
    checkpoint.save(tmp_path, "best", arrays(2), {}, STATE)
    for path in (tmp_path, tmp_path / "best.json", the_file(tmp_path, "best")):
        assert checkpoint.load(path).weights["number"] == 9
    assert checkpoint.load(tmp_path, kinds=("last",)).weights["number"] == 8


def test_a_new_checkpoint_replaces_the_old_one(tmp_path):
    for seed in (1, 2):
        checkpoint.save(tmp_path, "last", arrays(seed), {}, STATE)
    assert {path.name for path in tmp_path.iterdir()} == {"last.json", the_file(tmp_path).name}


@pytest.mark.parametrize("crash", [1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_saving_leaves_one_whole_checkpoint(tmp_path, monkeypatch, crash, moment):
    checkpoint.save(tmp_path, "last", arrays(1), {}, STATE)
    calls, replaced = [], checkpoint.write_atomically

    def dies(path, content):
        calls.append(path)
        if len(calls) == crash and moment == "before":
            raise KeyboardInterrupt
        replaced(path, content)
        if len(calls) == crash:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_atomically", dies)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(tmp_path, "last", arrays(2), {}, STATE)
    survivor = checkpoint.load(tmp_path).weights["number"]
    assert survivor == (9 if (crash, moment) == (2, "after") else 8)
    monkeypatch.undo()
    checkpoint.save(tmp_path, "last", arrays(3), {}, STATE)
    assert {path.name for path in tmp_path.iterdir()} == {"last.json", the_file(tmp_path).name}


def flip_a_bit(folder):
    content = bytearray(the_file(folder).read_bytes())
    content[-3] ^= 4
    the_file(folder).write_bytes(content)


def truncate(folder):
    the_file(folder).write_bytes(the_file(folder).read_bytes()[:-20])


def remove(folder):
    the_file(folder).unlink()


def break_json(folder):
    (folder / "last.json").write_text((folder / "last.json").read_text()[:40])


def strip_json(folder):
    (folder / "last.json").write_text('{"format": 1}')


def list_json(folder):
    (folder / "last.json").write_text("[1]")


def number_json(folder):
    (folder / "last.json").write_text("5")


def future_json(folder):
    state = json.loads((folder / "last.json").read_text())
    (folder / "last.json").write_text(json.dumps({**state, "format": 99}))


@pytest.mark.parametrize(
    "damage, message",
    [
        (flip_a_bit, "is damaged: SHA-256"),
        (truncate, "is damaged: SHA-256"),
        (remove, "cannot read .*safetensors"),
        (break_json, "last.json is not the JSON file of a checkpoint, or is damaged"),
        (strip_json, "not a tinynet checkpoint: it has no arrays, sha256, config"),
        (list_json, "not a tinynet checkpoint: it is no JSON object"),
        (number_json, "not a tinynet checkpoint: it is no JSON object"),
        (future_json, "format 99"),
    ],
)
def test_damage_is_recognised(tmp_path, damage, message):
    checkpoint.save(tmp_path, "last", arrays(), {}, STATE)
    damage(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("name, message", [("", "no checkpoint in"), ("x.json", "no such checkpoint")])
def test_nothing_there(tmp_path, name, message):
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load(tmp_path / name)


def test_arrays_without_their_json_are_refused(tmp_path):
    path = tmp_path / "last-0.safetensors"
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no JSON state beside it"):
        checkpoint.load(path)


def test_another_model_is_refused_with_every_difference(tmp_path):
    checkpoint.save(tmp_path, "last", {"a": np.zeros(3), "b": np.zeros((2, 2)), "d": np.zeros(1)}, {}, STATE)
    model = {"a": np.zeros(3), "b": np.zeros((2, 3)), "c": np.zeros(())}
    with pytest.raises(CheckpointError) as error:
        checkpoint.check_fits(checkpoint.load(tmp_path), model, "resnet8")
    text = str(error.value)
    assert "does not hold the weights of resnet8; 3 differences" in text
    for line in ("c: missing, expected ()", "d: unexpected, (1,)", "b: (2, 2), expected (2, 3)"):
        assert line in text


def test_of_many_differences_the_first_are_listed(tmp_path):
    checkpoint.save(tmp_path, "last", {f"layer{i}": np.zeros(i) for i in range(40)}, {}, STATE)
    with pytest.raises(CheckpointError) as error:
        checkpoint.check_fits(checkpoint.load(tmp_path), {}, "resnet8")
    assert "does not hold the weights of resnet8; 40 differences:\n  layer" in str(error.value)
    assert str(error.value).endswith("\n  and 28 more")
    assert len(str(error.value).splitlines()) == 14


@pytest.mark.parametrize(
    "config, message",
    [
        ({"model": "resnet9000"}, "--model resnet9000: "),
        ({"epochs": "many"}, "'str' and 'int'"),
        ({"optimizer": "lion"}, "--optimizer lion: "),
        ([], "was not written by this version of tinynet"),
    ],
)
def test_configuration_of_another_version_is_refused(tmp_path, config, message):
    checkpoint.save(tmp_path, "last", {}, {}, {"config": config})
    with pytest.raises(CheckpointError, match=message):
        checkpoint.read_config(checkpoint.load(tmp_path), needed=())


def test_state_that_lacks_something_is_refused(tmp_path):
    checkpoint.save(tmp_path, "last", {}, {}, STATE)
    saved = checkpoint.load(tmp_path)
    assert checkpoint.read_config(saved, needed=("epoch", "loss")).model == "lenet"
    with pytest.raises(CheckpointError, match="it has no classes, best"):
        checkpoint.read_config(saved, needed=("classes", "epoch", "best"))
