"""A small network, and how to run a program on it with and without fusion and compare every bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.autograd import delayed

N, C, H, W = 3, 16, 16, 17
"""One image tensor has 13056 numbers: enough for compiled kernels, and for memory of the pool."""


class Net:
    """Layers, and an image; the same numbers every time it is made."""

    def __init__(self) -> None:
        tn.manual_seed(0)
        self.conv, self.conv2 = (nn.Conv2d(C, C, 3, padding=1, bias=False) for _ in range(2))
        self.bn, self.bn2, self.bn3 = (nn.BatchNorm2d(C) for _ in range(3))
        rng = np.random.default_rng(1)
        for bn in (self.bn, self.bn2, self.bn3):
            for values, low, high in (
                (bn.weight, -1, 2),
                (bn.bias, -1, 1),
                (bn.running_mean, -1, 1),
                (bn.running_var, 0.5, 2),
            ):
                values.array[...] = rng.uniform(low, high, C)
        self.x = tn.Tensor(rng.standard_normal((N, C, H, W), np.float32), requires_grad=True)
        self.upstream = tn.Tensor(rng.standard_normal((N, C, H, W), np.float32))
        self.seen: list[Any] = []

    def image(self) -> Any:
        """An image in memory of the pool."""
        return self.conv(self.x)

    def parameters(self) -> list[Any]:
        layers = (self.conv, self.conv2, self.bn, self.bn2, self.bn3)
        return [self.x, *(p for layer in layers for p in layer.parameters())]

    def see(self, *values: Any) -> None:
        """Note results to compare: tensors, arrays, numbers."""
        self.seen += [value.array.copy() if isinstance(value, tn.Tensor) else value for value in values]

    def is_delayed(self, y: Any) -> bool:
        """Whether y waits; without fusion say so too, so that both runs go on alike."""
        return delayed.enabled is False or delayed.expression_of(y) is not None


def images(n: int = 2) -> tuple[Any, list[Any]]:
    """A net and several different images in memory of the pool."""
    net = Net()
    made = [net.image()]
    for _ in range(n - 1):
        made.append(net.conv2(made[-1]))
    return net, made


def bits(value: Any) -> Any:
    array = np.asarray(value)
    return array.view(f"u{array.itemsize}") if array.dtype.kind == "f" else array


def run(program: Callable[[Net], Any], fusion: bool, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The results of a program, and all gradients after backward from the tensor that it returns."""
    monkeypatch.setattr(delayed, "enabled", fusion)
    net = Net()
    y = program(net)
    if y is not None:
        y.backward(net.upstream)
        net.see(y)
    running = [b for bn in (net.bn, net.bn2, net.bn3) for b in bn.buffers()]
    gradients = [p.grad for p in net.parameters()]
    assert y is None or any(g is not None and g.array.any() for g in gradients)
    return [*net.seen, *(b.array for b in running), *(None if g is None else g.array for g in gradients)]


def check(program: Callable[[Net], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare a program's results, bit by bit, with fusion on and off."""
    found, expected = (run(program, fusion, monkeypatch) for fusion in (True, False))
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        if b is None:
            assert a is None
        else:
            np.testing.assert_array_equal(bits(a), bits(b), err_msg=f"result {i}")
