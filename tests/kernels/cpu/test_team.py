"""The team of threads: every share runs, steps follow one another, and nothing hangs, whoever calls and whenever."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tinynet.kernels.cpu.codegen import addresses, program, team_code
from tinynet.kernels.cpu.codegen import team as teams
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.program import Plan, lanes, run, step, template
from tinynet.kernels.cpu.codegen.team import Team, team

THREADS = (1, 2, 3, 8)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
ITEMS = 64


@template
def shift(code: Code) -> None:
    """y[i] = x[i + 1] + 1 of vectors in a circle: every thread reads what its neighbour wrote in the step before."""
    x, y = code.pointers(2)
    (n,) = code.integers(1)
    L = code.lanes
    first, end = code.share(n)
    for i in code.range(first, end):
        (y + i * L).store((x + (i + 1) % n * L).load() + 1.0)


def circle(steps: int, threads: int) -> None:
    """Shift a circle of vectors a number of times in one run, and check it."""
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    x[:] = np.arange(ITEMS)[:, None]
    pairs = [(x, y) if k % 2 == 0 else (y, x) for k in range(steps)]
    run(*(step(shift(), source, target, ITEMS) for source, target in pairs), threads=threads)
    result = y if steps % 2 else x
    np.testing.assert_array_equal(
        result, np.roll(np.arange(ITEMS), -steps)[:, None] + np.full(lanes(), steps)
    )


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("steps", [1, 2, 25])
def test_steps_wait_for_one_another(steps: int, threads: int) -> None:
    for _ in range(20):
        circle(steps, threads)


def test_many_runs_in_a_row_with_changing_threads(num_threads: Callable[[int], None]) -> None:
    for k in range(2000):
        circle(2, 1 + k % 4)
    for count in (3, 1, 2):
        num_threads(count)
        x, y = np.zeros((2, ITEMS, lanes()), np.float32)
        run(step(shift(), x, y, ITEMS))
        assert (y == 1).all()


def test_threads_are_woken_from_sleep() -> None:
    for _ in range(3):
        circle(3, 3)
        deadline = time.monotonic() + 10
        while sleepers() < len(team()._threads) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sleepers() == len(team()._threads)


def sleepers() -> int:
    made = team()
    word = (made._state - teams.ctypes.addressof(made._memory)) // 8 + team_code.SLEEPERS
    return int(made._memory[word])


def test_too_many_threads_are_refused() -> None:
    with pytest.raises(RuntimeError, match="cannot run kernels in 1001 threads: at most 1000"):
        circle(1, 1001)
    circle(1, 2)


def test_more_threads_than_the_lowest_byte_of_a_ticket_counts() -> None:
    mine = Team()
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    mine.run([step(shift(), x, y, ITEMS), step(shift(), y, x, ITEMS)], 257)
    assert (x == 2).all()
    mine.stop()


def test_several_python_threads_take_turns() -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(circle, 3, 1 + k % 3) for k in range(200)]:
            done.result()


def test_an_error_between_runs_does_no_harm() -> None:
    circle(1, 3)
    with pytest.raises(TypeError, match="int"):
        run(step(shift(), None, None, ITEMS), threads=3)
    circle(1, 3)


def test_a_thread_that_does_not_start_leaves_the_team_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Team()
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse_to_start)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            mine.run([step(shift(), x, y, ITEMS)], 3)
    assert not y.any()
    mine.run([step(shift(), x, y, ITEMS)], 3)
    assert (y == 1).all()
    mine.stop()


def refuse_to_start(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_interrupt_while_a_thread_starts_leaves_the_team_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Team()
    start = threading.Thread.start

    def start_and_be_interrupted(self: threading.Thread) -> None:
        start(self)
        raise KeyboardInterrupt

    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_and_be_interrupted)
        with pytest.raises(KeyboardInterrupt):
            mine.run([step(shift(), x, y, ITEMS)], 3)
    for k in range(50):
        mine.run([step(shift(), y, y, 1), step(shift(), x, y, ITEMS)], 2 + k % 3)
        assert (y == 1).all()
    mine.stop()


def test_after_its_end_a_team_runs_without_threads() -> None:
    mine = Team()
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    mine.run([step(shift(), x, y, ITEMS)], 3)
    mine.stop()
    assert mine._threads == []
    mine.run([step(shift(), y, x, ITEMS), step(shift(), x, y, ITEMS)], 3)
    assert (y == 3).all()
    mine.stop()


def test_without_posix_threads_pythons_do_the_work(
    monkeypatch: pytest.MonkeyPatch, num_threads: Callable[[int], None]
) -> None:
    """As on Windows, where there is no process-wide C library to ask."""

    def refuse(name: None) -> None:
        raise TypeError("bad argument type for built-in operation")

    monkeypatch.setattr(teams.ctypes, "CDLL", refuse)
    mine = Team()
    assert not mine.has_threads
    for count in (1, 2, 5):
        num_threads(count)
        x, y = np.zeros((2, ITEMS, lanes()), np.float32)
        mine.run([step(shift(), x, y, ITEMS), step(shift(), y, x, ITEMS)], count)
        assert (x == 2).all()
    mine.stop()


def test_a_c_library_without_posix_threads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teams, "POSIX", (*teams.POSIX, "pthread_there_is_no_such_function"))
    assert teams._libc() is None


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of forking beside threads
def test_a_forked_child_makes_a_team_of_its_own() -> None:
    circle(2, 3)
    child = os.fork()
    if child == 0:
        try:
            circle(2, 3)
        finally:
            os._exit(0 if team()._threads else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    circle(2, 3)


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_workers_of_multiprocessing() -> None:
    circle(2, 3)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(circle, [(2, 2), (3, 3), (2, 1)])


def test_more_threads_than_cores_do_not_crawl() -> None:
    """Measured on two busy cores: 0.3 ms a step. A thread that waits must not keep its core from those that work."""
    circle(1, 8)
    begin = time.perf_counter()
    for _ in range(20):
        circle(4, 8)
    assert (time.perf_counter() - begin) / 80 < 0.05


PROGRAM = textwrap.dedent("""
    import os, signal, sys, threading, time
    from tests.kernels.cpu.test_team import circle
    circle(2, 3)
