"""Gradients of leaves have memory of their own: nothing else may see them change."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.autograd.chains import C, H, N, Net, W
from tinynet.autograd import delayed
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("fusion")

# Gradients of leaves have memory of their own.


def distinct(*tensors: Any) -> None:
    for i, a in enumerate(tensors):
        for b in tensors[:i]:
            assert not np.shares_memory(a.array, b.array)


@pytest.mark.parametrize("fusion", [True, False])
def test_two_leaves_never_share_a_gradient(fusion: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delayed, "enabled", fusion)
    net = Net()
    a, b = (tn.ones(N, C, H, W, requires_grad=True) for _ in range(2))
    net.conv(a + b).backward(net.upstream)
    distinct(a.grad, b.grad)
    a.grad = b.grad = None
    net.bn(a + b).backward(net.upstream)
    distinct(a.grad, b.grad)
    a.grad = b.grad = None
    F.relu(net.bn(a + b + net.x)).backward(net.upstream)
    distinct(a.grad, b.grad, net.x.grad)
    a.grad = b.grad = None
    net.conv(a.view(N, C, H, W).view_as(a) + b).backward(net.upstream)
    distinct(a.grad, b.grad)


def test_a_gradient_is_not_shared_with_who_gave_or_kept_it() -> None:
    net = Net()
    a = tn.ones(N, C, H, W, requires_grad=True)
    (given,) = tn.autograd.grad(net.conv(a), a, net.upstream)
    a.backward(given)
    distinct(a.grad, given)
    a.grad = None
    kept: list[Any] = []
    handle = a.register_hook(kept.append)
    net.conv(a).backward(net.upstream)
    distinct(a.grad, *kept)
    handle.remove()
    a.grad = None
    b = a.clone()
    b.register_hook(kept.append)
    net.conv(b).backward(net.upstream)
    distinct(a.grad, *kept)
    a.grad = None
    b = a * 1
    b.retain_grad()
    net.conv(b).backward(net.upstream)
    distinct(a.grad, b.grad)


def test_the_gradient_of_a_leaf_used_twice_and_of_a_second_backward() -> None:
    net = Net()
    a = tn.ones(N, C, H, W, requires_grad=True)
    y = net.conv(a) + net.conv2(a) + a
    y.backward(net.upstream, retain_graph=True)
    first = a.grad
    before = first.array.copy()
    distinct(first, net.upstream)
    y.backward(net.upstream)
    assert a.grad is first
    np.testing.assert_allclose(first.array, 2 * before, rtol=1e-6)
    weight = net.conv.weight.grad
    a.grad = net.conv.weight.grad = None
    net.conv(a).backward(net.upstream)
    distinct(a.grad, first, weight, net.conv.weight.grad)


def test_a_gradient_with_a_graph_is_not_shared() -> None:
    net = Net()
    a, b = (tn.ones(N, C, H, W, requires_grad=True) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.conv(a + b).backward(net.upstream, create_graph=True)
    distinct(a.grad, b.grad)
