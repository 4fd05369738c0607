"""Kernels that are left running change nothing that a program can see: every bit is as without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, optim, run_ahead
from tinynet.autograd.delayed import DelayedTensor
from tinynet.kernels.cpu.codegen import program, team
from tinynet.nn import functional as F

pytestmark = pytest.mark.usefixtures("accelerated")

BATCH, CHANNELS, SIZE = 8, 16, 16


class Block(nn.Module):
    """Two convolutions and a shortcut, as in a residual network; `look` is called in the middle of its forward."""

    def __init__(self, look: Callable[[Block, tn.Tensor], None] | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=True)
        self.down = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm2d(CHANNELS) for _ in range(3))
        self.look = look

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        if self.look is not None:
            self.look(self, y)
        return F.relu(self.bn2(self.conv2(y)) + self.bn3(self.down(x)))


class Network(nn.Module):
    """A few blocks and a classifier."""

    def __init__(self, look: Callable[[Block, tn.Tensor], None] | None = None) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.blocks = nn.Sequential(Block(), Block(look), Block())
        self.last = nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, stride=2, padding=1)
        self.fc = nn.Linear(2 * CHANNELS, 10)

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        y = F.max_pool2d(self.blocks(self.stem(x)), 2)
        shortcut = F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, CHANNELS // 2, CHANNELS // 2))
        y = F.avg_pool2d(F.relu(self.last(y) + shortcut), 2)
        return self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))


@pytest.fixture(autouse=True)
def three_threads(num_threads: Callable[[int], None]) -> None:
    """One more thread than work to prepare, whatever the machine has."""
    num_threads(3)


def batch(seed: int = 0) -> tuple[tn.Tensor, tn.Tensor]:
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((BATCH, SIZE, SIZE, 3), dtype=np.float32).transpose(0, 3, 1, 2)
    return tn.from_numpy(images), tn.from_numpy(rng.integers(0, 10, BATCH))


def train(
    steps: int = 4, *, look: Any = None, prepare: Callable[[Network], Any] = lambda network: None
) -> list[np.ndarray]:
    """Train from the same start; return losses, gradients, weights and buffers."""
    tn.manual_seed(0)
    network = Network(look)
    prepare(network)
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for step in range(steps):
        images, labels = batch(step)
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.array)
    gradients = [p.grad.array for p in network.parameters() if p.grad is not None]
    assert len(gradients) == len(list(network.parameters()))
    assert all(g.any() for g in gradients)
    return [*losses, *gradients, *(t.array for t in network.state_dict().values())]


def equal_without(
    monkeypatch: pytest.MonkeyPatch, compute: Callable[[], list[np.ndarray]]
) -> list[np.ndarray]:
    """Compare results with and without kernels left running, three times, and return them."""
    monkeypatch.setattr(run_ahead, "enabled", False)
    expected = compute()
    monkeypatch.setattr(run_ahead, "enabled", True)
    for _ in range(3):
        found = compute()
        assert len(found) == len(expected)
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"result {i}")
    return expected


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each run of the team how many kernels it may leave running."""
    seen: list[int] = []

    def watch(name: str) -> None:
        original = getattr(team.Team, name)

        def watched(self: team.Team, kernels: Any, rest: Any, left: int = 0) -> None:
            seen.append(left)
            original(self, kernels, rest, left)

        monkeypatch.setattr(team.Team, name, watched)

    for name in ("run", "call", "chain"):
        watch(name)
    return seen


