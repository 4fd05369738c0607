from __future__ import annotations

import inspect

import pytest
import torch

import tinynet
from tests.nn.networks import block, network
from tinynet import nn

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])


NETWORKS = {"tinynet": network(tinynet.nn), "torch": network(torch.nn)}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_nested_network_equals_torch(training, dtype, draw, same_layer):
    def without_dropout(nn):
        model = network(nn)
        model.stem.drop.p = 0.0
        return model

    same_layer(without_dropout, draw((3, 2, 6, 5), dtype), training=training, steps=2)


@pytest.mark.parametrize(
    "listing",
    [
        lambda m: [(name, type(child).__name__) for name, child in m.named_modules()],
        lambda m: [type(child).__name__ for child in m.modules()],
        lambda m: [(name, type(child).__name__) for name, child in m.named_children()],
        lambda m: [type(child).__name__ for child in m.children()],
        lambda m: [(name, tuple(p.shape)) for name, p in m.named_parameters()],
        lambda m: [name for name, _ in m.named_parameters(recurse=False)],
        lambda m: [name for name, _ in m.named_parameters(prefix="model")],
        lambda m: [tuple(p.shape) for p in m.parameters()],
        lambda m: [(name, tuple(b.shape)) for name, b in m.named_buffers()],
        lambda m: [name for name, _ in m.named_buffers(recurse=False)],
        lambda m: len(list(m.buffers())),
        lambda m: [
            (name, tuple(v.shape), str(v.dtype).rpartition(".")[2]) for name, v in m.state_dict().items()
        ],
        repr,
    ],
    ids=lambda listing: inspect.getsource(listing).strip()[:60] if listing is not repr else "repr",
)
def test_nested_network_lists_what_torch_lists(listing):
    assert listing(NETWORKS["tinynet"]) == listing(NETWORKS["torch"])


LAYERS = [
    "Conv2d(3, 4, 3)",
    "Conv2d(4, 4, (1, 2), stride=2, padding=(1, 0), dilation=2, groups=4, bias=False)",
    "Conv2d(3, 4, 3, padding='same')",
    "BatchNorm2d(3)",
    "BatchNorm2d(3, eps=1e-3, momentum=None, affine=False, track_running_stats=False)",
    "BatchNorm2d(3, bias=False)",
    "ReLU()",
    "ReLU(True)",
    "MaxPool2d(2)",
    "MaxPool2d((2, 3), 2, 1, 2, True, True)",
    "AvgPool2d((2, 3), 1, 1, True, False, 3)",
    "AdaptiveAvgPool2d((None, 2))",
    "Linear(2, 3)",
    "Linear(2, 3, False)",
    "Flatten(0, -2)",
    "Dropout(0.3, True)",
    "Identity(3)",
    "CrossEntropyLoss(label_smoothing=0.1)",
    "Sequential()",
    "ModuleList()",
    "ModuleList([ReLU(), ReLU(), Linear(2, 2), ReLU()])",
    "ModuleList([Sequential(ReLU(), Flatten()), Sequential(ReLU(), Flatten())])",
]


@pytest.mark.parametrize("code", LAYERS)
def test_repr_equals_torchs(code):
    ours, theirs = (eval(code, dict(vars(library.nn))) for library in (tinynet, torch))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("text", ["one", "one\ntwo", ""])
@pytest.mark.parametrize("children", [False, True])
def test_repr_with_extra_text_equals_torchs(text, children):
    def build(nn):
        class Special(nn.Module):
            def extra_repr(self):
                return text

        module = Special()
        if children:
            module.first = nn.Linear(1, 2)
            module.add_module("none", None)
        return module

    assert repr(build(tinynet.nn)) == repr(build(torch.nn))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name)) and name not in ("Module", "Parameter")
    ],
)
def test_constructors_have_torchs_arguments(name):
    ours, theirs = (
        [
            (p.name, getattr(p.default, "__name__", p.default))
            for p in inspect.signature(getattr(library, name)).parameters.values()
        ]
        for library in (nn, torch.nn)
    )
    # torch's Module takes anything and refuses it by hand, where ours takes nothing.
    assert ours == theirs or (ours == [] and [name for name, _ in theirs] == ["args", "kwargs"])


# Registration


