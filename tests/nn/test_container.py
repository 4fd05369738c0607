from __future__ import annotations

from collections import OrderedDict

import pytest
import torch

import tinynet

BOTH = pytest.mark.parametrize("library", [tinynet, torch], ids=["tinynet", "torch"])
KINDS = ("Conv2d", "BatchNorm2d", "ReLU", "Flatten")


def layers(nn):
    return [nn.Conv2d(2, 3, (3, 2)), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten()]


def containers(nn):
    return {
        "Sequential": nn.Sequential(*layers(nn)),
        "named": nn.Sequential(OrderedDict(zip("abcd", layers(nn), strict=True))),
        "ModuleList": nn.ModuleList(layers(nn)),
    }


CONTAINER = pytest.mark.parametrize("kind", ["Sequential", "named", "ModuleList"])


def names(module):
    return [(name, type(child).__name__) for name, child in module.named_children()]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_sequential_equals_torch(training, dtype, draw, same_layer):
    same_layer(lambda nn: containers(nn)["named"], draw((2, 2, 5, 4), dtype), training=training, steps=2)


def test_empty_sequential_returns_its_input(draw, same_layer):
    same_layer(lambda nn: nn.Sequential(), draw((2, 3)))


@CONTAINER
@BOTH
def test_length_order_and_indices(library, kind):
    container = containers(library.nn)[kind]
    assert len(container) == 4
    assert [type(child).__name__ for child in container] == list(KINDS)
    assert [type(container[i]).__name__ for i in range(-4, 4)] == list(KINDS) * 2


@CONTAINER
@pytest.mark.parametrize(
    "part",
    [
        slice(1, 3),
        slice(None, -1),
        slice(-2, None),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(9, None),
    ],
)
def test_slices_equal_torchs(kind, part):
    ours, theirs = (containers(library.nn)[kind][part] for library in (tinynet, torch))
    assert type(ours).__name__ == type(theirs).__name__
    assert names(ours) == names(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@CONTAINER
@BOTH
def test_slices_share_their_modules(library, kind):
    container = containers(library.nn)[kind]
    assert container[1:][0] is container[1]


@CONTAINER
@BOTH
def test_append_and_extend_return_the_container(library, kind):
    nn = library.nn
    container = containers(nn)[kind]
    last = nn.Identity()
    assert container.append(last) is container
    assert container.extend([nn.Dropout(), nn.Linear(1, 1)]) is container
    assert container[-3] is last
    assert [name for name, _ in names(container)][4:] == ["4", "5", "6"]


@CONTAINER
@BOTH
@pytest.mark.parametrize("index", [0, 2, -1])
def test_assignment_replaces_in_place(library, kind, index):
    container = containers(library.nn)[kind]
    before = [name for name, _ in names(container)]
    replacement = library.nn.Identity()
    container[index] = replacement
    assert container[index] is replacement
    assert [name for name, _ in names(container)] == before


@BOTH
def test_lists_of_modules_come_from_any_iterable(library):
    nn = library.nn
    assert names(nn.ModuleList()) == names(nn.ModuleList(None)) == []
    assert names(nn.ModuleList(layer for layer in layers(nn))) == list(zip("0123", KINDS, strict=True))


@CONTAINER
@pytest.mark.parametrize("index", [4, -5])
def test_indices_out_of_range_are_refused(kind, index, same_error):
    def put(lib):
        containers(lib.nn)[kind][index] = lib.nn.Identity()

    same_error(lambda lib: containers(lib.nn)[kind][index], match=f"index {index} is out of range")
    same_error(put, match=f"index {index} is out of range")


@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.Sequential(3),
        lambda nn: nn.Sequential([nn.ReLU()]),
        lambda nn: nn.Sequential({"a": nn.ReLU()}),
        lambda nn: nn.Sequential(OrderedDict(a=3)),
        lambda nn: nn.Sequential().append(3),
        lambda nn: nn.Sequential().extend([3]),
        lambda nn: nn.ModuleList([3]),
        lambda nn: nn.ModuleList().append("text"),
    ],
)
def test_only_modules_are_taken(build, same_error):
    same_error(lambda lib: build(lib.nn), match=r"(int|list|dict|str) is not a Module subclass")


