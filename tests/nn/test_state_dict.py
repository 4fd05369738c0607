from __future__ import annotations

import io

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
