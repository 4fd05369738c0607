"""Fair timing: every contender in a process of its own, all in turn, round after round.

Two frameworks in one process slow each other (thread pools, caches), and a machine's speed drifts; so the
processes live side by side, only one of them works at a time, and speeds are compared within a round.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Contender:
    """Name a piece of work: `target` (MODULE:FUNCTION) takes `options` and returns the function to time."""

    label: str
    target: str
    options: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """Hold a contender's seconds per call, the median of each round, in order."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median over the rounds, seconds."""
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile over the rounds, seconds; twice the value where there is one round."""
        return _quartiles(self.rounds)


class WorkerFailed(RuntimeError):
    """A contender's process ended before it answered."""


class _Worker:
    """A contender's process and the conversation with it."""

    def __init__(self, contender: Contender, threads: int) -> None:
        self.label = contender.label
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
        command = [sys.executable, "-m", "benchmarks._worker"]
        command += [contender.target, json.dumps(contender.options), str(threads)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def wait_until_ready(self) -> list[dict[str, str]]:
        """Wait for the work to be prepared; return the thread pools and BLAS of the process."""
        return self._answer()["libraries"]

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            self.close()
            raise WorkerFailed(f"the process of {self.label} ended with code {self._process.returncode}")
        return json.loads(line)

    def seconds(self, count: int) -> list[float]:
        """Run the work `count` times; return the seconds of each."""
        print(count, file=self._requests, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._requests.close()
        self._answers.close()
        self._process.wait()


class Contest:
    """Time contenders in turn; use as a context manager, so that the processes end with the block.

    Args:    contenders: at least one
             threads: CPU threads for each, by environment variables and by threadpoolctl
    Raises:  WorkerFailed: a process ended early (its own message is on standard error)
    """

    def __init__(self, contenders: Sequence[Contender], *, threads: int) -> None:
        self._contenders, self._threads = contenders, threads
        self._workers: list[_Worker] = []
        self.libraries: dict[str, list[dict[str, str]]] = {}
        """Thread pools and BLAS found in each process, by label."""

    def __enter__(self) -> Contest:
        try:
            for contender in self._contenders:
                self._workers.append(_Worker(contender, self._threads))
            self.libraries = {worker.label: worker.wait_until_ready() for worker in self._workers}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.close()

    def run(self, *, rounds: int, calls: int, warmup: int, turn: float = 0.5) -> dict[str, Timing]:
        """Warm every contender up, then let each take its turn, `rounds` times over.

        Args:    rounds: at least 1; warmup: calls that are not counted, at least 1
                 calls, turn: a turn has as many calls as fill `turn` seconds, but at least `calls`
        """
        counts = {}
        for worker in self._workers:
            usual = statistics.median(worker.seconds(warmup))
            counts[worker.label] = max(calls, math.ceil(turn / usual))
        medians: dict[str, list[float]] = {worker.label: [] for worker in self._workers}
        for _ in range(rounds):
            for worker in self._workers:
                medians[worker.label].append(statistics.median(worker.seconds(counts[worker.label])))
        return {label: Timing(tuple(values)) for label, values in medians.items()}


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def ratio(numerator: Timing, denominator: Timing) -> tuple[float, float, float]:
    """Return the ratio of medians, and first and third quartile of the ratios within each round."""
    paired = [a / b for a, b in zip(numerator.rounds, denominator.rounds, strict=True)]
    return (numerator.median / denominator.median, *_quartiles(paired))
