"""Indexing beyond the table: random indices against torch, in-place forms, duplicates, half precision, warnings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn

LIBRARIES = (tn, torch)


def random_index(rng: np.random.Generator, shape: tuple[int, ...]) -> list[Any]:
    """Return the parts of an index, those that are tensors as arrays: some of them wrong."""
    parts: list[Any] = []
    axis, ellipsis = 0, False
    while axis < len(shape) and rng.random() < 0.9:
        size = shape[axis]
        kind = rng.choice(["int", "slice", "none", "ellipsis", "indices", "mask", "matrix", "bool", "scalar"])
        if kind == "int":
            parts.append(int(rng.integers(-size, size)) if rng.random() < 0.95 else size)
        elif kind == "slice":
            bounds = [None if rng.random() < 0.3 else int(rng.integers(-size - 1, size + 2)) for _ in "ab"]
            parts.append(slice(*bounds, int(rng.integers(1, 3))))
        elif kind == "none":
            parts.append(None)
            continue
        elif kind == "bool":
            if rng.random() < 0.3:
                parts.append(bool(rng.integers(2)))
            continue
        elif kind == "ellipsis":
            if not ellipsis:
                ellipsis = True
                parts.append(...)
            axis += int(rng.integers(0, 2))
            continue
        elif kind == "mask":
            parts.append(rng.integers(0, 2, size).astype(bool))
        elif kind == "scalar":
            parts.append(np.asarray(rng.integers(-size, size)))
        else:
            length = (2,) if kind == "indices" else (2, 1)
            parts.append(rng.integers(-size, size, length))
        axis += 1
    return parts


def as_index(library: Any, parts: list[Any]) -> Any:
    return tuple(library.tensor(part) if isinstance(part, np.ndarray) else part for part in parts)


def attempt(library: Any, x: Any, parts: list[Any]) -> Any:
    """Return x[index], or the type of the error."""
    try:
        return x[as_index(library, parts)]
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("seed", range(20))
def test_random_indices_choose_what_torch_chooses(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chosen = 0
    for _ in range(50):
        shape = tuple(rng.integers(1, 5, rng.integers(1, 5)).tolist())
        parts = random_index(rng, shape)
        values = rng.standard_normal(shape)
        xs = [library.tensor(values, requires_grad=True) for library in LIBRARIES]
        found, expected = (attempt(lib, x, parts) for lib, x in zip(LIBRARIES, xs, strict=True))
        if isinstance(expected, type):
            assert found == expected, parts
            continue
        chosen += 1
        np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy(), err_msg=str(parts))
        upstream = rng.standard_normal(found.shape)
        for lib, x, y in zip(LIBRARIES, xs, (found, expected), strict=True):
            y.backward(lib.tensor(upstream))
            assert x.grad is not None
        np.testing.assert_allclose(xs[0].grad.numpy(), xs[1].grad.numpy(), rtol=1e-12, err_msg=str(parts))
    assert chosen > 10


@pytest.mark.parametrize("seed", range(20))
def test_random_indices_write_where_torch_writes(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    for _ in range(30):
        shape = tuple(rng.integers(1, 5, rng.integers(1, 4)).tolist())
        parts = random_index(rng, shape)
        x, places = rng.standard_normal(shape), torch.arange(int(np.prod(shape))).reshape(shape)
        try:
            target = places[as_index(torch, parts)]
        except IndexError:
            continue
        if target.unique().numel() < target.numel():
            continue  # which of the duplicates is written last is nobody's promise
        value = rng.standard_normal(tuple(target.shape) if rng.random() < 0.5 else ())
        results = []
        for library in LIBRARIES:
            leaf, put = (library.tensor(array, requires_grad=True) for array in (x, value))
            y = leaf * 2
            y[as_index(library, parts)] = put
            y.backward(library.tensor(np.cos(x)))
            results.append(
                (y.detach().numpy(), leaf.grad.numpy(), None if put.grad is None else put.grad.numpy())
            )
        for found, expected in zip(*results, strict=True):
            if expected is None:
                assert found is None or not found.any()
            else:
                np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=str(parts))


@pytest.mark.parametrize(
    "index, message",
    [
        ([[0, 1], [2, 3]], "non-tuple sequence"),
        ([0, slice(1, 3)], "non-tuple sequence"),
        ([None, 0], "non-tuple sequence"),
        (np.array([1, 0, 0, 1], np.uint8), "uint8"),
    ],
)
def test_deprecated_indices_mean_what_they_mean_in_torch_and_warn(index: Any, message: str) -> None:
    values = np.arange(20.0).reshape(4, 5)
    with pytest.warns(UserWarning, match=message):
        found = tn.tensor(values)[index]
    with pytest.warns(UserWarning, match=message):
        expected = torch.tensor(values)[index]
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_adding_at_duplicate_indices() -> None:
    results = []
    for library in LIBRARIES:
        x = library.tensor([1.0, 2.0, 3.0], dtype=library.float64, requires_grad=True)
        y = library.tensor([10.0, 20.0, 30.0], dtype=library.float64, requires_grad=True)
        z = x * 1
        z[library.tensor([0, 2])] += y[:2]
        z[1:] *= y[1:]
        z.index_add_(0, library.tensor([1, 1, 0]), y)
        z.backward(library.tensor([1.0, 2.0, 4.0], dtype=library.float64))
        results.append((z.tolist(), x.grad.tolist(), y.grad.tolist()))
    assert results[0] == results[1]


IN_PLACE: dict[str, Any] = {
    "scatter_": lambda lib, x, y: x.scatter_(0, lib.tensor([[1, 0, 2]]), y[:1]),
    "scatter_ a number": lambda lib, x, y: x.scatter_(1, lib.tensor([[1], [0]]), 2.0),
    "scatter_ value": lambda lib, x, y: x.scatter_(1, lib.tensor([[1], [0]]), value=2.0),
    "scatter_add_": lambda lib, x, y: x.scatter_add_(0, lib.tensor([[1, 1, 1], [1, 0, 2]]), y),
    "index_add_": lambda lib, x, y: x.index_add_(0, lib.tensor([1, 1]), y, alpha=2),
    "index_fill_": lambda lib, x, y: x.index_fill_(1, lib.tensor([0, 2]), 7),
    "index_copy_": lambda lib, x, y: x.index_copy_(0, lib.tensor([2, 0]), y),
    "index_put_": lambda lib, x, y: x.index_put_((lib.tensor([2, 0]),), y),
    "index_put_ adding": lambda lib, x, y: x.index_put_((lib.tensor([2, 2]),), y, accumulate=True),
    "masked_fill_": lambda lib, x, y: x.masked_fill_(lib.tensor([True, False, True]), -1.0),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_forms_change_the_tensor_and_its_history(name: str) -> None:
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((3, 3)), rng.standard_normal((2, 3))
    results = []
    for library in LIBRARIES:
        leaf, y = (library.tensor(array, requires_grad=True) for array in arrays)
        x = leaf * 1
        memory = x.detach()
        assert IN_PLACE[name](library, x, y) is x
        np.testing.assert_array_equal(memory.numpy(), x.detach().numpy())
        (x * x).sum().backward()
        results.append((x.detach().numpy(), leaf.grad.numpy(), 0 if y.grad is None else y.grad.numpy()))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_leaf_is_written_without_recording_only() -> None:
    x = tn.zeros(2, 3, requires_grad=True)
    for write in (
        lambda: x.__setitem__(0, 1.0),
        lambda: x.__setitem__([0], 1.0),
        lambda: x.masked_fill_(x > 0, 1),
    ):
        with pytest.raises(RuntimeError, match="leaf"):
            write()
    with tn.no_grad():
        x[0] = tn.tensor([1.0, 2.0, 3.0])
        x[:, 1] = 5
        x[x == 0] = 7.0
    assert x.tolist() == [[1, 5, 3], [7, 5, 7]]
    assert x.is_leaf


def test_basic_indices_share_memory_and_others_copy() -> None:
    x = tn.zeros(3, 4)
    for index in (0, (0, 1), slice(1, 2), (None, ..., 0), ..., ()):
        assert np.shares_memory(x[index].numpy(), x.numpy())
        assert x[index].numpy().flags.writeable
    for index in ([0], tn.tensor([0, 1]), x == 0, True):
        assert not np.shares_memory(x[index].numpy(), x.numpy())
    x[1][2] = 3.0
    assert x.tolist()[1] == [0, 0, 3, 0]


def test_a_changed_view_changes_the_base_and_its_gradient() -> None:
    results = []
    for library in LIBRARIES:
        x = library.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
        y = x * 1
        for row in y.unbind(1)[:1] if library is tn else [y.select(1, 0)]:
            row *= 3
        y.narrow(0, 1, 2)[:, 1:] += y[0, 0]
        y.diagonal()[1:] = 0
        (y * y).sum().backward()
        results.append((y.tolist(), x.grad.tolist()))
    assert results[0] == results[1]


def test_an_index_that_changes_before_backward_is_an_error() -> None:
    index = tn.tensor([0, 1])
    y = tn.ones(3, requires_grad=True)[index]
    index += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_half_precision_adds_in_float32() -> None:
    index = tn.zeros(3000, dtype=tn.int64)
    ones = tn.ones(3000, dtype=np.float16)
    total = tn.zeros(1, dtype=np.float16).scatter_add(0, index, ones)
    assert total.dtype == np.float16
    assert total.tolist() == [3000]  # one by one in float16 it stays at 2048
    x = tn.ones(1, dtype=np.float16).requires_grad_()
    x[index].backward(ones)
    assert x.grad is not None
    assert x.grad.tolist() == [3000]


def test_what_src_has_beyond_the_indices_has_no_gradient() -> None:
    # torch refuses this backward: "invalid gradient at index 1".
    src = tn.ones(4, requires_grad=True)
    y = tn.zeros(3).scatter_add(0, tn.tensor([0, 0]), src)
    y.backward(tn.tensor([2.0, 3.0, 5.0]))
    assert src.grad is not None
    assert src.grad.tolist() == [2, 2, 0, 0]


def test_scatter_with_add_adds() -> None:
    x = tn.ones(2).scatter(0, tn.tensor([0, 0]), 2.0, reduce="add")
    assert x.tolist() == [5, 1]
    with pytest.raises(NotImplementedError, match="multiply"):
        tn.ones(2).scatter(0, tn.tensor([0]), 2.0, reduce="multiply")
    with pytest.raises(NotImplementedError, match="sparse_grad"):
        tn.ones(2).gather(0, tn.tensor([0]), sparse_grad=True)


def test_float_values_written_into_whole_numbers_are_cut_off() -> None:
    x = tn.tensor([5, 6, 7])
    x[0] = 1.7
    x[1:2] = tn.tensor(2.9)
    assert x.tolist() == [1, 2, 7]
    assert x.dtype == tn.int64
    with pytest.raises(RuntimeError, match="int64 for the destination and float32"):
        x[[0]] = tn.tensor(1.7)
