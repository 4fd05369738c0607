from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import tinynet
from tests import fake_cupy
from tests.nn.networks import network
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])


def kinds(model):
    return {str(t.dtype).rpartition(".")[2] for t in (*model.parameters(), *model.buffers())}


CONVERSIONS = {
    "half": (lambda m, lib: m.half(), {"float16", "int64"}),
    "double": (lambda m, lib: m.double(), {"float64", "int64"}),
    "type": (lambda m, lib: m.type(lib.float64), {"float64"}),
    "type name": (lambda m, lib: m.type("torch.DoubleTensor"), {"float64"}),
    "type of integers": (lambda m, lib: m.requires_grad_(False).type(lib.int64), {"int64"}),
    "device, dtype": (lambda m, lib: m.to("cpu", lib.float64), {"float64", "int64"}),
    "device": (lambda m, lib: m.to(lib.device("cpu")), {"float32", "int64"}),
    "keywords": (lambda m, lib: m.to(device="cpu", dtype=lib.float64), {"float64", "int64"}),
    "non_blocking": (lambda m, lib: m.to("cpu", non_blocking=True), {"float32", "int64"}),
    "three places": (lambda m, lib: m.to("cpu", lib.float64, True), {"float64", "int64"}),
    "dtype, non_blocking": (lambda m, lib: m.to(lib.float64, False), {"float64", "int64"}),
    "tensor": (lambda m, lib: m.to(lib.zeros(1, dtype=lib.float64)), {"float64", "int64"}),
    "cpu": (lambda m, lib: m.cpu(), {"float32", "int64"}),
}


@BOTH
@pytest.mark.parametrize("case", CONVERSIONS)
def test_every_form_of_conversion(library, case):
    convert, expected = CONVERSIONS[case]
    model = network(library.nn)
    parameters = list(model.parameters())
    assert convert(model, library) is model
    assert kinds(model) == expected
    assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]


@BOTH
def test_a_subclass_may_convert_more(library):
    class Grid(library.nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            self.points = library.ones(3)

        def _apply(self, fn, recurse=True):
            super()._apply(fn)
            self.points = fn(self.points)
            return self

    model = library.nn.Sequential(Grid()).double()
    assert model[0].points.dtype == library.float64
    assert model[0].weight.dtype == library.float64


def test_without_a_gpu_cuda_says_what_to_install():
    if tinynet.backend.cuda_is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(tinynet.BackendUnavailable, match="install CuPy"):
        nn.Linear(1, 1).cuda()


@pytest.mark.usefixtures("gpu")
def test_modules_work_on_the_device_without_waiting():
    model = nn.utils.spectral_norm(nn.utils.weight_norm(nn.Linear(3, 2), "bias", None))
    host = copy.deepcopy(nn.Sequential(nn.Linear(3, 3)).state_dict())
    model = nn.Sequential(nn.Linear(3, 3), model).cuda()
    grads = []
    model[1].register_full_backward_hook(lambda m, gi, go: grads.extend((*gi, *go)))
    x = tinynet.ones(4, 3).to("cuda").requires_grad_()
    fake_cupy.waits.clear()
    model.load_state_dict(host, strict=False)
    y = model(x)
    y.backward(tinynet.ones(4, 2).to("cuda"))
    model.zero_grad(set_to_none=False)
    assert fake_cupy.waits == []
    assert {t.device.type for t in (*model.parameters(), *model.buffers(), *grads, y, x.grad)} == {"cuda"}
    twin = copy.deepcopy(model[0]).cpu()
    assert {t.device.type for t in twin.parameters()} == {"cpu"}
    np.testing.assert_array_equal(twin.weight.detach().numpy(), host["0.weight"].numpy())


# Copies


def tied(lib):
    class Tied(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = lib.nn.Linear(2, 2), lib.nn.Linear(2, 2)
            self.second.weight = self.first.weight
            self.layers = [self.first]
            self.norm = lib.nn.BatchNorm1d(2)

    return Tied()


@BOTH
def test_deepcopy_shares_nothing_and_keeps_ties(library):
    model = tied(library)
    twin = copy.deepcopy(model)
    assert twin.first.weight is twin.second.weight
    assert twin.layers[0] is twin.first
    assert isinstance(twin.first.weight, library.nn.Parameter)
    assert not {id(t) for t in twin.parameters()} & {id(t) for t in model.parameters()}
    with library.no_grad():
        for tensor in (*twin.parameters(), *twin.buffers()):
            tensor *= 0
    assert (model.first.weight.detach().numpy() != 0).all()
    assert (model.norm.running_var.numpy() == 1).all()
    assert twin.state_dict().keys() == model.state_dict().keys()


@BOTH
def test_deepcopy_leaves_gradients_and_keeps_requires_grad(library):
    layer = library.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    layer(library.ones(1, 2)).sum().backward()
    twin = copy.deepcopy(layer)
    assert twin.weight.grad is None
    assert (twin.weight.requires_grad, twin.bias.requires_grad) == (True, False)
    twin(library.ones(1, 2)).sum().backward()
    assert twin.weight.grad is not layer.weight.grad


def test_deepcopy_keeps_the_order_in_memory():
    parameter = nn.Parameter(tinynet.Tensor(np.asfortranarray(np.ones((2, 3)))))
    assert copy.deepcopy(parameter).array.flags.f_contiguous
