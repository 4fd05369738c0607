from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

NUMBERS = np.array([[4, 0, 1], [1, 1, 4]])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_idx": 1},
        {"padding_idx": -1},
        {"scale_grad_by_freq": True},
        {"padding_idx": 4, "scale_grad_by_freq": True},
    ],
    ids=str,
)
def test_layer_equals_torch(options, dtype, draw):
    weight, upstream = draw((5, 3), dtype), draw((2, 3, 3), dtype, 1)
    results = []
    for lib in (tinynet, torch):
        layer = lib.nn.Embedding(5, 3, _weight=lib.tensor(weight), **options)
        y = layer(lib.tensor(NUMBERS))
        y.backward(lib.tensor(upstream))
        results.append((y.detach().numpy(), layer.weight.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_long_rows_that_are_used_are_shortened_for_good(norm_type, draw):
    weight = draw((5, 3))
    results = []
    for lib in (tinynet, torch):
        table = lib.tensor(weight).requires_grad_()
        y = lib.nn.functional.embedding(lib.tensor([0, 1, 1]), table, max_norm=0.8, norm_type=norm_type)
        y.sum().backward()
        results.append((y.detach().numpy(), table.detach().numpy(), table.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
    np.testing.assert_array_equal(results[0][1][2:], weight[2:])
    assert not np.array_equal(results[0][1][:2], weight[:2])


def test_second_order_through_the_rows(draw):
    """The gradient of a function of the rows depends on the rows again."""
    for options in ({}, {"padding_idx": 1}):
        found = []
        for lib in (tinynet, torch):
            weight = lib.tensor(draw((5, 3))).requires_grad_()
            y = lib.nn.functional.embedding(lib.tensor(NUMBERS), weight, **options)
            (first,) = lib.autograd.grad((y * y * y).sum(), weight, create_graph=True)
            (second,) = lib.autograd.grad((first * first).sum(), weight)
            found.append(second.numpy())
        np.testing.assert_allclose(*found, rtol=1e-10)
        assert np.any(found[0])


def test_start_is_normal_with_a_row_of_zeros_for_padding():
    layer = nn.Embedding(2000, 20, padding_idx=-2)
    weight = layer.weight.detach().numpy()
    assert layer.padding_idx == 1998
    assert (weight[1998] == 0).all()
    rest = np.delete(weight, 1998, 0)
    assert abs(rest.mean()) < 5 / np.sqrt(rest.size)
    assert abs(rest.std() - 1) < 5 / np.sqrt(rest.size)
    assert layer.weight.requires_grad
    assert nn.Embedding(2, 3, dtype=tinynet.float64).weight.dtype == tinynet.float64


def test_from_pretrained_shares_and_freezes():
    table = tinynet.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(table, padding_idx=0)
    assert layer.weight.array is table.array
    assert not layer.weight.requires_grad
    assert layer.padding_idx == 0
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    np.testing.assert_array_equal(layer(tinynet.tensor([1, 0])).numpy(), [[3, 4], [1, 2]])
    with pytest.raises(AssertionError, match=r"\[2\]"):
        nn.Embedding.from_pretrained(tinynet.ones(2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_idx": 2},
        {"padding_idx": -1, "max_norm": 1, "norm_type": 1.0, "scale_grad_by_freq": True},
    ],
    ids=str,
)
def test_text_and_state_are_torchs(options):
    layer, twin = nn.Embedding(5, 3, **options), torch.nn.Embedding(5, 3, **options)
    assert repr(layer) == repr(twin)
    assert list(layer.state_dict()) == list(twin.state_dict())


def test_refuses():
    with pytest.raises(NotImplementedError, match="sparse"):
        nn.Embedding(5, 3, sparse=True)
    with pytest.raises(NotImplementedError, match="sparse"):
        nn.functional.embedding(tinynet.tensor([1]), tinynet.ones(2, 2), sparse=True)
    for library in (nn, torch.nn):
        with pytest.raises(AssertionError):
            library.Embedding(5, 3, padding_idx=5)
    with pytest.raises(AssertionError, match=r"\[2, 3\]"):
        nn.Embedding(5, 3, _weight=tinynet.ones(2, 3))
