from __future__ import annotations

import io
from collections import OrderedDict

import numpy as np
import pytest
import torch

import tinynet
from tests.nn.networks import network
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])


def test_state_shares_memory_and_has_no_history():
    layer = nn.Linear(2, 3)
    state = layer.state_dict()
    assert not state["weight"].requires_grad
    state["weight"].array[0, 0] = 7
    assert layer.weight.array[0, 0] == 7


@pytest.mark.parametrize("as_arrays", [False, True], ids=["tensors", "arrays"])
def test_state_round_trip_keeps_parameters_and_their_memory(as_arrays):
    source, target = network(nn), network(nn)
    source(tinynet.ones(2, 2, 4, 5))
    parameters = [(p, p.array) for p in target.parameters()]
    state = {k: v.numpy() if as_arrays else v for k, v in source.state_dict().items()}
    result = target.load_state_dict(state)
    assert result == ([], [])
    assert all(p.array is array and p.requires_grad for p, array in parameters)
    for name, value in target.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), source.state_dict()[name].numpy())
        assert not np.shares_memory(value.array, source.state_dict()[name].array)
    assert target.blocks[0].bn.num_batches_tracked.item() == 1


def test_state_from_torch_gives_torchs_outputs(draw):
    model = network(torch.nn).double().eval()
    twin = network(nn).double().eval()
    twin.load_state_dict({name: value.numpy() for name, value in model.state_dict().items()})
    x = draw((2, 2, 6, 5))
    np.testing.assert_allclose(
        twin(tinynet.Tensor(x)).detach().numpy(), model(torch.from_numpy(x)).detach().numpy(), rtol=1e-10
    )


@pytest.mark.parametrize("kind", ["float64", "float16", "int64"])
def test_loading_keeps_the_modules_dtype(kind):
    layer = nn.Linear(2, 2)
    layer.load_state_dict({"weight": np.array([[1, 2], [3, 4]], kind), "bias": np.array([5, 6], kind)})
    assert layer.weight.dtype == tinynet.float32
    assert layer.weight.tolist() == [[1, 2], [3, 4]]


def test_loading_reads_transposed_and_broadcast_arrays():
    layer = nn.Linear(2, 3)
    values = np.arange(6.0).reshape(2, 3)
    layer.load_state_dict({"weight": values.T, "bias": np.broadcast_to(np.float32(2), (3,))})
    assert layer.weight.tolist() == values.T.tolist()
    assert layer.bias.tolist() == [2, 2, 2]


def broken_state(lib):
    model = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.BatchNorm2d(3))
    state = {name: value + 1 for name, value in model.state_dict().items()}
    state |= {"x": lib.ones(1), "a.b": lib.ones(1), "0.weight": lib.ones(3, 3), "1.running_mean": lib.ones(1)}
    state["1.bias"] = "text"
    del state["0.bias"], state["1.weight"]
    return model, state


@BOTH
@pytest.mark.parametrize("strict", [True, False])
def test_loading_lists_every_mismatch_and_ours_changes_nothing(library, strict):
    model, state = broken_state(library)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(state, strict=strict)
    message = str(caught.value)
    assert "loading state_dict for Sequential" in message
    for shape in ("size mismatch for 0.weight", "size mismatch for 1.running_mean", "1.bias"):
        assert shape in message
    for name in (
        'Missing key(s) in state_dict: "0.bias", "1.weight"',
        'Unexpected key(s) in state_dict: "x", "a.b"',
    ):
        assert (name in message) == strict
    if library is tinynet:
        assert "[3, 3]" in message
        assert "[3, 2]" in message
        for name, value in model.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), before[name])


@BOTH
def test_loading_what_fits_reports_what_does_not(library):
    layer = library.nn.Linear(2, 3)
    state = {"weight": library.zeros(3, 2), "extra": library.ones(1)}
    missing, unexpected = layer.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["bias"], ["extra"])
    assert (layer.weight.detach().numpy() == 0).all()


def test_loading_something_else_is_refused(same_error):
    same_error(lambda lib: lib.nn.Linear(1, 1).load_state_dict([1]), match="dict-like.*list")


def test_state_goes_through_numpy_files():
    model, twin = network(nn), network(nn)
    file = io.BytesIO()
    np.savez(file, **{name: value.numpy() for name, value in model.state_dict().items()})
    file.seek(0)
    with np.load(file) as arrays:
        twin.load_state_dict(arrays)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(twin.state_dict()[name].numpy(), value.numpy())


# Options, hooks and overrides


@BOTH
def test_state_with_prefix_and_destination(library):
    layer, mine = library.nn.Linear(2, 2), {"x": 1}
    assert list(layer.state_dict(prefix="net.")) == ["net.weight", "net.bias"]
    assert layer.state_dict(destination=mine) is mine
    assert list(mine) == ["x", "weight", "bias"]
    with pytest.warns(FutureWarning, match="Positional args"):
        assert list(layer.state_dict({}, "a.")) == ["a.weight", "a.bias"]


@BOTH
def test_keep_vars_lists_the_parameters_themselves(library):
    model = network(library.nn)
    state = model.state_dict(keep_vars=True)
    assert state["blocks.0.bn.weight"] is model.blocks[0].bn.weight
    assert state["offset"] is model.offset


@BOTH
def test_state_carries_the_version_of_each_class(library):
    model = library.nn.Sequential(library.nn.Linear(1, 1), library.nn.ModuleList([library.nn.ReLU()]))
    assert model.state_dict()._metadata == {
        "": {"version": 1},
        "0": {"version": 1},
        "1": {"version": 1},
        "1.0": {"version": 1},
    }


