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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

R = TypeVar("R")

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TORCHINDUCTOR_COMPILE_THREADS",
)


@dataclass(frozen=True)
class Contender:
    """Name a piece of work: `target` (MODULE:FUNCTION) takes `options` and returns the function to time.

    Args:    threads: CPU threads; those of the contest if None
             may_fail: the contest goes on without it when it fails, silently, up to the end of its warm-up
    """

    label: str
    target: str
    options: dict[str, object] = field(default_factory=dict)
    threads: int | None = None
    may_fail: bool = False


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
    """A contender's process ended before it answered; `reason` says why, in one line."""

    def __init__(self, label: str, code: int, error: str | None) -> None:
        ended = f"ended with code {code}"
        super().__init__(f"the process of {label} {ended}" + (f": {error}" if error else ""))
        self.reason = error or ended


class _Worker:
    """A contender's process and the conversation with it."""

    def __init__(self, contender: Contender, threads: int, environment: Mapping[str, str]) -> None:
        self.label, self.may_fail = contender.label, contender.may_fail
        threads = contender.threads or threads
        command = [sys.executable, "-m", "benchmarks._worker"]
        command += [contender.target, json.dumps(contender.options), str(threads)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if contender.may_fail else None,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def wait_until_ready(self) -> list[dict[str, str]]:
        """Wait for the work to be prepared; return the thread pools and BLAS of the process."""
        return self._answer()["libraries"]

    def _answer(self) -> Any:
        line = self._answers.readline()
        answer = json.loads(line) if line else None
        if line and not (isinstance(answer, dict) and "error" in answer):
            return answer
        self.close()
        raise WorkerFailed(self.label, self._process.returncode, answer["error"] if answer else None)

    def _ask(self, request: object) -> Any:
        print(request, file=self._requests, flush=True)
        return self._answer()

    def seconds(self, count: int) -> list[float]:
        """Run the work `count` times; return the seconds of each."""
        return self._ask(count)

    def peak_bytes(self) -> int:
        """Return the peak resident set of the process so far, bytes."""
        return self._ask("peak")

    def close(self) -> None:
        """End the process."""
        self._requests.close()
        self._answers.close()
        self._process.wait()


class Contest:
    """Time contenders in turn; use as a context manager, so that the processes end with the block.

    Args:    contenders: at least one
             threads: CPU threads for each, by environment variables and by threadpoolctl
             environment: more variables for every process
    Raises:  WorkerFailed: a process ended early that may not (its own message is on standard error)
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        *,
        threads: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._contenders, self._threads, self._environment = contenders, threads, environment or {}
        self._workers: list[_Worker] = []
        self.libraries: dict[str, list[dict[str, str]]] = {}
        """Thread pools and BLAS found in each process, by label."""
        self.first_seconds: dict[str, float] = {}
        """Seconds of the first call in each process, which compiles and allocates, by label; set by `run`."""
        self.failures: dict[str, str] = {}
        """Why the contenders that may fail did, by label."""

    def __enter__(self) -> Contest:
        try:
            for contender in self._contenders:
                self._workers.append(_Worker(contender, self._threads, self._environment))
            self.libraries = self._each(_Worker.wait_until_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in self._workers:
            worker.close()

    def _each(self, ask: Callable[[_Worker], R]) -> dict[str, R]:
        """Ask every worker in turn; leave those out, from now on, that fail and may."""
        answers = {}
        for worker in list(self._workers):
            try:
                answers[worker.label] = ask(worker)
            except WorkerFailed as error:
                if not worker.may_fail:
                    raise
                self.failures[worker.label] = error.reason
                self._workers.remove(worker)
        return answers

    def run(self, *, rounds: int, calls: int, warmup: int, turn: float = 0.5) -> dict[str, Timing]:
        """Warm every contender up, then let each take its turn, `rounds` times over.

        Args:    rounds: at least 1; warmup: calls that are not counted, at least 1
                 calls, turn: a turn has as many calls as fill `turn` seconds, but at least `calls`
        """
        warm = self._each(lambda worker: worker.seconds(warmup))
        self.first_seconds = {label: seconds[0] for label, seconds in warm.items()}
        counts = {
            label: max(calls, math.ceil(turn / statistics.median(seconds))) for label, seconds in warm.items()
        }
        medians: dict[str, list[float]] = {label: [] for label in warm}
        for _ in range(rounds):
            for worker in self._workers:
                medians[worker.label].append(statistics.median(worker.seconds(counts[worker.label])))
        return {label: Timing(tuple(values)) for label, values in medians.items()}

    def peak_bytes(self) -> dict[str, int]:
        """Return the peak resident set of each process so far, bytes, by label."""
        return {worker.label: worker.peak_bytes() for worker in self._workers}


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def ratio(numerator: Timing, denominator: Timing) -> tuple[float, float, float]:
    """Return the ratio of medians, and first and third quartile of the ratios within each round."""
    paired = [a / b for a, b in zip(numerator.rounds, denominator.rounds, strict=True)]
    return (numerator.median / denominator.median, *_quartiles(paired))
