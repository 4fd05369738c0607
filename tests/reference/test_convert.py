from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import numpy as safetensors

import tinynet
from reference import convert
from reference import models as torch_models
from tinynet import models
from tinynet.errors import DataError
from tinynet.training import checkpoint


@pytest.fixture
def state():
    """A tinynet state_dict in which every value is random, buffers included."""
    model = models.build("resnet8")
    generator = np.random.default_rng(0)
    for name, value in model.state_dict().items():
        value.array[...] = generator.integers(1, 99) if "num" in name else generator.random(value.shape)
    return model.state_dict()


def test_weights_survive_the_way_to_torch_and_back(state):
    twin = torch_models.build("resnet8")
    twin.load_state_dict(convert.to_torch(state))
    back = convert.from_torch(twin.state_dict())
    model = models.build("resnet8")
    model.load_state_dict(back)
    for name, value in model.state_dict().items():
        assert value.dtype == state[name].dtype
        np.testing.assert_array_equal(value.numpy(), state[name].numpy())


def test_a_loaded_twin_computes_the_same_in_evaluation_mode(state):
    twin, model = torch_models.build("resnet8").double().eval(), models.build("resnet8").double().eval()
    weights = {name: value.numpy() for name, value in state.items()}
    twin.load_state_dict(convert.to_torch(weights))
    model.load_state_dict(weights)
    images = np.random.default_rng(1).standard_normal((3, 3, 32, 32))
    with torch.no_grad(), tinynet.no_grad():
        ours, theirs = model(tinynet.from_numpy(images)).numpy(), twin(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_copies_share_no_memory(state):
    name = "conv1.weight"
    before = state[name].numpy().copy()
    there = convert.to_torch(state)
    back = convert.from_torch(there)
    there[name].zero_()
    np.testing.assert_array_equal(state[name].numpy(), before)
    np.testing.assert_array_equal(back[name], before)


def test_channels_last_weights_are_written_in_c_order(tmp_path):
    weight = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    convert.write(tmp_path / "a.safetensors", {"w": weight.numpy()})
    np.testing.assert_array_equal(safetensors.load_file(tmp_path / "a.safetensors")["w"], weight.numpy())
    assert convert.from_torch({"w": weight})["w"].flags.c_contiguous


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_command_line_converts_a_checkpoint_and_back(tmp_path, state, ending):
    arrays = {name: value.numpy() for name, value in state.items()}
    saved = checkpoint.save(tmp_path, "last", arrays, {"0.momentum_buffer": np.ones(3)}, {"config": {}})
    (arrays_file,) = tmp_path.glob("last-*.safetensors")
    for source in (tmp_path, saved, arrays_file):
        there, back = tmp_path / f"there{ending}", tmp_path / "back.safetensors"
        convert.main([str(source), str(there)])
        convert.main([str(there), str(back)])
        found = safetensors.load_file(back)
        assert found.keys() == arrays.keys()
        for name, value in arrays.items():
            assert found[name].shape == value.shape
            np.testing.assert_array_equal(found[name], value)
        if ending == ".pt":
            torch_models.build("resnet8").load_state_dict(torch.load(there, weights_only=True))


def test_foreign_names_are_fitted(tmp_path):
    foreign = {"module.linear.weight": torch.ones(2, 3), "module.conv1.weight": torch.zeros(1)}
    torch.save({"state_dict": foreign, "best_prec1": 91.7}, tmp_path / "foreign.th")
    convert.main([str(tmp_path / "foreign.th"), str(tmp_path / "ours.safetensors"), "--rename", "linear=fc"])
    found = safetensors.load_file(tmp_path / "ours.safetensors")
    assert set(found) == {"fc.weight", "conv1.weight"}
    np.testing.assert_array_equal(found["fc.weight"], np.ones((2, 3), np.float32))


def test_old_files_gain_their_missing_counters(tmp_path):
    new = torch_models.build("resnet8").state_dict()
    torch.save({name: value for name, value in new.items() if "num_batches" not in name}, tmp_path / "old.pt")
    models.build("resnet8").load_state_dict(convert.read_weights(tmp_path / "old.pt"))


def test_renaming_what_is_not_there_is_refused():
    with pytest.raises(DataError, match="no name begins with 'linear'; the names begin with fc"):
        convert.rename({"fc.weight": np.ones(1)}, "linear=fc")
    with pytest.raises(DataError, match="--rename fc: must be OLD=NEW"):
        convert.rename({"fc.weight": np.ones(1)}, "fc")


def test_a_file_of_something_else_is_refused_and_writes_nothing(tmp_path):
    torch.save([1, 2, 3], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds no state_dict"):
        convert.main([str(tmp_path / "list.pt"), str(tmp_path / "out.safetensors")])
    assert not (tmp_path / "out.safetensors").exists()