@BOTH
def test_assignment_registers_and_moves_between_tables(library):
    nn = library.nn
    module = nn.Module()
    module.thing = 3
    module.thing = nn.Parameter(library.ones(2))
    assert [name for name, _ in module.named_parameters()] == ["thing"]
    assert "thing" not in vars(module)
    module.thing = None
    assert list(module.parameters()) == []
    assert module.thing is None
    module.thing = nn.Parameter(library.ones(3))
    assert [tuple(p.shape) for p in module.parameters()] == [(3,)]

    module.other = nn.ReLU()
    module.other = nn.Parameter(library.ones(2))
    assert list(module.children()) == []
    module.register_buffer("state", library.ones(2))
    module.state = library.zeros(5)
    assert [tuple(b.shape) for b in module.buffers()] == [(5,)]
    module.state = nn.Linear(1, 1)
    assert list(module.buffers()) == []
    assert [name for name, _ in module.named_children()] == ["state"]


@BOTH
def test_tensors_are_not_registered_by_assignment(library):
    module = library.nn.Module()
    module.thing = library.ones(2)
    assert list(module.state_dict()) == []
    assert tuple(module.thing.shape) == (2,)


@BOTH
def test_deletion(library):
    module = library.nn.Linear(2, 3)
    module.register_buffer("state", library.ones(1))
    module.child = library.nn.ReLU()
    module.plain = 1
    for name in ("bias", "state", "child", "plain"):
        delattr(module, name)
        assert not hasattr(module, name)
    assert list(module.state_dict()) == ["weight"]
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'bias'"):
        del module.bias
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'nothing'"):
        module.nothing


VALUES = {
    "int": lambda lib: 3,
    "tensor": lambda lib: lib.ones(2),
    "parameter": lambda lib: lib.nn.Parameter(lib.ones(2)),
    "module": lambda lib: lib.nn.ReLU(),
}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("bias", "int"),
        ("bias", "tensor"),
        ("bias", "module"),
        ("child", "int"),
        ("child", "tensor"),
        ("state", "int"),
    ],
)
def test_assignment_of_another_kind_is_refused(place, value, same_error):
    def assign(lib):
        module = lib.nn.Linear(2, 3)
        module.child = lib.nn.ReLU()
        module.register_buffer("state", lib.ones(1))
        setattr(module, place, VALUES[value](lib))

    same_error(assign, match=rf"cannot assign '\w+' as .*'{place}'.*or None expected")


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("register_parameter", "int"),
        ("register_parameter", "tensor"),
        ("register_parameter", "module"),
        ("register_buffer", "int"),
        ("register_buffer", "module"),
        ("add_module", "int"),
        ("add_module", "tensor"),
        ("add_module", "parameter"),
    ],
)
def test_registration_of_another_kind_is_refused(register, value, same_error):
    same_error(lambda lib: getattr(lib.nn.Module(), register)("a", VALUES[value](lib)), match="'a'")


@pytest.mark.parametrize(
    ("register", "value"),
    [("register_parameter", "parameter"), ("register_buffer", "tensor"), ("add_module", "module")],
)
@pytest.mark.parametrize("name", ["", "a.b", 3, "forward", "child", "bias", "state"])
def test_registration_under_a_bad_name_is_refused(register, value, name, same_error):
    own = {"register_parameter": "bias", "register_buffer": "state", "add_module": "child"}[register]

    def add(lib):
        module = lib.nn.Linear(2, 3)
        module.child = lib.nn.ReLU()
        module.register_buffer("state", lib.ones(1))
        getattr(module, register)(name, VALUES[value](lib))

    if name == own:
        add(tinynet)  # registering again replaces
        add(torch)
    else:
        same_error(add, match=f"got int|got .*{name}|attribute '{name}'")


@pytest.mark.parametrize("value", ["parameter", "module"])
def test_assignment_before_init_is_refused(value, same_error):
    def build(lib):
        class Forgetful(lib.nn.Module):
            def __init__(self):
                self.thing = VALUES[value](lib)

        Forgetful()

    same_error(build, match=r"before Module.__init__\(\)")


@BOTH
def test_plain_attributes_may_come_before_init(library):
    class Early(library.nn.Module):
        def __init__(self):
            self.width = 3
            super().__init__()

    assert Early().width == 3


def test_module_without_forward_says_so(same_error):
    same_error(lambda lib: lib.nn.Module()(1), match='Module .Module. is missing the required "forward"')


