"""Chains of kernels: which join, in which order all run, and part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tinynet import run_ahead
from tinynet.kernels.cpu.codegen import chains, program
from tinynet.kernels.cpu.codegen.chains import AFTER, ALONE, BEFORE, LINK, Chain, Piece
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.program import Plan, lanes, template
from tinynet.kernels.cpu.codegen.team import Records, Team

NOTHING = Records(1, [])


def link(reads: int, writes: int, parts: int = 4, uses: str = "", threads: int = 1) -> Piece:
    return Piece(Records(threads, []), LINK, parts, (reads,), writes, uses)


def before(uses: str) -> Piece:
    return Piece(Records(1, []), BEFORE, uses=uses)


def order(chain: Chain) -> list[tuple[Any, bool]]:
    return [(records, joins) for _, (records, _, joins) in chain.release(0)]


def test_what_waits_runs_in_the_order_of_its_roles() -> None:
    a, b, c = (np.zeros(64, np.float32) for _ in range(3))
    first, second, last = link(0, 1), link(0, 1, uses="U"), link(0, -1)
    transform, after = before("U"), Piece(Records(1, []), AFTER)
    chain = Chain()
    assert not chain.take(first, (a, b))
    assert chain.begin(first, (a, b))
    assert chain.take(transform, ())
    assert chain.take(second, (b.reshape(8, 8), c))
    assert chain.take(after, ())
    assert chain.take(last, (c,))
    assert order(chain) == [
        (transform.records, False),
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
    assert chain.begin(link(0, 1), (named["a"], named["b"]))
    assert not chain.take(piece, tuple(named[name] for name in arrays))
    assert chain.waits


def test_a_transform_does_not_go_before_a_convolution() -> None:
    """Its memory is the same for all convolutions of a kind."""
    a, b, c = (np.zeros(64, np.float32) for _ in range(3))
    waiting: list[list[tuple[Piece, Any]]] = [
        [(link(0, 1, uses="U"), (a, b))],
        [(link(0, 1), (a, b)), (before("U"), ())],
        [(link(0, 1), (a, b)), (link(0, 1, uses="U"), (b, c))],
    ]
    for calls in waiting:
        chain = Chain()
        assert chain.begin(*calls[0])
        assert all(chain.take(*call) for call in calls[1:])
        assert not chain.take(before("U"), ())
        assert chain.take(before("panels"), ())
        assert not chain.take(before("panels"), ())


def test_only_a_link_that_writes_begins_a_chain() -> None:
    array = np.zeros(64, np.float32)
    for piece in (link(0, -1), Piece(NOTHING, ALONE), before("U"), Piece(NOTHING, AFTER)):
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
    def kernel(*given: np.ndarray) -> None:
        plan(*given)

    kernel.ahead = True  # type: ignore[attr-defined]
    run_ahead.call(kernel, *arrays)


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
