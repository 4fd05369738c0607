from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])


@BOTH
def test_uninitialised_tensors_become_parameters(library):
    parameter = library.nn.Parameter(library.Tensor(3, 2))
    assert tuple(parameter.shape) == (3, 2)
    assert parameter.requires_grad
    assert tuple(library.nn.Parameter().shape) == (0,)
    assert isinstance(parameter, library.Tensor)
    assert not isinstance(library.ones(1), library.nn.Parameter)
    assert not isinstance(parameter * 1, library.nn.Parameter)
    assert not isinstance(parameter.data, library.nn.Parameter)


@BOTH
def test_a_parameter_of_a_parameter_is_another_one(library):
    first = library.nn.Parameter(library.ones(2))
    second = library.nn.Parameter(first)
    assert second is not first
    assert second.is_leaf


@pytest.mark.parametrize("data", ["text", 3, [1.0, 2.0]])
def test_a_parameter_of_something_else_is_refused(data):
    with pytest.raises(TypeError, match="must be a Tensor"):
        nn.Parameter(data)


@BOTH
def test_a_buffer_registers_itself(library):
    module = library.nn.Module()
    module.kept = library.nn.Buffer(library.ones(2))
    module.lost = library.nn.Buffer(library.ones(3), persistent=False)
    assert [name for name, _ in module.named_buffers()] == ["kept", "lost"]
    assert list(module.state_dict()) == ["kept"]
    assert not module.kept.requires_grad
    module.kept = library.zeros(5)
    assert list(module.state_dict()) == ["kept"]
    assert tuple(module.get_buffer("kept").shape) == (5,)


@BOTH
def test_buffers_that_state_dict_leaves_out(library):
    module = library.nn.Module()
    module.register_buffer("mask", library.ones(2), persistent=False)
    module.register_buffer("none", None, persistent=False)
    assert list(module.state_dict()) == []
    assert [name for name, _ in module.named_buffers()] == ["mask"]
    assert module.load_state_dict({}) == ([], [])
    module.mask = library.zeros(2)
    assert list(module.state_dict()) == []
    del module.mask
    module.register_buffer("mask", library.ones(2))
    assert list(module.state_dict()) == ["mask"]
    with pytest.raises(RuntimeError, match="Unexpected"):
        module.load_state_dict({"none": np.ones(1) if library is tinynet else library.ones(1)})


@BOTH
def test_attributes_can_be_deleted(library):
    nn = library.nn
    module = nn.Linear(2, 2)
    module.child, module.plain = nn.ReLU(), 3
    module.register_buffer("state", library.ones(1))
    for name in ("weight", "child", "state", "plain"):
        delattr(module, name)
        assert not hasattr(module, name)
    assert list(module.state_dict()) == ["bias"]
    with pytest.raises(AttributeError):
        del module.weight


@pytest.mark.parametrize("name", ["forward", "a.b", "size"])
def test_a_parameter_needs_a_name_of_its_own(name, same_error):
    def assign(lib):
        class Sized(lib.nn.Module):
            @property
            def size(self):
                return 3

        setattr(Sized(), name, lib.nn.Parameter(lib.ones(1)))

    same_error(assign, match="already exists|must be a word")


@BOTH
def test_a_forgotten_super_init_is_an_attribute_error(library):
    class Forgetful(library.nn.Module):
        def __init__(self):
            self.width = 3

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match="'Forgetful' object has no attribute '_backward_hooks'"):
        Forgetful()(3)
    with pytest.raises(AttributeError):
        Forgetful().register_buffer("a", library.ones(1))


@BOTH
def test_train_asks_each_child(library):
    nn = library.nn

    class Frozen(nn.BatchNorm2d):
        def train(self, mode=True):
            return super().train(False)

    model = nn.Sequential(nn.Sequential(Frozen(2)), nn.Dropout())
    model.train()
    assert (model[1].training, model[0].training, model[0][0].training) == (True, True, False)


@BOTH
def test_register_module_is_add_module(library):
    module = library.nn.Module()
    module.register_module("child", library.nn.ReLU())
    assert [name for name, _ in module.named_children()] == ["child"]
    assert module._get_name() == "Module"


# ParameterList and ParameterDict


def values(lib):
    return [lib.nn.Parameter(lib.ones(2)), lib.ones(3, 2), 3, None]