@pytest.mark.parametrize("build", [lambda nn: nn.ModuleList(3), lambda nn: nn.ModuleList().extend(None)])
def test_modules_come_in_iterables(build, same_error):
    same_error(lambda lib: build(lib.nn), match="iterable")


@pytest.mark.parametrize("name", ["a.b", "", "forward"])
def test_names_are_checked(name, same_error):
    same_error(
        lambda lib: lib.nn.Sequential(OrderedDict([(name, lib.nn.ReLU())])), match=f"(got|attribute) .*{name}"
    )


def test_assigning_something_else_is_refused(same_error):
    def put(lib):
        containers(lib.nn)["Sequential"][1] = 3

    same_error(put, match="cannot assign 'int' as child module '1'")


def test_a_list_of_modules_is_no_function(same_error):
    same_error(lambda lib: lib.nn.ModuleList()(1), match='ModuleList.*missing the required "forward"')


# Lists and dictionaries of modules, changed


def linears(nn, count, kind="Sequential"):
    return (
        getattr(nn, kind)(*[nn.Linear(i + 1, 1) for i in range(count)])
        if kind == "Sequential"
        else (nn.ModuleList(nn.Linear(i + 1, 1) for i in range(count)))
    )


def inplace(a, act):
    before = a
    a = act(a)
    assert a is before
    return a


def iadd(a, b):
    a += b
    return a


def imul(a, n):
    a *= n
    return a


def delete(a, index):
    del a[index]
    return a


CHANGES = {
    "add": lambda nn: linears(nn, 2) + linears(nn, 1),
    "add named": lambda nn: nn.Sequential(OrderedDict(a=nn.ReLU())) + linears(nn, 1),
    "iadd": lambda nn: inplace(linears(nn, 2), lambda a: iadd(a, linears(nn, 1))),
    "multiply": lambda nn: linears(nn, 2) * 2,
    "multiply from the left": lambda nn: 2 * linears(nn, 2),
    "multiply in place": lambda nn: inplace(linears(nn, 2), lambda a: imul(a, 3)),
    "insert": lambda nn: linears(nn, 3).insert(1, nn.ReLU()),
    "insert first": lambda nn: linears(nn, 3).insert(0, nn.ReLU()),
    "insert last": lambda nn: linears(nn, 3).insert(3, nn.ReLU()),
    "insert from the end": lambda nn: linears(nn, 3).insert(-1, nn.ReLU()),
    "insert from the end, first": lambda nn: linears(nn, 3).insert(-3, nn.ReLU()),
    "None": lambda nn: nn.Sequential(nn.ReLU(), None),
    "list add": lambda nn: linears(nn, 2, "ModuleList") + [nn.ReLU()],
    "list add list": lambda nn: linears(nn, 2, "ModuleList") + linears(nn, 2, "ModuleList"),
    "list iadd": lambda nn: inplace(linears(nn, 2, "ModuleList"), lambda a: iadd(a, [nn.ReLU()])),
    "list None": lambda nn: linears(nn, 1, "ModuleList").append(None),
}
for index in (0, 1, -1, slice(1, 3), slice(None, None, 2), slice(5, None)):
    for kind in ("Sequential", "ModuleList"):
        CHANGES[f"delete {index} {kind}"] = lambda nn, i=index, k=kind: delete(linears(nn, 4, k), i)
        CHANGES[f"pop {index} {kind}"] = lambda nn, i=index, k=kind: nn.ModuleList(
            [(a := linears(nn, 4, k)).pop(i), a]
        )
for index in (0, 2, 4):
    CHANGES[f"list insert {index}"] = lambda nn, i=index: (lambda a: [a.insert(i, nn.ReLU()), a][1])(
        linears(nn, 4, "ModuleList")
    )
CHANGES["delete named"] = lambda nn: delete(containers(nn)["named"], 1)


@pytest.mark.parametrize("case", CHANGES)
def test_changed_containers_are_torchs(case):
    assert repr(CHANGES[case](tinynet.nn)) == repr(CHANGES[case](torch.nn))


@BOTH
def test_repeated_modules_are_shared(library):
    twice = linears(library.nn, 2) * 2
    assert twice[0] is twice[2]
    assert len(list(twice.parameters())) == 4


