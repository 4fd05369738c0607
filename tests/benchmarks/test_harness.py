from __future__ import annotations

import itertools
import json
import os
import time

import pytest

from benchmarks import harness, records
from benchmarks.harness import Contender, Contest, Timing, WorkerFailed

HERE = "tests.benchmarks.test_harness"


def sleeper(*, seconds: float, log: str | None = None, label: str = ""):
    """Work for the worker processes: sleep, and write down who ran."""

    def work() -> None:
        time.sleep(seconds)
        if log is not None:
            with open(log, "a") as lines:
                lines.write(f"{label} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")

    return work


def test_contenders_take_turns_in_processes_of_their_own(tmp_path):
    log = tmp_path / "log"
    options = {"seconds": 0.0, "log": str(log)}
    contenders = [Contender(label, f"{HERE}:sleeper", options | {"label": label}) for label in "ab"]
    with Contest(contenders, threads=1) as contest:
        timings = contest.run(rounds=2, calls=2, warmup=1, turn=0)
    labels, processes, threads = zip(*(line.split() for line in log.read_text().splitlines()), strict=True)
    assert "".join(labels) == "ab" + "aabb" * 2
    assert len(set(processes)) == 2
    assert str(os.getpid()) not in processes
    assert set(threads) == {"1"}
    assert [len(timings[label].rounds) for label in "ab"] == [2, 2]


def test_ratio_and_times_are_those_of_the_work():
    contenders = [
        Contender("short", f"{HERE}:sleeper", {"seconds": 0.01}),
        Contender("long", f"{HERE}:sleeper", {"seconds": 0.05}),
    ]
    with Contest(contenders, threads=1) as contest:
        timings = contest.run(rounds=3, calls=1, warmup=1, turn=0)
    assert timings["short"].median >= 0.01
    assert timings["long"].median >= 0.05
    assert harness.ratio(timings["long"], timings["short"])[0] > 1.5


def test_a_turn_is_filled_with_calls(tmp_path):
    log = tmp_path / "log"
    contender = Contender("a", f"{HERE}:sleeper", {"seconds": 0.01, "log": str(log)})
    with Contest([contender], threads=1) as contest:
        contest.run(rounds=1, calls=1, warmup=1, turn=0.5)
    assert 2 < len(log.read_text().splitlines()) <= 1 + 50


def reporter(*, log: str, label: str):
    """Work for the worker processes: write down the variables that the contest sets."""

    def work() -> None:
        with open(log, "a") as lines:
            lines.write(f"{label} {os.environ['NUMBA_NUM_THREADS']} {os.environ.get('COLOUR')}\n")

    return work


def test_threads_may_differ_and_the_environment_reaches_every_process(tmp_path):
    log = tmp_path / "log"
    contenders = [
        Contender(label, f"{HERE}:reporter", {"log": str(log), "label": label}, threads=threads)
        for label, threads in (("a", None), ("b", 1))
    ]
    with Contest(contenders, threads=2, environment={"COLOUR": "red"}) as contest:
        contest.run(rounds=1, calls=1, warmup=1, turn=0)
    assert log.read_text().splitlines() == ["a 2 red", "b 1 red"] * 2


def hoarder(*, mebibytes: int):
    """Work for the worker processes: hold memory for a moment, more of it and for longer in the first call."""
    calls = []

    def work() -> None:
        calls.append(None)
        first = len(calls) == 1
        held = b"x" * (mebibytes * 2**20 if first else 1)
        time.sleep(0.05 if first else 0.001)
        del held

    return work


def test_the_first_call_and_the_peak_of_each_process_are_told_apart():
    held = bytes(400 * 2**20)  # what the parent holds is not the child's
    contenders = [Contender(str(size), f"{HERE}:hoarder", {"mebibytes": size}) for size in (1, 200)]
    with Contest(contenders, threads=1) as contest:
        before = contest.peak_bytes()
        timings = contest.run(rounds=1, calls=1, warmup=3, turn=0)
        after = contest.peak_bytes()
    assert len(held) > max(before.values())
    for label, low, high in (("1", 0, 50), ("200", 150, 250)):
        assert low <= (after[label] - before[label]) / 2**20 <= high
        assert contest.first_seconds[label] > 0.05 > timings[label].median


def fragile(*, call: int):
    """Work for the worker processes: fail at the call of this number; at 0 while it is prepared."""
    numbers = itertools.count(1)

    def fail() -> None:
        raise RuntimeError("\nno compiler\nand a long story")

    def work() -> None:
        if next(numbers) == call:
            fail()

    if call == 0:
        fail()
    return work


@pytest.mark.parametrize("call", [0, 1, 2])
def test_the_contest_goes_on_without_one_that_may_fail(call, capfd):
    bad = Contender("bad", f"{HERE}:fragile", {"call": call}, may_fail=True)
    good = Contender("good", f"{HERE}:sleeper", {"seconds": 0.0})
    with Contest([bad, good], threads=1) as contest:
        timings = contest.run(rounds=1, calls=1, warmup=2, turn=0)
        assert contest.peak_bytes().keys() == timings.keys() == {"good"}
    assert contest.failures == {"bad": "RuntimeError: no compiler"}
    assert capfd.readouterr().err == ""


def test_a_process_that_is_killed_is_told_by_its_code():
    bad = Contender("bad", "os:abort", may_fail=True)
    with Contest([bad], threads=1) as contest:
        assert contest.run(rounds=1, calls=1, warmup=1) == {}
    assert contest.failures == {"bad": "ended with code -6"}


def test_ratio_pairs_the_rounds():
    slow, fast = Timing((2.0, 40.0, 6.0)), Timing((1.0, 10.0, 2.0))
    assert harness.ratio(slow, fast) == (3.0, 2.5, 3.5)
    assert Timing((1.0, 2.0, 3.0, 4.0, 5.0)).quartiles == (2.0, 4.0)
    assert Timing((0.5,)).quartiles == (0.5, 0.5)


def test_a_failing_contender_is_named_and_the_others_end(capfd):
    good = Contender("good", f"{HERE}:sleeper", {"seconds": 0.0})
    bad = Contender("bad", f"{HERE}:sleeper", {"colour": "red"})
    with (
        pytest.raises(WorkerFailed, match=r"process of bad ended with code 1: TypeError: .*'colour'"),
        Contest([good, bad], threads=1),
    ):
        pass
    assert "unexpected keyword argument 'colour'" in capfd.readouterr().err


def test_records_are_appended_and_read_back(tmp_path):
    assert records.read("speed", tmp_path) == []
    first, second = {"a": 1, **records.environment()}, {"a": 2}
    path = records.append("speed", first, tmp_path / "new")
    records.append("speed", second, tmp_path / "new")
    assert path.name == "speed.jsonl"
    assert records.read("speed", tmp_path / "new") == [json.loads(json.dumps(first)), second]


def test_environment_says_what_ran_where():
    found = records.environment()
    assert found["versions"]["numpy"].startswith("2.")
    assert {"python", "torch", "tinynet", "llvmlite"} <= found["versions"].keys()
    assert found["cpu"]
    assert found["date"].endswith("+00:00")
