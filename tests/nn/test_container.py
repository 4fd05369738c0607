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
