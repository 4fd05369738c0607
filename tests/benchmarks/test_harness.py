from __future__ import annotations

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


def test_ratio_pairs_the_rounds():
    slow, fast = Timing((2.0, 40.0, 6.0)), Timing((1.0, 10.0, 2.0))
    assert harness.ratio(slow, fast) == (3.0, 2.5, 3.5)
    assert Timing((1.0, 2.0, 3.0, 4.0, 5.0)).quartiles == (2.0, 4.0)
    assert Timing((0.5,)).quartiles == (0.5, 0.5)


def test_a_failing_contender_is_named_and_the_others_end(capfd):
    good = Contender("good", f"{HERE}:sleeper", {"seconds": 0.0})
    bad = Contender("bad", f"{HERE}:sleeper", {"colour": "red"})
    with (
        pytest.raises(WorkerFailed, match="process of bad ended with code 1"),
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
    assert {"python", "torch", "tinynet", "numba"} <= found["versions"].keys()
    assert found["cpu"]
    assert found["date"].endswith("+00:00")
