"""A tensor that waits for its values: what asks for them, what changes before, and other threads."""

from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.autograd.chains import C, H, N, Net, W, check, images, run
from tests.autograd.programs import basic_block_as_in_torchvision
from tests.conftest import without_notice
from tinynet import nn
from tinynet.autograd import delayed
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("fusion")


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    yield
    gc.collect()
    assert all(reference() is None for reference in delayed._waiting.values()), (
        "a delayed tensor outlives its test"
    )


# In-place changes of what a delayed tensor is computed from.


def by_addition(x: Any) -> None:
    x.add_(1)


def by_index(x: Any) -> None:
    x[0] = 0


def through_a_view(x: Any) -> None:
    x[1:].mul_(2)


def through_a_view_of_a_view(x: Any) -> None:
    x.permute(0, 2, 3, 1)[..., 0].zero_()


def through_data(x: Any) -> None:
    x.data.fill_(3)


def through_detach(x: Any) -> None:
    x.detach().copy_(tn.ones(()))


def through_numpy(x: Any) -> None:
    x.detach().numpy()[...] = 7


def through_dlpack(x: Any) -> None:
    np.from_dlpack(x.detach())
    x.detach().numpy()[0] = 7


def by_operator(x: Any) -> None:
    x *= 3


def by_initialisation(x: Any) -> None:
    nn.init.zeros_(x)


def by_an_optimizer(x: Any) -> None:
    leaf = x.detach().requires_grad_()
    leaf.grad = tn.ones(leaf.shape)
    tn.optim.SGD([leaf], lr=1.0).step()


def by_clipping(x: Any) -> None:
    leaf = tn.ones(x.shape, requires_grad=True)
    leaf.grad = x.detach()
    nn.utils.clip_grad_value_([leaf], 1e-3)


def by_a_gradient(x: Any) -> None:
    leaf = tn.ones(x.shape, requires_grad=True)
    leaf.grad = x.detach()
    with tn.enable_grad():
        (leaf * 2).sum().backward()


def by_load_state_dict(x: Any) -> None:
    module = nn.Module()
    module.register_buffer("x", x.detach())
    module.load_state_dict({"x": tn.ones(x.shape)})


