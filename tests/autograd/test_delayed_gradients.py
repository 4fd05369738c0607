"""The gradient of pixels that are seldom read is added to the one that it meets: every bit as if both were computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.autograd.chains import C, Net, bits, check
from tinynet import nn
from tinynet.autograd import delayed_gradients, expressions
from tinynet.nn import functional as F

pytestmark = [pytest.mark.usefixtures("fusion"), pytest.mark.usefixtures("accelerated")]


def shortcut(window: int = 1, stride: int = 2, groups: int = 1) -> Any:
    """A convolution between whose windows pixels lie, and normalisation, the same at every call."""
    tn.manual_seed(2)
    conv = nn.Conv2d(C, 4 * C, window, stride=stride, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(4 * C))


def upstream(y: Any) -> Any:
    return tn.Tensor(np.random.default_rng(3).standard_normal(y.shape, np.float32))


def finish(net: Net, layer: Any, *outputs: Any) -> None:
    """Go back from all outputs, and note the gradient of the layer."""
    tn.autograd.backward(list(outputs), [upstream(y) for y in outputs])
    net.see(*(p.grad for p in layer.parameters()))


def behind_bn_and_relu(net: Net) -> None:
    layer = shortcut()
    x = F.relu(net.bn(net.image()))
    finish(net, layer, net.conv2(x), layer(x))


def shortcut_first(net: Net) -> None:
    layer = shortcut()
    x = F.relu(net.bn(net.image()))
    y = layer(x)
    finish(net, layer, net.conv2(x), y)


def of_an_image(net: Net) -> None:
    layer = shortcut(stride=3)
    finish(net, layer, net.conv2(net.x), layer(net.x))


def of_a_window_of_two(net: Net) -> None:
    layer = shortcut(2, 3)
    x = net.image()
    finish(net, layer, net.conv2(x), layer(x))


def three_meet(net: Net) -> None:
    layer, other = shortcut(), shortcut(stride=4)
    x = F.relu(net.bn(net.image()))
    finish(net, layer, other(x), net.conv2(x), layer(x))


def of_zeros(net: Net) -> None:
    """He et al.'s option A: every other pixel, among channels of zeros."""
    layer = shortcut()
    x = F.relu(net.bn(net.image()))
    net.conv, net.bn2 = nn.Conv2d(C, 2 * C, 3, 2, 1), nn.BatchNorm2d(2 * C)
    y = net.bn2(net.conv(x))
    y = F.relu(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, C // 2, C // 2)))
    finish(net, layer, y)
    net.see(*(p.grad for p in net.conv.parameters()))


def of_slices(net: Net) -> None:
    x = F.relu(net.bn(net.image()))
    y = F.relu(net.bn2(net.conv2(x)))[:, :, 1::2, ::2]
    finish(net, net.conv2, y + x[:, :, 1::2, ::2])


TAKEN = [behind_bn_and_relu, shortcut_first, of_an_image, of_a_window_of_two]


@pytest.mark.parametrize("program", [*TAKEN, three_meet], ids=lambda program: program.__name__)
def test_every_bit_is_as_without_fusion(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check(program, monkeypatch)


@pytest.mark.parametrize("program", TAKEN, ids=lambda program: program.__name__)
def test_zeros_are_not_written(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions.SparseGradient, "compute", None)
    monkeypatch.setattr(expressions.GradientSum, "compute", None)
    added, add_to = [], expressions.SparseGradient.add_to
    monkeypatch.setattr(
        expressions.SparseGradient, "add_to", lambda *args: added.append(add_to(*args)) or added[-1]
    )
    program(Net())
    assert added == [True]


@pytest.mark.parametrize("program", [of_zeros, of_slices], ids=lambda program: program.__name__)
def test_slices_have_the_same_bits(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check(program, monkeypatch)


def test_zeros_of_slices_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AmongZeros", "Cropped"):
        monkeypatch.setattr(getattr(delayed_gradients, name), "compute", None)
    monkeypatch.setattr(expressions.Masked, "compute", None)  # normalisation computes it on its way
    added, add_to = [], delayed_gradients.AmongZeros.add_to
    monkeypatch.setattr(
        delayed_gradients.AmongZeros, "add_to", lambda *args: added.append(add_to(*args)) or added[-1]
    )
    of_zeros(Net())
    assert added == [True]


def alone(net: Net) -> None:
    layer = shortcut()
    finish(net, layer, layer(F.relu(net.bn(net.image()))))


def behind_bn_alone(net: Net) -> None:
    layer = shortcut()
    finish(net, layer, layer(net.bn(net.image())))


def two_of_them(net: Net) -> None:
    layer, other = shortcut(), shortcut(stride=3)
    x = F.relu(net.bn(net.image()))
    finish(net, layer, layer(x), other(x))


def meeting_what_others_have(net: Net) -> None:
    """The other gradient is handed on to two places, so nothing may be added to it."""
    layer = shortcut()
    x, y = net.image(), net.conv2(net.x)
    finish(net, layer, layer(x), x + y)
    net.see(net.x.grad)


def in_groups(net: Net) -> None:
    layer = shortcut(groups=2)
    x = net.image()
    finish(net, layer, net.conv2(x), layer(x))


def seen_by_hooks(net: Net) -> None:
    layer = shortcut()
    x = net.image()
    x.register_hook(lambda grad: net.see(grad))
    x.retain_grad()
    finish(net, layer, net.conv2(x), layer(x))
    net.see(x.grad)


def slices_alone(net: Net) -> None:
    x = F.relu(net.bn(net.image()))
    finish(net, net.conv2, net.conv2(F.pad(x, (0, 0, 0, 0, C, C))[:, C:-C, ::2]))


def two_slices(net: Net) -> None:
    x = net.image()
    finish(net, net.conv2, x[:, :, ::2, ::2], x[:, :, 1::2, ::3], x[:, :, 2:5])
    net.see(net.x.grad)


def slices_seen_by_hooks(net: Net) -> None:
    x = net.image()
    y = F.pad(x[:, :, ::2], (0, 0, 0, 0, 3, 0))
    for tensor in (x, y):
        tensor.register_hook(lambda grad: net.see(grad))
    x.retain_grad()
    finish(net, net.conv2, net.conv2(x), y * y)
    net.see(x.grad)


def slice_wanted_itself(net: Net) -> None:
    x = net.image().detach().requires_grad_()
    y = x[:, :, ::2]
    given = upstream(y)
    (found,) = tn.autograd.grad(y, x, given)
    given.zero_()  # changed while the gradient might still wait
    net.see(found)


def slice_of_what_numpy_has(net: Net) -> None:
    x = net.image().detach().requires_grad_()
    y = x[:, :, ::2]
    values = np.random.default_rng(3).standard_normal(y.shape, np.float32)
    (found,) = tn.autograd.grad(y, x, tn.from_numpy(values))
    values[:] = 0
    net.see(found)
    assert found.array.any()


def wanted_itself(net: Net) -> None:
    layer = shortcut()
    x = net.image().detach().requires_grad_()
    y = layer(x)
    (found,) = tn.autograd.grad(y, x, upstream(y))
    layer[0].weight.data.zero_()  # changed while the gradient might still wait
    net.see(found)


def kept_while_numpy_writes(net: Net) -> None:
    """Memory that NumPy has too may change after backward, unnoticed: nothing may wait for it there."""
    layer = shortcut()
    weight, bn = layer[0].weight.array.copy(), layer[1]
    seen: list[Any] = []
    x = net.image().detach().requires_grad_()
    x.register_hook(lambda grad: seen.append(grad))
    y = bn(F.conv2d(x, tn.from_numpy(weight), stride=2))
    (found,) = tn.autograd.grad(y, x, upstream(y))
    weight[:] = 0
    net.see(found, *seen)
    assert found.array.any()


def into_a_leaf_twice(net: Net) -> None:
    layer = shortcut()
    x = tn.Tensor(net.x.array.copy(), requires_grad=True)
    for _ in range(2):
        finish(net, layer, layer(x))
        net.see(x.grad)


@pytest.mark.parametrize(
    "program",
    [
        alone, behind_bn_alone, two_of_them, meeting_what_others_have, in_groups, seen_by_hooks, wanted_itself,
        kept_while_numpy_writes,
        into_a_leaf_twice, slices_alone, two_slices, slices_seen_by_hooks, slice_wanted_itself,
        slice_of_what_numpy_has,
    ],
    ids=lambda program: program.__name__,
)  # fmt: skip
def test_it_is_computed_where_nothing_can_be_added(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check(program, monkeypatch)


@pytest.mark.parametrize("change", ["double", "planes"])
def test_other_arrays_are_computed(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(net: Net) -> None:
        layer: Callable[[Any], Any] = shortcut()
        x = net.image().detach()
        x = x.double() if change == "double" else tn.Tensor(np.ascontiguousarray(x.array))
        layer, conv = layer.to(x.dtype), net.conv2.to(x.dtype)  # type: ignore[attr-defined]
        x.requires_grad_()
        finish(net, layer, conv(x), layer(x))
        net.see(x.grad)

    check(program, monkeypatch)


def test_gradients_that_are_differentiated_again_do_not_wait() -> None:
    """Inside of a module kernels may be left running, but what create_graph asks for has to be recorded."""

    class Penalty(nn.Module):
        def forward(self, x: tn.Tensor) -> tn.Tensor:
            y = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
            (grad,) = tn.autograd.grad((y * y * y).sum(), x, create_graph=True)
            return (grad * grad).sum()

    x = tn.Tensor(np.random.default_rng(0).standard_normal((2, C, 12, 12), np.float32), requires_grad=True)
    Penalty()(x).backward()
    assert x.grad is not None
    expected = np.zeros_like(x.array)
    expected[:, :, ::2, ::2] = 36 * x.array[:, :, ::2, ::2] ** 3  # of the sum of (3 x^2)^2
    np.testing.assert_allclose(x.grad.array, expected, rtol=1e-5)


def test_bits_are_compared() -> None:
    assert (bits(np.float32(0.0)) != bits(np.float32(-0.0))).all()
