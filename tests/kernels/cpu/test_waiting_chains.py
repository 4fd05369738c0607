"""What waits for a chain to grow: how much, for which threads, and that an interrupt neither loses nor repeats it."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.kernels.cpu.test_chains import add_one
from tinynet import nn, run_ahead
from tinynet.kernels.cpu.codegen import chains, program
from tinynet.kernels.cpu.codegen.chains import AFTER, BEFORE, LINK, Chain, Piece
from tinynet.kernels.cpu.codegen.program import lanes
from tinynet.kernels.cpu.codegen.team import Records, Team
from tinynet.kernels.cpu.codegen.team_code import HOLD, LENGTH
from tinynet.nn import functional as F

VECTORS = PARTS = 4


@pytest.fixture
def mine() -> Iterator[Team]:
    team = Team()
    yield team
    team.stop()


def adds(team: Team, role: int, x: np.ndarray, y: np.ndarray) -> None:
    """Let y = x + 1 be computed as a kernel of that role."""
    records = Records(2, [(add_one(), [0, 0, VECTORS], [(0, 0), (1, 1)], PARTS)])
    ends: dict[str, Any] = {"parts": PARTS, "reads": (0,), "writes": 1} if role == LINK else {}
    team.chain([Piece(records, role, uses="U" if role == BEFORE else "", **ends)], (x, y), 64)


def zeros(count: int) -> list[np.ndarray]:
    return list(np.zeros((count, VECTORS, lanes()), np.float32))


@pytest.mark.parametrize("role", [LINK, AFTER])
def test_more_kernels_than_the_queue_has_room_for(role: int, mine: Team) -> None:
    arrays = zeros(LENGTH + 100)
    adds(mine, LINK, arrays[0], arrays[1])
    for i in range(2, len(arrays)):
        adds(mine, role, arrays[i - 1 if role == LINK else 0], arrays[i])
        assert mine._chain._kernels <= chains.LONGEST
    mine.run((), 1)
    expected = np.arange(len(arrays)) if role == LINK else np.minimum(np.arange(len(arrays)), 1)
    np.testing.assert_array_equal([array[0, 0] for array in arrays], expected)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("kernel", range(4))
def test_an_interrupt_while_a_chain_ends(
    kernel: int, written: bool, mine: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after one of its kernels is written; each runs once, whoever waits next."""
    x, y, z, before, after, other = zeros(6)
    adds(mine, LINK, x, y)
    adds(mine, BEFORE, before, before)
    adds(mine, LINK, y, z)
    adds(mine, AFTER, after, after)
    write, calls = Team._write, []

    def interrupted(self: Team, records: Any, arrays: Any, left: int, mode: int = 0) -> None:
        now = len(calls) == kernel
        calls.append(mode)
        if now and not written:
            raise KeyboardInterrupt
        write(self, records, arrays, left, mode)
        if now:
            raise KeyboardInterrupt

    monkeypatch.setattr(Team, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mine.run((), 1)
    mine.run((), 1)
    assert len(calls) == (4 if written else 5)
    assert [mode & HOLD for mode in calls[-2:]] == [HOLD, 0] or kernel == 3
    adds(mine, LINK, other, other)
    mine.run((), 1)
    assert [float(array[0, 0]) for array in (x, y, z, before, after, other)] == [0, 1, 2, 1, 1, 1]


def test_an_interrupt_while_a_chain_begins(mine: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, z = zeros(3)
    add = Chain._add

    def interrupted(self: Chain, piece: Piece, arrays: Any) -> None:
        add(self, piece, arrays)
        raise KeyboardInterrupt

    monkeypatch.setattr(Chain, "_add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        adds(mine, LINK, x, y)
    monkeypatch.setattr(Chain, "_add", add)
    mine.run((), 1)
    assert not y.any(), "the call was interrupted, and is none of the next chain"
    adds(mine, LINK, x, z)
    mine.run((), 1)
    assert (z == 1).all()


def test_what_waits_is_computed_when_the_team_ends() -> None:
    team = Team()
    x, y = zeros(2)
    adds(team, LINK, x, y)
    team.stop()
    assert (y == 1).all()


class Net(nn.Module):
    """Two convolutions; `look` is called before the second."""

    def __init__(self, look: Callable[[tn.Tensor], None]) -> None:
        super().__init__()
        tn.manual_seed(0)
        self.first, self.norm, self.last = (
            nn.Conv2d(3, 16, 3, 1, 1),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 16, 3, 1, 1),
        )
        self.look = look

    def forward(self, x: tn.Tensor) -> tn.Tensor:
        y = F.relu(self.norm(self.first(x)))
        self.look(y)
        return self.last(y)


def images() -> tn.Tensor:
    return tn.tensor(np.random.default_rng(0).standard_normal((128, 3, 32, 32), dtype=np.float32))


@pytest.mark.usefixtures("accelerated")
def test_kernels_for_other_threads_do_not_join(
    num_threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A convolution planned for one thread has memory for one."""
    behind: list[np.ndarray] = []

    def guarded(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        memory = np.full(count + (1 << 18), 7.5, np.float32)
        behind.append(memory[count:])
        return memory[:count]

    monkeypatch.setattr(program, "aligned", guarded)
    scratch = program.Scratch()
    monkeypatch.setattr(program, "scratch", scratch)
    network = Net(lambda y: num_threads(1))
    for _ in range(5):
        num_threads(2)
        network(images())
    gc.callbacks.remove(scratch._after_collection)
    assert behind
    assert all((guard == 7.5).all() for guard in behind)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("accelerated")
def test_a_child_forked_in_the_middle_has_what_was_computed(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    found = []

    def fork(y: tn.Tensor) -> None:
        child = os.fork()
        if not child:
            os._exit(0 if np.array_equal(y.array, expected) else 1)
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    seen: list[tn.Tensor] = []
    Net(seen.append)(images())
    expected = seen[0].array
    Net(fork)(images())
    assert found == [0]


def test_an_interrupt_where_running_ahead_begins_does_not_end_it_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_ahead, "get_ident", interrupted)
        with pytest.raises(KeyboardInterrupt), run_ahead.block():
            pass
    with run_ahead.block():
        assert run_ahead.allowed()
    assert run_ahead.is_free()
