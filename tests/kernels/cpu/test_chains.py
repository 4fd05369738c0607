"""Chains of kernels: which join, in which order all run, and that results have the same bits as one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, run_ahead
from tinynet.kernels.cpu.codegen import chains, program, winograd_plan
from tinynet.kernels.cpu.codegen.chains import AFTER, ALONE, BEFORE, LINK, Chain, Piece
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.program import Plan, lanes, template
from tinynet.kernels.cpu.codegen.team import Records, Team
from tinynet.nn import functional as F

NOTHING = Records(1, [])


def link(reads: int, writes: int, parts: int = 4, lets_pass: bool = False, threads: int = 1) -> Piece:
    return Piece(Records(threads, []), LINK, parts, (reads,), writes, lets_pass)


def order(chain: Chain) -> list[tuple[Any, bool]]:
    return [(records, joins) for _, (records, _, joins) in chain.release(0)]


def test_what_waits_runs_in_the_order_of_its_roles() -> None:
    a, b, c = (np.zeros(64, np.float32) for _ in range(3))
    first, second, last = link(0, 1, lets_pass=True), link(0, 1), link(0, -1)
    before, after = Piece(Records(1, []), BEFORE), Piece(Records(1, []), AFTER)
    chain = Chain()
    assert not chain.take(first, (a, b))
    assert chain.begin(first, (a, b))
    assert chain.take(before, ())
    assert chain.take(second, (b.reshape(8, 8), c))
    assert chain.take(after, ())
    assert chain.take(last, (c,))
    assert order(chain) == [
        (before.records, False),
        (first.records, False),
        (second.records, True),
        (last.records, True),
        (after.records, False),
    ]
    assert not chain.take(after, ()), "it has ended"
    chain.forget()
    assert not chain.waits


@pytest.mark.parametrize(
    "piece, arrays",
    [
        (link(0, 1), "ac"),  # of another array
        (link(0, 1, parts=8), "bc"),  # cut differently
        (link(0, 1, threads=2), "bc"),  # with memory for other threads
        (link(0, 1), "hc"),  # of half of what is written
        (Piece(NOTHING, ALONE), ""),
    ],
)
def test_what_depends_on_more_than_its_part_ends_the_chain(piece: Piece, arrays: str) -> None:
    named = {name: np.zeros(64, np.float32) for name in "abc"}
    named["h"] = named["b"][:32]
    chain = Chain()
    assert chain.begin(link(0, 1, lets_pass=True), (named["a"], named["b"]))
    assert not chain.take(piece, tuple(named[name] for name in arrays))
    assert chain.waits


def test_a_transform_does_not_go_before_a_convolution() -> None:
    """Its memory is the same for all convolutions."""
    a, b, c = (np.zeros(64, np.float32) for _ in range(3))
    for waiting in ([(link(0, 1), (a, b))], [(link(0, 1, lets_pass=True), (a, b)), (link(0, 1), (b, c))]):
        chain = Chain()
        assert chain.begin(*waiting[0])
        assert all(chain.take(*call) for call in waiting[1:])
        assert not chain.take(Piece(NOTHING, BEFORE), ())


def test_only_a_link_that_writes_begins_a_chain() -> None:
    array = np.zeros(64, np.float32)
    for piece in (link(0, -1), Piece(NOTHING, ALONE), Piece(NOTHING, BEFORE), Piece(NOTHING, AFTER)):
        assert not Chain().begin(piece, (array,))


def test_the_parts_of_an_array() -> None:
    assert chains.parts(1000, 2) == 0
    assert chains.parts((1 << 20) // 4, 2) == 16
    assert chains.parts((1 << 20) // 4, 3) == 32
    assert chains.parts((8 << 20) // 4, 2) == 16
    assert chains.parts((8 << 20) // 4 + 1, 2) == 32
    assert chains.parts(1 << 40, 2) == 0


@template
def add_one(code: Code) -> None:
    """y = x + 1, of vectors."""
    x, y = code.pointers(2)
    (n,) = code.integers(1)
    begin, end = code.share(n)
    for i in code.range(begin, end):
        (y + i * code.lanes).store((x + i * code.lanes).load() + 1.0)


@template
def sum_of_all(code: Code) -> None:
    """Write for each part the sum of all vectors, those of other parts too: of what has been written by now."""
    x, sums = code.pointers(2)
    (n,) = code.integers(1)
    total = code.variable(code.zero)
    for i in code.range(n):
        total.set(total.get() + (x + i * code.lanes).load())
    (sums + code.part * code.lanes).store(total.get())


def planned(kernel: int, n: int, parts: int, role: str = "link") -> Plan:
    plan = Plan(1)
    x, y = plan.arrays(2)
    if role == "link":
        plan.link(kernel, x, y, n, parts=parts, reads=(x,), writes=y)
    else:
        plan.step(kernel, x, y, n, parts=parts)
    return plan


@pytest.fixture
def ahead() -> Iterator[None]:
    """Leave kernels running, and wait at the end."""
    with run_ahead.block():
        yield


def start(plan: Plan, *arrays: np.ndarray) -> None:
    run_ahead.call(plan, *arrays)


@pytest.mark.usefixtures("ahead")
@pytest.mark.parametrize("role", ["link", "step"])
def test_a_part_runs_through_the_whole_chain_before_the_next(
    role: str, num_threads: Callable[[int], None]
) -> None:
    num_threads(1)
    n = parts = 8
    x, y, sums = (np.zeros((n, lanes()), np.float32) for _ in range(3))
    start(planned(add_one(), n, parts), x, y)
    start(planned(sum_of_all(), n, parts, role), y, sums)
    program.finish()
    in_turn, at_once = np.arange(1, n + 1), np.full(n, n)
    np.testing.assert_array_equal(sums[:, 0], in_turn if role == "link" else at_once)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_chains_of_any_length_between_other_kernels(threads: int, num_threads: Callable[[int], None]) -> None:
    num_threads(threads)
    rng = np.random.default_rng(threads)
    n, parts = 64, 16
    mine = Team()
    for _ in range(50):
        pieces, x = [], np.zeros((n, lanes()), np.float32)
        arrays, expected = [x], 0
        for _ in range(rng.integers(1, 40)):
            arrays.append(np.full_like(x, np.nan))
            role = LINK if rng.random() < 0.8 else ALONE
            step = (add_one(), [0, 0, n], [(0, 0), (1, 1)], parts if rng.random() < 0.9 else 2 * parts)
            ends = {"parts": step[3], "reads": (0,), "writes": 1} if role == LINK else {}
            pieces.append(Piece(Records(threads, [step]), role, **ends))
            expected += 1
        for piece, source, target in zip(pieces, arrays, arrays[1:], strict=False):
            mine.chain([piece], (source, target), 64)
        mine.run((), 1)
        assert (arrays[-1] == expected).all()
    mine.stop()


# In whole networks


@pytest.fixture
def formed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Make chains of small arrays too; the lengths of those that have run."""
    monkeypatch.setattr(chains, "LEAST", 1 << 10)
    monkeypatch.setattr(winograd_plan, "BLOCK", 80 << 10)  # of few images, so that parts are whole blocks
    winograd_plan._blocking.cache_clear()
    program.forget_plans()
    lengths: list[int] = []
    original = Chain.release

    def release(self: Chain, number: int) -> Any:
        calls = original(self, number)
        lengths.append(1 + sum(joins for _, (_, _, joins) in calls))
        return calls

    monkeypatch.setattr(Chain, "release", release)
    yield lengths
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
        assert formed.count(3) >= (8 if images == 64 and threads < 3 else 2)


class Random(nn.Module):
    """A random program of layers whose results are looked at in other shapes, in halves, twice and in the middle."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        tn.manual_seed(seed)
        self.rng_seed = seed
        self.convs = nn.ModuleList([nn.Conv2d(16, 16, 3, 1, 1, bias=bool(i % 2)) for i in range(8)])
        self.norms = nn.ModuleList([nn.BatchNorm2d(16) for _ in range(8)])

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        rng = np.random.default_rng(self.rng_seed)
        known = [F.pad(x, (0, 0, 0, 0, 0, 13))]
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = known[-1 - rng.integers(min(2, len(known)))]
            what = rng.integers(8)
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
            else:
                y = F.relu(norm(conv(y)))
            known.append(y)
        return known[-1] + known[-2]


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