@pytest.mark.parametrize("momentum", [0.1, None, 1])
def test_training_has_the_same_bits(momentum: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running statistics are moved by a kernel, or by NumPy where momentum is a whole number."""
    changed = {"momentum": momentum}
    equal_without(monkeypatch, lambda: train(prepare=lambda net: vars(net.blocks[1].bn1).update(changed)))


def test_forward_and_backward_leave_kernels_running(left: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    train(1)
    assert left.count(program.AHEAD) > 0.8 * len(left)
    left.clear()
    monkeypatch.setattr(run_ahead, "enabled", False)
    train(1)
    assert not any(left)


def test_a_view_of_what_is_still_computed_shares_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Change(nn.Module):
        def __init__(self, place: str) -> None:
            super().__init__()
            self.conv, self.place = nn.Conv2d(3, CHANNELS, 3, padding=1), place

        def forward(self, x: tn.Tensor) -> tn.Tensor:
            y = self.conv(x)
            view = y[:, :, ::2, 1::2]
            if self.place == "view":
                view.mul_(3)
            else:
                y.mul_(3)
            assert np.shares_memory(view.array, y.array)
            return (view * view).sum() + y.sum()

    def compute() -> list[np.ndarray]:
        found = []
        for place in ("view", "base"):
            tn.manual_seed(0)
            module, (images, _) = Change(place), batch()
            y = module(images)
            y.backward()
            found += [y.array, module.conv.weight.grad.array]
        return found

    for array in equal_without(monkeypatch, compute):
        assert np.isfinite(array).all()
        assert array.any()


def test_the_index_of_maxima_keeps_its_dtype() -> None:
    class Pool(nn.Module):
        def forward(self, x: tn.Tensor) -> tuple[tn.Tensor, tn.Tensor, bool]:
            y, index = F.max_pool2d(F.relu(x), 2, return_indices=True)
            return y, index, index.is_floating_point()

    images = tn.from_numpy(np.random.default_rng(0).standard_normal((BATCH, 3, SIZE, SIZE), dtype=np.float32))
    y, index, floating = Pool()(images)
    assert not floating
    assert index.array.dtype.kind == "i"
    assert y.shape == index.shape


def test_nothing_is_unfinished_outside(left: list[int]) -> None:
    tn.manual_seed(0)
    network, (images, labels) = Network(), batch()
    y = network.blocks(network.stem(images))
    assert not run_ahead._running
    network.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    assert not run_ahead._running
    assert y.array.any()


@pytest.mark.parametrize(
    "look",
    [
        lambda block, y: y.detach().numpy().copy(),
        lambda block, y: y.sum().item(),
        lambda block, y: block.bn1.running_mean.numpy().copy(),
        lambda block, y: [b.array.copy() for b in block.buffers()],
        lambda block, y: block.state_dict(),
    ],
    ids=["numpy", "item", "running mean", "buffers", "state_dict"],
)
def test_looking_at_values_in_the_middle_waits(
    look: Callable[[Block, tn.Tensor], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []

    def note(block: Block, y: tn.Tensor) -> None:
        value = look(block, y)
        if isinstance(value, dict):
            value = [t.array.copy() for t in value.values()]
        seen.extend(value if isinstance(value, list) else [np.asarray(value)])

    def compute() -> list[np.ndarray]:
        seen.clear()
        found = train(2, look=note)
        assert len(seen) >= 2
        return [*found, *seen]

    equal_without(monkeypatch, compute)


def test_changing_in_place_what_a_running_kernel_reads_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(block: Block, y: tn.Tensor) -> None:
        with tn.no_grad():
            block.conv1.weight.data.mul_(0.5)
            block.bn1.weight.data.add_(0.25)
            block.bn1.running_var.mul_(2.0)
            y.data.mul_(1.5)

    equal_without(monkeypatch, lambda: train(2, look=change))


def test_hooks_see_finished_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def watch(network: Network) -> None:
        block = network.blocks[1]
        block.conv1.weight.register_hook(lambda g: seen.append(g.numpy().copy()))
        block.conv2.weight.register_hook(lambda g: g * 2)
        block.bn1.weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.array.copy()))
        block.conv2.register_forward_hook(lambda m, args, y: seen.append(y.detach().numpy().copy()))
        block.register_full_backward_hook(lambda m, gi, go: seen.append(go[0].numpy().copy()))

    def compute() -> list[np.ndarray]:
        seen.clear()
        found = train(2, prepare=watch)
        assert len(seen) == 8
        return [*found, *seen]

    equal_without(monkeypatch, compute)


def test_an_optimizer_in_a_hook_changes_weights_during_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(parameter: Any) -> None:
        with tn.no_grad():
            parameter.add_(parameter.grad, alpha=-0.1)

    def attach(network: Network) -> None:
        for parameter in network.parameters():
            parameter.register_post_accumulate_grad_hook(step)

    equal_without(monkeypatch, lambda: train(2, prepare=attach))


def test_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    def compute() -> list[np.ndarray]:
        tn.manual_seed(0)
        network, (images, labels) = Network(), batch()
        parameters = list(network.parameters())
        gradients = tn.autograd.grad(F.cross_entropy(network(images), labels), parameters, create_graph=True)
        total: Any = sum((g * g).sum() for g in gradients)
        total.backward()
        return [g.array for g in gradients] + [p.grad.array for p in parameters if p.grad is not None]

    equal_without(monkeypatch, compute)


def test_gradients_add_up_over_two_backward_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def compute() -> list[np.ndarray]:
        tn.manual_seed(0)
        network = Network()
        for seed in range(2):
            images, labels = batch(seed)
            F.cross_entropy(network(images), labels).backward()
        return [p.grad.array for p in network.parameters() if p.grad is not None]

    equal_without(monkeypatch, compute)


def test_an_error_in_the_middle_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(block: Block, y: tn.Tensor) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(1, look=fail)
    assert not run_ahead._running
    assert run_ahead.is_free()
    equal_without(monkeypatch, lambda: train(1))


def test_several_python_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_ahead, "enabled", False)
    expected = train(2)
    monkeypatch.setattr(run_ahead, "enabled", True)
    found: list[list[np.ndarray]] = []
    threads = [threading.Thread(target=lambda: found.append(train(2))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for results in found:
        for a, b in zip(results, expected, strict=True):
            assert a.shape == b.shape
    # Streams of random numbers are the process's, so weights differ; but nothing is torn.
    assert all(np.isfinite(a).all() for results in found for a in results)


def test_memory_of_a_running_kernel_is_not_used_again() -> None:
    """Results that nobody keeps are freed at once; what they are made of must live until they are computed."""
    tn.manual_seed(0)
    network, (images, _) = Network(), batch()
    with tn.no_grad():
        expected = network(images).array.copy()
        for _ in range(20):
            found = network(images)
            noise = [np.full((BATCH, CHANNELS, SIZE, SIZE), np.nan, np.float32) for _ in range(3)]
            np.testing.assert_array_equal(found.array, expected)
            del noise


def test_a_gradient_is_an_ordinary_tensor_once_it_is_looked_at() -> None:
    tn.manual_seed(0)
    network, (images, labels) = Network(), batch()
    F.cross_entropy(network(images), labels).backward()
    gradient = network.stem.weight.grad
    assert gradient is not None
    assert gradient.shape == network.stem.weight.shape
    assert gradient.array.any()
    assert type(gradient) is tn.Tensor
    assert not isinstance(gradient, DelayedTensor)