def text(value):
    return repr(value).replace("torch.FloatTensor", "float32").replace("torch.float32", "float32")


@pytest.mark.parametrize(
    "build",
    [
        lambda lib: lib.nn.ParameterList(),
        lambda lib: lib.nn.ParameterList(values(lib)),
        lambda lib: lib.nn.ParameterList(iter(values(lib)[:1])),
        lambda lib: lib.nn.ParameterList(values(lib))[1:3],
        lambda lib: lib.nn.ParameterList(values(lib)).append(lib.ones(1)),
        lambda lib: lib.nn.ParameterList().extend(values(lib)),
        lambda lib: lib.nn.ParameterDict(),
        lambda lib: lib.nn.ParameterDict(dict(zip("dcba", values(lib), strict=True))),
        lambda lib: lib.nn.ParameterDict([("a", lib.ones(1)), ["b", 2]]),
        lambda lib: lib.nn.ParameterDict({"a": lib.ones(1)}) | lib.nn.ParameterDict({"b": lib.ones(2)}),
        lambda lib: lib.nn.ParameterDict().fromkeys(["x", "y"], lib.ones(1)),
        lambda lib: lib.nn.ParameterDict({"a": lib.ones(1), "b": 3}).copy(),
    ],
)
def test_parameter_containers_equal_torchs(build):
    ours, theirs = build(tinynet), build(torch)
    assert text(ours) == text(theirs)
    assert len(ours) == len(theirs)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [type(value).__name__ for value in ours] == [type(value).__name__ for value in theirs]


@BOTH
def test_parameter_list_indices_and_iteration(library):
    given = values(library)
    container = library.nn.ParameterList(given)
    assert container[0] is given[0]
    assert container[-1] is None
    assert isinstance(container[1], library.nn.Parameter)
    container[-2] = library.zeros(1)
    assert len(list(container.parameters())) == 3
    container += [library.ones(1)]
    assert len(container) == 5


@BOTH
def test_parameter_dict_methods(library):
    given = values(library)
    container = library.nn.ParameterDict({"a": given[0], "b": 3})
    assert (list(container), list(reversed(container)), len(container)) == (["a", "b"], ["b", "a"], 2)
    assert "a" in container
    assert "z" not in container
    assert container["a"] is given[0]
    assert (container.get("z"), container.get("z", 5), container.get("b")) == (None, 5, 3)
    assert isinstance(container.setdefault("c", library.ones(1)), library.nn.Parameter)
    assert list(container.keys()) == ["a", "b", "c"]
    assert [key for key, _ in container.items()] == ["a", "b", "c"]
    assert len(list(container.values())) == 3
    container["b"] = library.ones(1)
    assert container.pop("a") is given[0]
    assert container.popitem()[0] == "c"
    container |= library.nn.ParameterDict({"q": library.ones(1)})
    assert list(container.state_dict()) == ["b", "q"]
    del container["b"]
    container.clear()
    assert len(container) == 0
    assert list(container.parameters()) == []


@pytest.mark.parametrize(
    "act, match",
    [
        (lambda lib: lib.nn.ParameterList(3), "iterable"),
        (lambda lib: lib.nn.ParameterList(lib.ones(2)), "iterable"),
        (lambda lib: lib.nn.ParameterList().append(1)[1], "out of range"),
        (lambda lib: lib.nn.ParameterList([1])[-2], "out of range"),
        (lambda lib: lib.nn.ParameterList()(), "not be called"),
        (lambda lib: lib.nn.ParameterDict(3), "iterable"),
        (lambda lib: lib.nn.ParameterDict([3]), "Iterable"),
        (lambda lib: lib.nn.ParameterDict([("a",)]), "length 1"),
        (lambda lib: lib.nn.ParameterDict({3: lib.ones(1)}), "string"),
        (lambda lib: lib.nn.ParameterDict({"a.b": lib.ones(1)}), "a.b"),
        (lambda lib: lib.nn.ParameterDict({"pop": lib.ones(1)}), "pop"),
        (lambda lib: lib.nn.ParameterDict()["a"], "a"),
        (lambda lib: lib.nn.ParameterDict().pop("a"), "a"),
        (lambda lib: lib.nn.ParameterDict().popitem(), "empty"),
    ],
)
def test_parameter_containers_refuse(act, match, same_error):
    error = KeyError if "a.b" in match or match == "pop" else None
    same_error(act, match="got|exists" if error else match)