""")


def outcome(code: str) -> tuple[int, str, str]:
    """Run code after a run of the team in a process of its own."""
    command = [sys.executable, "-c", PROGRAM + textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return (
        done.returncode,
        done.stdout,
        done.stderr.partition("compiling kernels")[0].removesuffix("tinynet: "),
    )


EXITS = {
    "while they spin": "",
    "while they sleep": "time.sleep(0.1)",
    "in another thread": "threading.Thread(target=circle, args=(2, 3)).start()",
    "in an exit handler": "import atexit; atexit.register(circle, 2, 3)",
    "while a daemon calls": """
        def call():
            while True:
                circle(2, 3)
        threading.Thread(target=call, daemon=True).start()
        time.sleep(0.1)
    """,
}


@pytest.mark.parametrize("when", EXITS)
def test_the_process_ends_quietly(when: str) -> None:
    assert outcome(EXITS[when]) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent in another way")
def test_interrupts_leave_the_team_usable() -> None:
    code = """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell runs the tests in the background
        def interrupt():
            time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10):
            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                while True:
                    circle(3, 3)
            except KeyboardInterrupt:
                thread.join()
        circle(3, 4)
        print("done", end="")
    """
    assert outcome(code) == (0, "done", "")


def test_kernels_left_running_are_computed_in_order() -> None:
    mine = Team()
    for left in (1, 3, 1000):
        x, y = np.zeros((2, ITEMS, lanes()), np.float32)
        for k in range(100):
            pair = (x, y) if k % 2 == 0 else (y, x)
            mine.run([step(shift(), *pair, ITEMS)], 3, left)
        mine.run((), 1)
        assert (x == 100).all()
        assert not mine._kept
    mine.stop()


def test_the_caller_works_when_too_many_are_left_until_an_eighth_of_them_are() -> None:
    mine = Team()
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    finished = []
    for k in range(40):
        pair = (x, y) if k % 2 == 0 else (y, x)
        mine.run([step(shift(), *pair, ITEMS)], 1, 16)
        finished.append(mine._claim.value >> team_code.NUMBER)
    # The 17th kernel is one too many: all but the last two are computed. Then there is room for 14 more.
    assert finished == [0] * 16 + [15] * 15 + [30] * 9
    mine.run((), 1)
    assert (x == 40).all()
    mine.stop()


def test_what_is_left_running_is_finished_when_the_team_ends() -> None:
    mine = Team()
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    for _ in range(50):
        mine.run([step(shift(), x, y, ITEMS), step(shift(), y, x, ITEMS)], 3, 1000)
    mine.stop()
    assert (x == 100).all()


def test_arrays_of_kernels_left_running_stay_alive() -> None:
    mine = Team()
    out = np.zeros((ITEMS, lanes()), np.float32)
    for k in range(200):
        source = np.full((ITEMS, lanes()), k, np.float32)
        mine.run([step(shift(), source, out, ITEMS)], 3, 50)
        del source
    mine.run((), 1)
    assert (out == 200).all()
    mine.stop()


def test_more_kernels_than_the_queue_has_room_for_and_none() -> None:
    circle(3000, 3)
    run(threads=3)
    circle(1, 3)


@template
def who(code: Code) -> None:
    """Write the number of the thread beside each item."""
    (out,) = code.pointers(1)
    (n,) = code.integers(1)
    first, end = code.share(n)
    threads = code.pointers(1)[0] + code.thread
    for i in code.range(first, end):
        (out + i * code.lanes).store(threads.broadcast())


def plan_of_a_circle(steps: int, threads: int) -> Plan:
    plan = Plan(threads)
    x, y = plan.arrays(2)
    for k in range(steps):
        plan.step(shift(), *((x, y) if k % 2 == 0 else (y, x)), ITEMS)
    return plan


@pytest.mark.parametrize("owners", [addresses.OWNERS, addresses._slow_owners])
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("steps", [1, 2, 25, 2 * teams.AT_ONCE + 1])
def test_a_plan_runs_with_the_arrays_of_each_call(
    steps: int, threads: int, owners: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "OWNERS", owners)
    mine = Team()  # asks how addresses are found when it is made
    monkeypatch.setattr(program, "team", lambda: mine)
    plan = plan_of_a_circle(steps, threads)
    for first in range(3):
        x, y = np.zeros((2, ITEMS, lanes()), np.float32)
        x[:] = first + np.arange(ITEMS)[:, None]
        plan(x, y)
        expected = np.roll(first + np.arange(ITEMS), -steps)[:, None] + np.full(lanes(), steps)
        np.testing.assert_array_equal(y if steps % 2 else x, expected)
    mine.stop()


def test_a_plan_runs_without_threads_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team(), "_ended", True)
    x, y = np.zeros((2, ITEMS, lanes()), np.float32)
    x[:] = np.arange(ITEMS)[:, None]
    plan_of_a_circle(3, 2)(x, y)
    np.testing.assert_array_equal(y[:, 0], np.roll(np.arange(ITEMS), -3) + 3)


def test_a_kernel_with_more_arguments_than_a_record_has_room_for_is_refused() -> None:
    plan = Plan(1)
    [x] = plan.arrays(1)
    plan.step(shift(), x, *range(team_code.MOST_ARGUMENTS))
    with pytest.raises(ValueError, match="33 arguments: a record has room for 32"):
        plan(np.zeros(1, np.float32))


@pytest.mark.parametrize("threads", THREADS)
def test_parts_run_in_no_more_threads_than_asked_for(threads: int) -> None:
    circle(1, max(THREADS))  # so many threads there are
    numbers = np.arange(100, dtype=np.float32)
    for _ in range(20):
        out = np.full((ITEMS, lanes()), -1, np.float32)
        run(step(who(), out, ITEMS, numbers, parts=ITEMS), threads=threads)
        assert out.min() >= 0
        assert out.max() < threads


def test_two_threads_begin_at_the_two_ends() -> None:
    items, taken, deadline = 1 << 15, set(), time.monotonic() + 30
    out = np.empty((items, lanes()), np.float32)
    while taken != {0, 1} and time.monotonic() < deadline:  # the cores may be busy otherwise
        run(*[step(who(), out, items, np.arange(2, dtype=np.float32), parts=64)] * 2, threads=2)
        assert (np.diff(out[:, 0]) >= 0).all()
        taken = set(out[:, 0].tolist())
    assert taken == {0, 1}
