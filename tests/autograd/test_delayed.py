"""Chains that are fused by delaying values: every bit, every gradient and every error is as without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.autograd.chains import C, H, N, Net, W, check, images, run
from tests.autograd.programs import (
    PROGRAMS,
    basic_block,
    basic_block_as_in_torchvision,
    bn_used_by_relu_and_something_else,
    conv_bn_relu,
    eval_with_gradients,
    frozen,
    pre_activation,
    relu_with_two_consumers,
    two_affines,
)
from tinynet.autograd import delayed, expressions
from tinynet.nn import functional as F
from tinynet.training.cli import guard

pytestmark = pytest.mark.usefixtures("fusion")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_every_bit_is_as_without_fusion(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    check(program, monkeypatch)


DIFFERENTIABLE_TWICE = [
    conv_bn_relu,
    basic_block,
    basic_block_as_in_torchvision,
    two_affines,
    relu_with_two_consumers,
    bn_used_by_relu_and_something_else,
    pre_activation,
    eval_with_gradients,
    frozen,
]


@pytest.mark.parametrize("program", DIFFERENTIABLE_TWICE, ids=lambda program: program.__name__)
def test_gradients_of_gradients(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(net: Net) -> Any:
        y = program(net)
        inputs = [p for p in net.parameters() if p.requires_grad]
        found = tn.autograd.grad(y, inputs, net.upstream, create_graph=True, allow_unused=True)
        total: Any = sum((g * g).sum() for g in found if g is not None and g.requires_grad)
        total.backward()
        net.see(total)

    check(twice, monkeypatch)
    assert any(v is not None and v.any() for v in run(twice, True, monkeypatch)[-len(Net().parameters()) :])


@pytest.mark.parametrize("saved", ["x", "other", "y"])
def test_version_errors_are_still_raised(saved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = []
    for fusion in (True, False):
        monkeypatch.setattr(delayed, "enabled", fusion)
        net, (x, other) = images()
        y = F.relu(net.bn(x) + net.bn2(other))
        with tn.no_grad():
            {"x": x, "other": other, "y": y}[saved].add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
            y.backward(net.upstream)
        messages.append(str(raised.value))
    assert messages[0] == messages[1]


def test_a_saved_delayed_tensor_that_changes_is_an_error() -> None:
    class Keep(tn.autograd.Function):
        @staticmethod
        def forward(ctx: Any, y: Any) -> Any:
            ctx.save_for_backward(y)
            return tn.ones(())

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (y,) = ctx.saved_tensors
            return y * grad

    net, (x, other) = images()
    y = net.bn(x)
    z = Keep.apply(y)
    assert delayed.expression_of(y) is not None
    y += other
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_backward_twice_is_still_an_error() -> None:
    net, (x,) = images(1)
    y = F.relu(net.bn(x))
    y.backward(net.upstream)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward(net.upstream)


def test_shapes_do_not_fit_as_without_fusion(monkeypatch: pytest.MonkeyPatch) -> None:
    for fusion in (True, False):
        monkeypatch.setattr(delayed, "enabled", fusion)
        net, (x,) = images(1)
        with pytest.raises(RuntimeError, match="must match the size"):
            net.bn(x) + tn.ones(N, C, H, W + 1)
        y = net.bn(x)
        with pytest.raises(RuntimeError, match="broadcast shape"):
            y += tn.ones(2, N, C, H, W)
        with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'nonsense'"):
            net.bn(x).nonsense


def test_copies_into_a_delayed_tensor_do_not_share_memory() -> None:
    with tn.no_grad():
        net, (x, source) = images()
        for write in (lambda y: y.copy_(source), lambda y: y.__setitem__(..., source), lambda y: y.fill_(1)):
            y, before = net.bn(x), source.array.copy()
            write(y)
            y.add_(1)
            y[0] = 5
            np.testing.assert_array_equal(source.array, before)
        y = net.bn(x)
        y += 0 * source
        y.zero_()
        np.testing.assert_array_equal(source.array, before)


def test_data_of_a_delayed_tensor_can_be_replaced() -> None:
    net, (x,) = images(1)
    y = net.bn(x)
    y.data = tn.ones(N, C, H, W)
    assert (y == 1).all()
    assert (F.relu(y) == 1).all()


def test_a_chain_is_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what comes before the ReLU nor the gradient behind it is ever written down."""
    monkeypatch.setattr(expressions.Masked, "compute", None)
    for expression in (delayed.Affine, delayed.Sum):
        monkeypatch.setattr(expression, "compute", _with_relu_only(expression.compute))
    for program in (conv_bn_relu, basic_block, basic_block_as_in_torchvision, two_affines, pre_activation):
        net = Net()
        program(net).backward(net.upstream)


def _with_relu_only(compute: Any) -> Any:
    def checked(self: Any, relu: bool = False) -> Any:
        assert relu
        return compute(self, relu)

    return checked


def test_saved_tensors_hooks_see_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def program(net: Net) -> Any:
        sizes: list[Any] = []

        def pack(tensor: Any) -> Any:
            sizes.append(tensor.shape)
            return tensor.array.astype(np.float16)

        with tn.autograd.graph.saved_tensors_hooks(pack, lambda packed: tn.Tensor(packed.astype(np.float32))):
            y = conv_bn_relu_of(net)
        net.see(len(sizes))
        return y

    def conv_bn_relu_of(net: Net) -> Any:
        return F.relu(net.bn(net.image()))

    check(program, monkeypatch)


def test_anomaly_mode_names_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = []
    for fusion in (True, False):
        monkeypatch.setattr(delayed, "enabled", fusion)
        net, (x,) = images(1)
        y = net.bn(x)
        with tn.autograd.detect_anomaly():
            z = F.relu(y)
            upstream = net.upstream.clone()
            upstream[0, 0, 0, 0] = float("nan")
            with pytest.raises(RuntimeError, match="nan values in its 0th output") as raised:
                (z * 1).backward(upstream)
        messages.append(str(raised.value).splitlines()[0])
    assert messages[0] == messages[1]
    assert "MulBackward" in messages[0]


def test_anomaly_mode_names_the_operation_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    for fusion in (True, False):
        monkeypatch.setattr(delayed, "enabled", fusion)
        net, (x,) = images(1)
        with tn.no_grad():
            net.bn.weight[0] = float("nan")
        y = F.relu(net.bn(x))
        with (
            tn.autograd.detect_anomaly(),
            pytest.raises(RuntimeError, match="'BatchNormBackward' returned nan"),
        ):
            y.backward(net.upstream)


def test_a_wrong_switch_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TINYNET_FUSION", "yes")
    monkeypatch.setattr(delayed, "enabled", None)
    assert guard("tinynet.train", lambda: int(conv_bn_relu(Net()).shape[0])) == 2
    message = "tinynet.train: error: TINYNET_FUSION is 'yes'; it must be 'on' or 'off'\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("choice", ["on", "off"])
def test_the_environment_switches_fusion(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYNET_FUSION", choice)
    monkeypatch.setattr(delayed, "enabled", None)
    net = Net()
    assert (delayed.expression_of(net.bn(net.image())) is not None) == (choice == "on")
