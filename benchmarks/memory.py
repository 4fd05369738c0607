"""Measure the memory of training: the peak resident set of a process that trains, in tinynet and in PyTorch.

`python -m benchmarks.memory` prints a table and adds a line per network to `benchmarks/results/memory.jsonl`. Each
framework runs in a process of its own, one after the other; its peak holds the interpreter and the libraries too,
which stand apart in the column before the first step.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import records
from benchmarks.harness import Contest
from benchmarks.networks import BATCH_SIZES, EAGER, TINYNET, add_models, contenders
from reference.arguments import positive

LABELS = (TINYNET, *EAGER)
HEADER = (
    "| network | batch | "
    + " | ".join(f"{label} MiB: before the first step, peak" for label in LABELS)
    + " | tinynet / PyTorch (leaner layout) |\n|---|---|---|---|---|---|"
)


def measure(model: str, batch_size: int, *, threads: int, steps: int) -> dict:
    """Train in each framework for `steps` steps; return the record that goes into the results, bytes."""
    record: dict = {"model": model, "batch_size": batch_size, "threads": threads, "steps": steps}
    before, peak = {}, {}
    for contender in contenders(model, batch_size, threads, labels=LABELS):
        with Contest([contender], threads=threads) as contest:
            before |= contest.peak_bytes()
            contest.run(rounds=1, calls=1, warmup=steps, turn=0)
            peak |= contest.peak_bytes()
    leaner = min(peak[label] for label in EAGER)
    return record | {
        "before_bytes": before,
        "peak_bytes": peak,
        "ratio": peak[TINYNET] / leaner,
        **records.environment(),
    }


def row(record: dict) -> str:
    """Format a record as a row of the Markdown table."""
    cells = (
        f"{record['before_bytes'][label] / 2**20:.0f}, {record['peak_bytes'][label] / 2**20:.0f}"
        for label in LABELS
    )
    return f"| {record['model']} | {record['batch_size']} | {' | '.join(cells)} | {record['ratio']:.2f} |"


def main(argv: list[str] | None = None) -> None:
    """Print the table and add lines to the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    add_models(parser, ["resnet20", "resnet18"])
    parser.add_argument("--batch-size", type=positive, help="images (default: as in benchmarks.train_step)")
    parser.add_argument("--steps", type=positive, default=10, help="steps before the last (default: 10)")
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
    args = parser.parse_args(argv)
    print(HEADER)
    for model in args.models:
        batch_size = args.batch_size or BATCH_SIZES.get(model, 128)
        record = measure(model, batch_size, threads=args.threads, steps=args.steps)
        path = records.append("memory", record, args.results)
        print(row(record), flush=True)
    print(f"\nadded to {path}")


if __name__ == "__main__":
    main()
