from __future__ import annotations

import inspect

import pytest
import torch

import tinynet
from tests.nn.networks import network

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])


def shared(nn):
    """Return a model in which a module and a parameter have two names each."""
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.Sequential(nn.ReLU(), layer), nn.BatchNorm1d(2))
    model.alias = layer.weight
    model.norm = model[2]
    return model


LISTINGS = [
    lambda m: [name for name, _ in m.named_parameters(remove_duplicate=False)],
    lambda m: [name for name, _ in m.named_parameters("net", recurse=False)],
    lambda m: [name for name, _ in m.named_parameters(prefix="net", recurse=True, remove_duplicate=True)],
    lambda m: [name for name, _ in m.named_buffers(remove_duplicate=False)],
    lambda m: [name for name, _ in m.named_buffers("net")],
    lambda m: [name for name, _ in m.named_modules(remove_duplicate=False)],
    lambda m: [name for name, _ in m.named_modules(prefix="net")],
    lambda m: [name for name, _ in m.named_modules(set(m.children()))],
    lambda m: [name for name, _ in m.named_modules({m})],
    lambda m: [type(child).__name__ for child in m.modules(remove_duplicate=False)],
    lambda m: len(list(m.parameters(recurse=False))),
    lambda m: len(list(m.buffers(recurse=False))),
    lambda m: [name for name, _ in m.named_children()],
]


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda f: inspect.getsource(f).strip()[10:70])
@pytest.mark.parametrize("build", [shared, network])
def test_lists_what_torch_lists(listing, build):
    assert listing(build(tinynet.nn)) == listing(build(torch.nn))


@BOTH
def test_named_modules_fills_the_memo(library):
    model, memo = shared(library.nn), set()
    list(model.named_modules(memo))
    assert memo == set(model.modules())


@BOTH
def test_parts_are_found_by_name(library):
    model = network(library.nn)
    assert model.get_submodule("") is model
    assert model.get_submodule("blocks.1.conv") is model.blocks[1].conv
    assert model.get_parameter("blocks.1.bn.weight") is model.blocks[1].bn.weight
    assert model.get_parameter("scale") is model.scale
    assert model.get_buffer("blocks.1.bn.running_mean") is model.blocks[1].bn.running_mean
    assert model.get_buffer("offset") is model.offset


@pytest.mark.parametrize(
    "find",
    [
        lambda m: m.get_submodule("blocks.9"),
        lambda m: m.get_submodule("nothing"),
        lambda m: m.get_submodule("scale"),
        lambda m: m.get_submodule("blocks.0.width"),
        lambda m: m.get_parameter("blocks.0.nothing"),
        lambda m: m.get_parameter("offset"),
        lambda m: m.get_parameter("head"),
        lambda m: m.get_parameter("nothing.weight"),
        lambda m: m.get_buffer("scale"),
        lambda m: m.get_buffer("nothing"),
        lambda m: m.get_buffer("blocks.0.width"),
    ],
    ids=lambda f: inspect.getsource(f).strip()[10:60],
)
def test_what_is_not_there_is_an_attribute_error(find, same_error):
    same_error(lambda lib: find(network(lib.nn)), match="has no attribute|is not a")


@BOTH
def test_set_submodule_replaces_or_adds(library):
    nn = library.nn
    model, new = network(nn), nn.Identity()
    model.set_submodule("blocks.0.conv", new)
    assert model.blocks[0].conv is new
    model.set_submodule("extra", new)
    assert model.extra is new
    model.set_submodule("head", new, strict=True)
    assert model.head is new


@pytest.mark.parametrize(
    "put",
    [
        lambda m, nn: m.set_submodule("", nn.ReLU()),
        lambda m, nn: m.set_submodule("head", 3),
        lambda m, nn: m.set_submodule("nothing.conv", nn.ReLU()),
        lambda m, nn: m.set_submodule("nothing", nn.ReLU(), strict=True),
        lambda m, nn: m.set_submodule("scale", nn.ReLU()),
    ],
    ids=lambda f: inspect.getsource(f).strip()[10:60],
)
def test_set_submodule_refuses(put, same_error):
    same_error(lambda lib: put(network(lib.nn), lib.nn), match="target name|nn.Module|has no attribute")


@BOTH
def test_dir_lists_what_can_be_written(library):
    names = dir(network(library.nn))
    assert {"scale", "offset", "head", "forward", "training", "parameters"} <= set(names)
    assert not {"0", "1"} & set(dir(library.nn.Sequential(library.nn.ReLU(), library.nn.ReLU())))