@pytest.mark.parametrize(
    "act, match",
    [
        (lambda nn: linears(nn, 1) + [nn.ReLU()], "only objects of Sequential"),
        (lambda nn: iadd(linears(nn, 1), [nn.ReLU()]), "only objects of Sequential"),
        (lambda nn: linears(nn, 1) * 0, "Non-positive multiplication factor 0"),
        (lambda nn: imul(linears(nn, 1), -1), "Non-positive multiplication factor -1"),
        (lambda nn: linears(nn, 1) * 1.5, "unsupported operand"),
        (lambda nn: linears(nn, 2).insert(3, nn.ReLU()), "Index out of range: 3"),
        (lambda nn: linears(nn, 2).insert(-3, nn.ReLU()), "Index out of range: -3"),
        (lambda nn: linears(nn, 2).pop(2), "index 2 is out of range"),
        (lambda nn: delete(linears(nn, 2), -3), "index -3 is out of range"),
        (lambda nn: linears(nn, 2)["0"], "cannot be interpreted as an integer"),
        (lambda nn: linears(nn, 2, "ModuleList") + 3, "iterable"),
        (lambda nn: nn.ModuleDict(3), "iterable of key/value pairs"),
        (lambda nn: nn.ModuleDict([3]), "should be Iterable"),
        (lambda nn: nn.ModuleDict([("a",)]), "length 1"),
        (lambda nn: nn.ModuleDict({"a": 3}), "int is not a Module subclass"),
        (lambda nn: nn.ModuleDict({"a": nn.ReLU()})["b"], "b"),
        (lambda nn: nn.ModuleDict({"a": nn.ReLU()}).pop("b"), "b"),
        (lambda nn: nn.ModuleDict({3: nn.ReLU()}), "got int"),
        (lambda nn: nn.ModuleDict({"a.b": nn.ReLU()}), "got .*a.b"),
        (lambda nn: nn.ModuleDict({"keys": nn.ReLU()}), "'keys' already exists"),
        (lambda nn: nn.ModuleDict()(1), 'ModuleDict.*missing the required "forward"'),
        (lambda nn: nn.Unflatten(1, 3), "tuple of ints"),
        (lambda nn: nn.Unflatten(1, (2, 1.5)), "float at pos 1"),
    ],
)
def test_containers_refuse(act, match, same_error):
    same_error(lambda lib: act(lib.nn), match=match)


@BOTH
def test_module_dict_methods(library):
    nn = library.nn
    layers = {"b": nn.ReLU(), "a": nn.Linear(1, 1)}
    container = nn.ModuleDict(layers)
    assert (list(container), len(container), "a" in container, "z" in container) == (
        ["b", "a"],
        2,
        True,
        False,
    )
    assert container["a"] is layers["a"]
    assert dict(container.items()) == layers
    assert list(container.keys()) == ["b", "a"]
    assert list(container.values()) == list(layers.values())
    container.update([("c", nn.Flatten()), ("b", nn.Identity())])
    container.update(nn.ModuleDict({"d": nn.Tanh()}))
    assert [type(m).__name__ for m in container.values()] == ["Identity", "Linear", "Flatten", "Tanh"]
    container["e"] = nn.ReLU()
    del container["d"]
    assert container.pop("a") is layers["a"]
    assert list(container) == ["b", "c", "e"]
    container.clear()
    assert len(container) == 0


@pytest.mark.parametrize("start, end", [(1, -1), (0, -1), (2, 3), (0, 1)])
def test_flatten_equals_torch(start, end, draw, same_layer):
    same_layer(lambda nn: nn.Flatten(start, end), draw((2, 3, 2, 2)))


@pytest.mark.parametrize("dim, sizes", [(1, (2, 3)), (-1, [5, 1]), (0, (-1, 2)), (1, (2, -1))])
def test_unflatten_equals_torch(dim, sizes, draw, same_layer):
    layer = same_layer(lambda nn: nn.Unflatten(dim, sizes), draw((4, 6, 5)))
    assert repr(layer) == repr(torch.nn.Unflatten(dim, sizes))


def test_unflatten_by_name_is_refused():
    with pytest.raises(NotImplementedError, match="dim='C'"):
        tinynet.nn.Unflatten("C", (("A", 2),))
