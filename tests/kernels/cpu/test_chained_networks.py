"""Chains of kernels in whole networks: which form, and that results have the same bits as without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, run_ahead
from tinynet.kernels.cpu.codegen import chains, program, winograd_plan
from tinynet.kernels.cpu.codegen.chains import Chain
from tinynet.nn import functional as F


@pytest.fixture
def formed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Make chains of small arrays too; the lengths of those that have run.

    Threads are at different links at a time: no two may use the same scratch memory.
    """
    monkeypatch.setattr(chains, "LEAST", 1 << 10)
    monkeypatch.setattr(winograd_plan, "BLOCK", 80 << 10)  # of few images, so that parts are whole blocks
    winograd_plan._blocking.cache_clear()
    program.forget_plans()
    lengths: list[int] = []
    shared: list[str] = []
    original = Chain.release

    def release(self: Chain, number: int) -> Any:
        calls = original(self, number)
        lengths.append(1 + sum(joins for _, (_, _, joins) in calls))
        names = {id(array): use for (use, _), array in program.scratch._arrays.items()}
        used = [
            names[id(arrays[index])]
            for records, arrays, _ in self._links
            for index in {index for _, _, holes, _ in records._steps for _, index in holes}
            if id(arrays[index]) in names
        ]
        shared.extend(use for use in set(used) if used.count(use) > 1)
        return calls

    monkeypatch.setattr(Chain, "release", release)
    yield lengths
    assert not shared
    winograd_plan._blocking.cache_clear()
    program.forget_plans()


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.down = nn.Sequential()
        if stride > 1:
            self.down = nn.Sequential(nn.Conv2d(channels, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.down(x))


def bits_of_training(network: nn.Module, images: tn.Tensor) -> list[np.ndarray]:
    """Return the result, all gradients and buffers of two passes."""
    upstream = np.random.default_rng(1)
    found = []
    for _ in range(2):
        network.zero_grad()
        y = network(images)
        y.backward(tn.tensor(upstream.standard_normal(y.shape, dtype=np.float32)))
        found.append(y.array.copy())
    found += [p.grad.array for p in network.parameters() if p.grad is not None]
    return found + [b.array for b in network.buffers()]


def batch(images: int, channels: int, size: int) -> tn.Tensor:
    shape = images, channels, size, size
    return tn.tensor(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))


def compare(build: Callable[[], nn.Module], images: tn.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that training has the same bits with nothing left running, and so without chains."""
    found = bits_of_training(build(), images)
    with monkeypatch.context() as patch:
        patch.setattr(run_ahead, "enabled", False)
        expected = bits_of_training(build(), images)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("accelerated")
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("images", [32, 64, 33])
def test_a_residual_network_has_the_same_bits(
    images: int,
    threads: int,
    formed: list[int],
    num_threads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    num_threads(threads)

    def build() -> nn.Module:
        tn.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), Block(16, 16, 1), Block(16, 32, 2), Block(32, 32, 1))

    compare(build, batch(images, 3, 16), monkeypatch)
    if images == 33:
        assert max(formed, default=0) < 2, "images do not fall into equal parts"
    else:
        many = images == 64 and threads < 3
        assert formed.count(3) >= (8 if many else 2)
        assert formed.count(2) >= (2 if many else 1), (
            "the weights' gradient, of the first layer and the shortcut"
        )
        assert formed.count(4) >= (1 if many else 0), "the shortcut's gradient is added in the chain"


@pytest.mark.usefixtures("accelerated")
def test_the_gradient_of_the_first_weights_is_part_of_the_chain_behind_it(
    formed: list[int], num_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both convolutions of one chain sum up their weights' gradients, and copy pixels, in memory of their own."""
    num_threads(2)

    def build() -> nn.Module:
        tn.manual_seed(0)
        convs = [nn.Conv2d(channels, 16, 3, 1, 1, bias=False) for channels in (3, 16)]
        return nn.Sequential(*convs, nn.BatchNorm2d(16), nn.ReLU())

    compare(build, batch(64, 3, 16).contiguous(memory_format=tn.channels_last), monkeypatch)
    assert formed.count(3) == 2, "scale, gradients of the second, gradient of the first: twice"


class Random(nn.Module):
    """A random program of layers whose results are looked at in other shapes, in halves, twice and in the middle."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        tn.manual_seed(seed)
        self.rng_seed = seed
        self.convs = nn.ModuleList([nn.Conv2d(16, 16, 3, 1, 1, bias=bool(i % 2)) for i in range(8)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(16) for _ in range(8)])
        self.points = nn.ModuleList([nn.Conv2d(16, 16, 1) for _ in range(8)])
        self.halves = nn.ModuleList([nn.Conv2d(16, 32, 1, 2) for _ in range(2)])
        self.entry = nn.Conv2d(16, 32, 3, 2, 1)

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        rng = np.random.default_rng(self.rng_seed)
        known = [F.pad(x, (0, 0, 0, 0, 0, 13))]
        for conv, norm, point in zip(self.convs, self.norms, self.points, strict=True):
            y = known[-1 - rng.integers(min(2, len(known)))]
            what = rng.integers(11)
            if what == 0:
                n = len(y) // 2
                y = tn.cat([conv(y[:n]), conv(y[n:])])
            elif what == 1:
                y = conv(F.relu(y))
            elif what == 2:
                y = F.relu(norm(y) + known[0])
            elif what == 3:
                y = F.relu(norm(conv(y)))
                y = conv(y) + y.mean()
            elif what == 4:
                y = norm(conv(y)) + norm(known[-1])
            elif what == 5:
                y = conv(y)
                y.detach().add_(1)
                y = F.relu(norm(y))
            elif what == 6:
                y = point(conv(y)) + y
            elif what == 7:
                y = conv(point(norm(y)))
            else:
                y = F.relu(norm(conv(y)))
            known.append(y)
        y = known[-1] + known[-2]
        return sum((half(y) for half in self.halves), self.entry(y))


@pytest.mark.usefixtures("accelerated")
def test_random_programs_have_the_same_bits(
    formed: list[int], num_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    num_threads(2)
    for seed in range(30):
        compare(lambda seed=seed: Random(seed), batch(32, 3, 16), monkeypatch)  # type: ignore[misc]
    assert formed.count(3) > 50
    assert formed.count(2) > 20


@pytest.mark.usefixtures("accelerated")
def test_an_error_in_the_middle_of_a_chain_leaves_nothing_waiting(
    formed: list[int], num_threads: Callable[[int], None]
) -> None:
    num_threads(2)

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(16, 16, 3, 1, 1), nn.BatchNorm2d(16)

        def forward(self, x: tn.Tensor) -> tn.Tensor:
            self.seen = F.relu(self.norm(self.conv(x)))
            raise KeyError("of the user")

    network, images = Fails(), batch(32, 16, 16)
    with pytest.raises(KeyError, match="of the user"):
        network(images)
    expected = F.relu(F.batch_norm(network.conv(images), None, None, training=True))
    np.testing.assert_array_equal(network.seen.array, expected.array)
    assert formed


def test_statistics_are_taken_around_rows_of_each_block() -> None:
    """Of images with means far apart; no part reads a row of another."""
    rng = np.random.default_rng(0)
    x = (
        rng.standard_normal((64, 16, 8, 8), dtype=np.float32)
        + np.float32(100) * np.arange(64)[:, None, None, None]
    )
    x = x.astype(np.float32)
    layer = nn.BatchNorm2d(16)
    layer(tn.Tensor(np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * exact.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * exact.var((0, 2, 3), ddof=1), rtol=1e-6)