@BOTH
def test_shared_parameters_and_modules_count_once(library):
    nn = library.nn
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.ReLU(), shared)
    model.alias = shared.weight
    assert [name for name, _ in model.named_parameters()] == ["alias", "0.bias"]
    assert [name for name, _ in model.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in model.named_children()] == ["0", "1"]
    assert list(model.state_dict()) == ["alias", "0.weight", "0.bias", "2.weight", "2.bias"]
    called = []
    assert model.apply(lambda module: called.append(type(module).__name__)) is model
    assert called == ["Linear", "ReLU", "Sequential"]


def test_gradients_of_shared_parameters_add_up(draw, same_layer):
    def build(nn):
        layer = nn.Linear(3, 3)
        return nn.Sequential(layer, nn.ReLU(), layer)

    same_layer(build, draw((4, 3)))


# Modes, dtypes and gradients


@BOTH
def test_train_and_eval_reach_every_module(library):
    model = network(library.nn)
    assert all(module.training for module in model.modules())
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.blocks[1].train() is model.blocks[1]
    assert sum(module.training for module in model.modules()) == 4
    assert all(module.training for module in model.train(True).modules())
    with pytest.raises(ValueError, match="boolean"):
        model.train("yes")


@BOTH
def test_apply_goes_from_the_inside_out(library):
    called = []
    block(library.nn, 2).apply(lambda module: called.append(type(module).__name__))
    assert called == ["BatchNorm2d", "Conv2d", "Identity", "Block"]


@BOTH
@pytest.mark.parametrize(
    "convert",
    [
        lambda model, lib: model.double(),
        lambda model, lib: model.to(lib.float64),
        lambda model, lib: model.to(dtype=lib.float64),
        lambda model, lib: model.to("cpu", lib.float64),
        lambda model, lib: model.to(lib.zeros(1, dtype=lib.float64)),
    ],
)
def test_conversion_changes_floating_point_only(library, convert):
    model = network(library.nn)
    parameters = list(model.parameters())
    y = model(library.ones(2, 2, 4, 5))
    y.backward(library.ones(2, 3))
    assert convert(model, library) is model
    assert list(map(id, model.parameters())) == list(map(id, parameters))
    assert {p.dtype for p in parameters} == {library.float64}
    assert {p.grad.dtype for p in parameters} == {library.float64}
    assert all(p.is_leaf and p.requires_grad for p in parameters)
    kinds = {(name.rpartition(".")[2], b.dtype) for name, b in model.named_buffers()}
    assert kinds == {
        ("offset", library.float64),
        ("running_mean", library.float64),
        ("running_var", library.float64),
        ("num_batches_tracked", library.int64),
    }
    assert {p.dtype for p in model.float().parameters()} == {library.float32}


@pytest.mark.parametrize(
    "build", [lambda nn: nn.Linear(2, 3), lambda nn: nn.ReLU()], ids=["parameters", "none"]
)
def test_conversion_to_integers_is_refused(build, same_error):
    same_error(lambda lib: build(lib.nn).to(lib.int64), match="floating point.*int64")


@BOTH
@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(library, set_to_none):
    layer = library.nn.Linear(2, 3)
    layer.bias.requires_grad_(False)
    y = layer(library.ones(4, 2))
    y.backward(library.ones(4, 3))
    gradient = layer.weight.grad
    layer.zero_grad(set_to_none=set_to_none)
    assert layer.bias.grad is None
    if set_to_none:
        assert layer.weight.grad is None
        assert (gradient.numpy() == 4).all()
    else:
        assert (layer.weight.grad.numpy() == 0).all()
        assert (gradient.numpy() == 0).all()


def test_zero_grad_after_create_graph_spares_the_upstream_gradient():
    layer = nn.Linear(1, 3)
    upstream = tinynet.ones(3)
    (layer.bias + 0.0).backward(upstream, create_graph=True)
    (layer.bias + 0.0).backward(upstream)
    assert layer.bias.grad.tolist() == [2, 2, 2]
    layer.zero_grad(set_to_none=False)
    assert layer.bias.grad.tolist() == [0, 0, 0]
    assert upstream.tolist() == [1, 1, 1]


@BOTH
def test_requires_grad_freezes_every_parameter(library):
    model = network(library.nn)
    assert model.requires_grad_(False) is model
    assert not any(p.requires_grad for p in model.parameters())
    assert not model(library.ones(2, 2, 4, 5)).requires_grad
