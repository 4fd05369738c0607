"""Time what an operation costs besides its arithmetic: chains of operations on tensors of one element.

`python -m benchmarks.overhead` prints a table of tinynet and PyTorch, microseconds an operation, and adds a line to
results/overhead.jsonl. Each framework runs in a process of its own, turn about, on one thread. A chain is recorded
(forward) or recorded and walked back (forward and backward); its time is divided by its length.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.harness import Contender, Contest, Timing
from reference.arguments import positive

OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "y + x": lambda lib, y, x: y + x,
    "y * x": lambda lib, y, x: y * x,
    "y / x": lambda lib, y, x: y / x,
    "y + 1.5": lambda lib, y, x: y + 1.5,
    "2.0 * y": lambda lib, y, x: 2.0 * y,
    "sqrt(y)": lambda lib, y, x: lib.sqrt(y),
    "tanh(y)": lambda lib, y, x: lib.tanh(y),
    "relu(y)": lambda lib, y, x: lib.relu(y),
    "y @ x": lambda lib, y, x: y @ x,
    "y.sum(0, keepdim=True)": lambda lib, y, x: y.sum(0, keepdim=True),
    "y.reshape(1, 1)": lambda lib, y, x: y.reshape(1, 1),
    "y.T": lambda lib, y, x: y.T,
    "y[0:1]": lambda lib, y, x: y[0:1],
}
LIBRARIES = ("tinynet", "torch")
LIMITS = {False: 10.0, True: 20.0}
"""Microseconds an operation that tinynet stays below: forward, and forward and backward."""


def chain(*, library: str, operation: str, length: int, backward: bool, threads: int) -> Callable[[], None]:
    """Prepare a chain of one operation; return a function that runs it once."""
    lib = importlib.import_module(library)
    lib.set_num_threads(threads)
    apply = OPERATIONS[operation]
    x = lib.ones(1, 1, requires_grad=True)
    gradient = lib.ones(1, 1)

    def run() -> None:
        y = x
        for _ in range(length):
            y = apply(lib, y, x)
        if backward:
            y.backward(gradient)
            x.grad = None

    return run


def measure(operation: str, *, backward: bool, length: int, rounds: int) -> dict[str, Timing]:
    """Time both frameworks; return seconds a chain."""
    options = {"operation": operation, "length": length, "backward": backward, "threads": 1}
    contenders = [
        Contender(library, "benchmarks.overhead:chain", options | {"library": library})
        for library in LIBRARIES
    ]
    with Contest(contenders, threads=1) as contest:
        return contest.run(rounds=rounds, calls=3, warmup=2, turn=0.2)


def main(argv: list[str] | None = None) -> None:
    """Print the table and add a line to the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument(
        "--operations", nargs="+", choices=OPERATIONS, default=list(OPERATIONS), help="(default: all)"
    )
    parser.add_argument("--length", type=positive, default=1000, help="operations in a chain (default: 1000)")
    parser.add_argument("--rounds", type=positive, default=5, help="turns of each framework (default: 5)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
    args = parser.parse_args(argv)
    print(
        "| operation | forward, us: tinynet | torch | forward and backward, us: tinynet | torch |\n"
        "|---|---|---|---|---|"
    )
    found: dict[str, Any] = {}
    for operation in args.operations:
        cells = []
        for backward in (False, True):
            timings = measure(operation, backward=backward, length=args.length, rounds=args.rounds)
            for library in LIBRARIES:
                each = 1e6 * timings[library].median / args.length
                low, high = (1e6 * seconds / args.length for seconds in timings[library].quartiles)
                found[f"{operation}, {library}, {'backward' if backward else 'forward'}"] = [each, low, high]
                limit = library == "tinynet" and each > LIMITS[backward]
                cells.append(f"{each:.1f} ({low:.1f}-{high:.1f})" + (" over" if limit else ""))
        print(f"| `{operation}` | " + " | ".join(cells) + " |", flush=True)
    record = records.environment() | {"length": args.length, "rounds": args.rounds, "microseconds": found}
    print(f"added to {records.append('overhead', record, args.results)}")
    print(
        f"limits: {LIMITS[False]} us forward, {LIMITS[True]} us forward and backward; above them it says 'over'"
    )


if __name__ == "__main__":
    main()