@BOTH
def test_assign_takes_the_tensors_themselves(library):
    layer = library.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    layer.register_buffer("state", library.zeros(1))
    given = {
        "weight": library.ones(2, 2, dtype=library.float64),
        "bias": library.nn.Parameter(library.ones(2)),
        "state": library.ones(1),
    }
    assert layer.load_state_dict(given, assign=True) == ([], [])
    assert layer.weight.dtype == library.float64
    assert isinstance(layer.weight, library.nn.Parameter)
    assert layer.weight.requires_grad
    assert layer.bias is given["bias"]
    assert not layer.bias.requires_grad
    assert layer.state is given["state"]


def test_a_failed_assign_changes_nothing():
    layer = nn.Linear(2, 2)
    before = layer.weight
    with pytest.raises(RuntimeError, match="bias"):
        layer.load_state_dict({"weight": tinynet.ones(2, 2), "bias": tinynet.ones(3)}, assign=True)
    assert layer.weight is before


@BOTH
def test_one_number_of_torch_0_3_is_read(library):
    norm = library.nn.BatchNorm2d(2)
    state = norm.state_dict()
    state["num_batches_tracked"] = library.tensor([7])
    norm.load_state_dict(state)
    assert norm.num_batches_tracked.item() == 7
    assert tuple(norm.num_batches_tracked.shape) == ()
    assert repr(norm.load_state_dict(state)) == "<All keys matched successfully>"


def test_loading_is_seen_by_saved_tensors():
    layer = nn.Linear(2, 2)
    x = tinynet.ones(1, 2, requires_grad=True)
    y = layer(x)
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward(tinynet.ones(1, 2))


def renamed(lib):
    """Return a model whose child reads the names of an older layout."""

    class Renamed(lib.nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
            if local_metadata.get("version", 1) < 2:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "kernel")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    return lib.nn.Sequential(Renamed(2, 2))


@BOTH
def test_a_class_may_read_older_layouts(library):
    model = renamed(library)
    old = {"0.kernel": library.ones(2, 2), "0.bias": library.zeros(2)}
    assert model.load_state_dict(old) == ([], [])
    assert model[0].weight.detach().numpy().tolist() == [[1, 1], [1, 1]]
    assert "0.kernel" in old
    assert model.load_state_dict(model.state_dict()) == ([], [])


@BOTH
def test_hooks_on_reading_and_loading(library):
    model, seen = library.nn.Sequential(library.nn.Linear(1, 1)), []
    handles = [
        model.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("before", prefix, keep))),
        model.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append(list(state))),
        model[0].register_load_state_dict_pre_hook(
            lambda m, state, prefix, *rest: state.update({prefix + "bias": state.pop(prefix + "b")})
        ),
        model._register_load_state_dict_pre_hook(lambda state, prefix, *rest: seen.append(sorted(state))),
        model.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.append("mine")),
    ]
    state = model.state_dict()
    assert seen == [("before", "", False), ["0.weight", "0.bias"]]
    state["0.b"] = state.pop("0.bias")
    assert model.load_state_dict(state, strict=False) == (["mine"], [])
    assert seen[2] == ["0.b", "0.weight"]
    for handle in handles:
        handle.remove()
    assert model.load_state_dict(model.state_dict()) == ([], [])
    assert len(seen) == 3


@BOTH
def test_extra_state(library):
    class Counter(library.nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    model = library.nn.Sequential(Counter())
    model[0].count = 5
    state = model.state_dict()
    assert state == {"0._extra_state": {"count": 5}}
    model[0].count = 0
    assert model.load_state_dict(state) == ([], [])
    assert model[0].count == 5
    assert model.load_state_dict({}, strict=False) == (["0._extra_state"], [])


@BOTH
def test_children_may_override_state_dict(library):
    class Silent(library.nn.Linear):
        def state_dict(self, *args, **kwargs):
            return kwargs.get("destination")

    assert list(library.nn.Sequential(Silent(1, 1), library.nn.Linear(1, 1)).state_dict()) == [
        "1.weight",
        "1.bias",
    ]


# Parameter


@BOTH
def test_parameter_shares_memory_and_is_a_leaf(library):
    data = library.ones(2)
    parameter = library.nn.Parameter(data * 1)
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert not library.nn.Parameter(data, requires_grad=False).requires_grad
    assert isinstance(parameter, type(data))
    assert repr(parameter) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


def test_parameter_shares_the_memory_of_its_tensor():
    data = tinynet.ones(2)
    assert nn.Parameter(data).array is data.array


def test_parameter_of_integers_is_refused(same_error):
    same_error(lambda lib: lib.nn.Parameter(lib.ones(2, dtype=lib.int64)), match="int64")


def test_a_state_of_torch_is_loaded_as_it_is() -> None:
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).double()
    theirs(torch.randn(2, 3, 5, 5, dtype=torch.float64))
    ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).double()
    assert list(ours.load_state_dict(theirs.state_dict())) == [[], []]
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), value.numpy())
        assert str(ours.state_dict()[name].dtype) == str(value.dtype).removeprefix("torch.")
    ours.load_state_dict(theirs.state_dict(keep_vars=True))  # parameters that require gradients


def test_a_state_older_than_the_count_of_batches_is_complete() -> None:
    state = OrderedDict(torch.nn.BatchNorm2d(4).state_dict())  # without metadata: of version 1
    del state["num_batches_tracked"]
    for library in (nn, torch.nn):
        layer = library.BatchNorm2d(4)
        assert list(layer.load_state_dict(OrderedDict(state))) == [[], []]
        assert layer.num_batches_tracked.item() == 0
    current = nn.BatchNorm2d(4).state_dict()
    del current["num_batches_tracked"]
    with pytest.raises(RuntimeError, match=r"Missing key.*num_batches_tracked"):
        nn.BatchNorm2d(4).load_state_dict(current)
