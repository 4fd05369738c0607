"""Shapes beyond the table: which results share memory, memory order, strides, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet import memory_format

FORMATS = {
    tn: (memory_format.channels_last, memory_format.contiguous_format),
    torch: (torch.channels_last, torch.contiguous_format),
}

VIEWS: dict[str, Any] = {
    "reshape": lambda x: x.reshape(6, 4),
    "view": lambda x: x.view(-1),
    "view_as": lambda x: x.view_as(x),
    "flatten": lambda x: x.flatten(1),
    "ravel": lambda x: x.ravel(),
    "unflatten": lambda x: x.unflatten(2, (2, 2)),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, 2),
    "movedim": lambda x: x.movedim(0, 2),
    "mT": lambda x: x.mT,
    "squeeze": lambda x: x.squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "expand": lambda x: x.expand(1, 2, 3, 4),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 1),
    "diagonal": lambda x: x.diagonal(1, 1, 2),
    "getitem": lambda x: x[:, 1:, None],
    "contiguous": lambda x: x.contiguous(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_changes(name: str) -> None:
    results = []
    for library in (tn, torch):
        leaf = library.tensor(np.arange(24.0).reshape(2, 3, 4), requires_grad=True)
        x = leaf * 1
        y = VIEWS[name](x)
        assert np.shares_memory(y.detach().numpy(), x.detach().numpy())
        y *= 3
        (x * x).sum().backward()
        results.append((x.detach().numpy(), leaf.grad.numpy()))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda x: x.split(1, 1),
        lambda x: x.split([1, 2], 1),
        lambda x: x.chunk(2, 2),
        lambda x: x.tensor_split(2, 2),
        lambda x: x.unbind(1),
        lambda x: list(x),
    ],
)
def test_pieces_are_views_that_can_be_changed(pieces: Any) -> None:
    leaf = tn.tensor(np.ones((2, 3, 4)), requires_grad=True)
    x = leaf * 1
    for i, piece in enumerate(pieces(x)):
        assert np.shares_memory(piece.detach().numpy(), x.detach().numpy())
        piece *= i + 1
    x.sum().backward()
    assert leaf.grad is not None
    np.testing.assert_array_equal(x.detach().numpy(), leaf.grad.numpy())
    assert x.detach().numpy().max() > 1


COPIES: dict[str, Any] = {
    "reshape of a transposed": lambda x: x.transpose(0, 1).reshape(-1),
    "flip": lambda x: x.flip(()),
    "roll": lambda x: x.roll(0, 0),
    "rot90": lambda x: x.rot90(0),
    "repeat": lambda x: x.repeat(1, 1, 1),
    "tile": lambda x: x.tile(1),
    "repeat_interleave": lambda x: x.repeat_interleave(1, 0),
    "clone": lambda x: x.clone(),
    "diag": lambda x: x[0].diag(),
    "tril": lambda x: x.tril(9),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_memory_of_their_own(name: str) -> None:
    for library in (tn, torch):
        x = library.tensor(np.arange(24.0).reshape(2, 3, 4))
        y = COPIES[name](x)
        assert not np.shares_memory(y.numpy(), x.numpy())
        assert y.numpy().flags.writeable


def test_a_changed_window_and_a_changed_source_are_noticed() -> None:
    x = tn.ones(6, requires_grad=True) * 1
    y = x.unfold(0, 3, 1)
    assert np.shares_memory(y.detach().numpy(), x.detach().numpy())
    z = y * y
    x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_windows_that_do_not_overlap_can_be_changed() -> None:
    results = []
    for library in (tn, torch):
        leaf = library.tensor(np.arange(12.0).reshape(2, 6), requires_grad=True)
        x = leaf * 1
        y = x[1:].unfold(1, 2, 3)
        y *= 3
        (x * x).sum().backward()
        results.append((x.tolist(), leaf.grad.tolist()))
    assert results[0] == results[1]
    z = tn.zeros(6).unfold(0, 3, 1)
    with pytest.raises(ValueError, match="read-only"):
        z += 1


LAYOUTS: dict[str, Any] = {
    "as made": lambda x, cl: x,
    "transposed": lambda x, cl: x.transpose(1, 2),
    "channels last": lambda x, cl: x.contiguous(memory_format=cl),
    "slice": lambda x, cl: x[:, 1:, ::2],
    "one channel": lambda x, cl: x[:, :1].contiguous(),
    "one pixel": lambda x, cl: x[:, :, :1, :1].contiguous(),
    "expanded": lambda x, cl: x[:1].expand(3, -1, -1, -1),
    "empty": lambda x, cl: x[:, :0],
    "flat": lambda x, cl: x.reshape(-1),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_and_contiguity_equal_torch_s(layout: str) -> None:
    results = []
    for library, (channels_last, contiguous_format) in FORMATS.items():
        x = LAYOUTS[layout](library.tensor(np.zeros((2, 3, 4, 5))), channels_last)
        copied = x.contiguous()
        results.append(
            (
                # Where an axis has size 1 its stride means nothing.
                [s for s, n in zip(x.stride(), x.shape, strict=True) if n != 1] if x.numel() else 0,
                x.is_contiguous(),
                x.ndim == 4 and x.numel() and x.is_contiguous(memory_format=channels_last),
                copied.is_contiguous(memory_format=contiguous_format),
                copied is x,
                x.stride(-1) if x.shape[-1] > 1 and x.numel() else 0,
            )
        )
    assert results[0] == results[1]


def test_memory_order_is_kept() -> None:
    x = tn.zeros(2, 3, 4, 5).contiguous(memory_format=memory_format.channels_last)
    for y in (
        x.clone(),
        tn.cat([x, x], 1),
        tn.ops.pad(x, (1, 1, 1, 1)),
        x.flip(3),
        x.masked_fill(x > 0, 1),
        tn.zeros_like(x),
    ):
        assert y.is_contiguous(memory_format=memory_format.channels_last)
    assert x.clone(memory_format=memory_format.contiguous_format).is_contiguous()
    with pytest.raises(RuntimeError, match="preserve"):
        x.contiguous(memory_format=memory_format.preserve_format)
    with pytest.raises(NotImplementedError, match="'sideways'"):
        x.clone(memory_format="sideways")
    assert repr(memory_format.channels_last) == "tinynet.channels_last"


@pytest.mark.parametrize(
    "shapes", [((2, 1), (3,), 4), ((2, 1), (3,)), ((), (0, 1)), (), ((2,), (3,)), (5, (1, 5)), ((0,), (2,))]
)
def test_broadcast_shapes_equals_torch(shapes: Any) -> None:
    try:
        expected = torch.broadcast_shapes(*shapes)
    except RuntimeError:
        with pytest.raises(RuntimeError, match=r"single shape: \[\["):
            tn.broadcast_shapes(*shapes)
    else:
        assert tn.broadcast_shapes(*shapes) == tuple(expected)
    with pytest.raises(ValueError, match="negative"):
        tn.broadcast_shapes((-1, 2))


VIEWS_IN_PLACE = [("squeeze_", (1,)), ("unsqueeze_", (0,)), ("transpose_", (0, 2)), ("t_", ())]


@pytest.mark.parametrize("name, args", VIEWS_IN_PLACE)
def test_a_shape_that_changes_in_place_keeps_its_gradient(
    name: str, args: tuple[int, ...], rng: np.random.Generator
) -> None:
    array = rng.standard_normal((2, 3) if name == "t_" else (2, 1, 3))
    gradients = []
    for lib in (tn, torch):
        x = lib.tensor(array, requires_grad=True)
        y = x * 3
        assert getattr(y, name)(*args) is y
        upstream = np.random.default_rng(1).standard_normal(tuple(y.shape))
        (y * y).backward(lib.tensor(upstream))
        gradients.append((tuple(y.shape), x.grad.numpy()))
        with pytest.raises(RuntimeError, match="leaf"):
            getattr(x, name)(*args)
        with pytest.raises(RuntimeError, match=r"backward needs it|modified by an inplace operation"):
            getattr(x.exp(), name)(*args).backward(lib.tensor(upstream))  # exp needs its output as it was
        view = (x * 2)[:1]
        getattr(view, name)(*args)
        view.mul_(2)
        view.backward(lib.ones_like(view))
        gradients[-1] += (x.grad.numpy(),)
    (shape, found, again), (expected_shape, expected, expected_again) = gradients
    assert shape == expected_shape
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(again, expected_again, rtol=1e-12)


def test_what_a_shape_cannot_do_in_place_is_refused() -> None:
    x = tn.ones(1, 2, requires_grad=True) * 2
    first = x[0]
    with pytest.raises(NotImplementedError, match=r"\[1, 2\] in place.*squeeze"):
        x.squeeze_()
    assert first.shape == (2,)
    with pytest.raises(NotImplementedError, match=r"resize_: .* reshape"):
        x.resize_(4)
    with pytest.raises(NotImplementedError, match="another dtype"):
        tn.ones(2, 2).view(np.int32)
    plain = tn.ones(1, 2)
    assert plain[0].shape == plain.squeeze_().shape == (2,)


def test_meshgrid_without_indexing_warns_as_torch_does() -> None:
    arrays = np.arange(2.0), np.arange(3.0)
    grids = []
    for library in (tn, torch):
        with pytest.warns(UserWarning, match="indexing"):
            grids.append(library.meshgrid(*(library.tensor(a) for a in arrays)))
    for found, expected in zip(*grids, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_gradients_of_pieces_cost_one_concatenation() -> None:
    x = tn.ones(6, requires_grad=True)
    first, second, third = x.split(2)
    assert first.grad_fn is second.grad_fn is third.grad_fn
    assert first.grad_fn.name() == "SplitBackward"


def test_a_view_that_changed_its_shape_still_finds_its_base(rng: np.random.Generator) -> None:
    gradients = []
    factor = rng.standard_normal(3)
    for lib in (tn, torch):
        w = lib.tensor(factor, requires_grad=True)
        base = lib.ones(2, 3, dtype=lib.float64)
        view = base[:2].unsqueeze_(dim=0)
        view.transpose_(0, 2)
        view.squeeze_(dim=2)
        base.mul_(w)  # the view's history is made anew, in its new shape
        view.backward(lib.tensor(np.arange(6.0).reshape(3, 2)))
        gradients.append(w.grad.numpy())
    np.testing.assert_array_equal(*gradients)