CHANGES = [value for name, value in list(globals().items()) if name.startswith(("by_", "through_"))]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("which", ["affine", "sum", "shortcut", "eval"])
def test_a_later_change_is_not_seen(change: Any, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(net: Net) -> None:
        with tn.no_grad():
            x = net.image()
            other = net.conv2(x)
            if which == "eval":
                net.bn.eval()
            y = net.bn(x)
            if which in ("sum", "shortcut"):
                y = y + other
            assert net.is_delayed(y)
            before = x.array.copy(), other.array.copy()
            change(other if which == "shortcut" else x)
            assert not (np.array_equal(x.array, before[0]) and np.array_equal(other.array, before[1]))
            net.see(F.relu(y), y)

    check(program, monkeypatch)


def test_only_what_depends_on_the_change_is_computed() -> None:
    net, (x, other) = images()
    y, z = net.bn(x), net.bn2(other)
    with tn.no_grad():
        x.add_(1)
    assert delayed.expression_of(y) is None
    assert delayed.expression_of(z) is not None


# What does not ask for the values, and what does.

LOOKS: list[Callable[[Any], Any]] = [
    lambda y: y.shape,
    lambda y: y.dtype,
    lambda y: y.ndim,
    lambda y: y.requires_grad,
    lambda y: y.grad_fn,
    lambda y: y.is_leaf,
    lambda y: y.is_floating_point(),
    lambda y: isinstance(y, tn.Tensor),
    lambda y: hash(y),
    lambda y: y._version,
    lambda y: y.retain_grad() if y.requires_grad else None,
    lambda y: hasattr(y, "nonsense"),
    lambda y: delayed.outline(y),
]
READS: list[Callable[[Any], Any]] = [
    lambda y: y.array,
    lambda y: y.detach(),
    lambda y: y.data,
    lambda y: y.clone(),
    lambda y: repr(y),
    lambda y: y * 2,
    lambda y: y.sum(),
    lambda y: y.tolist(),
    lambda y: y[0],
    lambda y: y.view(-1),
    lambda y: y.permute(1, 0, 2, 3),
    lambda y: y.contiguous(),
    lambda y: y.double(),
    lambda y: y == y,
    lambda y: list(y),
    lambda y: copy.copy(y),
    lambda y: tn.isnan(y),
    lambda y: y.detach().numpy(),
    lambda y: y.data_ptr(),
    lambda y: F.conv2d(y, tn.ones(1, C, 1, 1)),
    lambda y: F.max_pool2d(y, 2),
    lambda y: F.leaky_relu(y),
]


@pytest.mark.parametrize("look", LOOKS)
def test_looking_does_not_compute(look: Any) -> None:
    net, (x,) = images(1)
    y = net.bn(x)
    look(y)
    assert delayed.expression_of(y) is not None
    assert (y.shape, y.dtype, y.ndim) == ((N, C, H, W), np.float32, 4)


def test_an_outline_has_the_shape_and_dtype_of_the_values() -> None:
    net, (x, shortcut) = images()
    affine = net.bn(x)
    for y in (affine, affine + shortcut, F.relu(affine), x, tn.arange(3)):
        outline = delayed.outline(y)
        assert (outline.shape, outline.dtype) == (y.array.shape, y.array.dtype)
        assert delayed.outline(y) is y.array


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("recording", [True, False])
def test_reading_computes_once(read: Any, recording: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with tn.set_grad_enabled(recording):
        net, (x,) = images(1)
        y = net.bn(x)
        assert type(y).__name__ == "Tensor"
        read(y)
        assert type(y) is tn.Tensor
        array = y.array
        read(y)
        assert y.array is array
        assert F.relu(y).array.min() == 0
    monkeypatch.setattr(delayed, "enabled", False)
    np.testing.assert_array_equal(Net().bn(Net().image()).array, array)


def test_copies_are_of_the_values() -> None:
    with tn.no_grad():
        net, (x,) = images(1)
        expected = net.bn(x).array
        for make in (copy.deepcopy, copy.copy, lambda y: y.clone(), lambda y: y.detach()):
            y = net.bn(x)
            made = make(y)
            assert type(made) is tn.Tensor
            np.testing.assert_array_equal(made.array, expected)
    assert type(copy.deepcopy({"y": F.relu(y)})["y"]) is tn.Tensor
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(net.bn(x))


def test_what_is_never_used_costs_nothing() -> None:
    net, (x,) = images(1)
    y = net.bn(x)
    alive = weakref.ref(y)
    del y
    gc.collect()
    assert alive() is None
    code = (
        "import numpy as np, tinynet as tn; from tinynet.autograd import delayed;"
        "x = tn.nn.Conv2d(16, 16, 3)(tn.ones(4, 16, 16, 16));"
        "y = tn.nn.BatchNorm2d(16)(x); assert delayed.expression_of(y) is not None;"
        "delayed.Affine.compute = None"  # an attempt to compute would print an error
    )
    environment = {**os.environ, "TINYNET_FUSION": "on", "TINYNET_KERNELS": "auto"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, without_notice(done.stderr)) == (0, "")


def test_memory_is_given_up_as_backward_passes() -> None:
    net, (x,) = images(1)
    y = F.relu(net.bn(x))
    array = weakref.ref(x.array.base.base)  # the block of the pool, not its transposed array
    del x
    y.backward(net.upstream)
    gc.collect()
    assert array() is None
    assert y.requires_grad


# Threads


def test_two_threads_compute_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trains a block of its own and changes tensors in place all the while."""
    expected = run(basic_block_as_in_torchvision, False, monkeypatch)
    monkeypatch.setattr(delayed, "enabled", True)
    failures: list[BaseException] = []

    def work(nets: list[Net]) -> None:
        try:
            for net in nets:
                y = basic_block_as_in_torchvision(net)
                y.backward(net.upstream)
                net.see(y)
                np.testing.assert_array_equal(net.seen[0], expected[0])
                np.testing.assert_array_equal(net.x.grad.array, expected[-len(net.parameters())])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=([Net() for _ in range(5)],)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_another_thread_changes_what_a_tensor_waits_for() -> None:
    for _ in range(20):
        with tn.no_grad():
            net, (x,) = images(1)
            expected = F.relu(net.bn(x)).array.copy()
            y = net.bn(x)
            go = threading.Barrier(2)

            def change(x: Any = x, go: Any = go) -> None:
                with tn.no_grad():
                    go.wait()
                    x.zero_()

            thread = threading.Thread(target=change)
            thread.start()
            go.wait()
            found = F.relu(y).array
            thread.join()
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.maximum(y.array, 0), expected)
