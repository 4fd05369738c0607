"""Measure how a training step of tinynet gains from threads: its time on few threads over that on more.

`python -m benchmarks.scaling` prints a table and adds a line per network to `benchmarks/results/scaling.jsonl`. Each
number of threads has a process of its own, turn about.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from benchmarks import harness, records
from benchmarks.harness import Contest
from benchmarks.networks import BATCH_SIZES, TINYNET, add_models, add_turns, contenders
from reference.arguments import positive

TARGETS = {("resnet18", 1, 2): 1.7}
"""Ratios that we want to reach, by network and numbers of threads."""


def measure(
    model: str, batch_size: int, *, few: int, more: int, rounds: int, calls: int, warmup: int
) -> dict:
    """Time one network on both numbers of threads; return the record that goes into the results, seconds."""
    sides = [
        replace(contender, label=str(threads))
        for threads in (few, more)
        for contender in contenders(model, batch_size, threads, labels=[TINYNET])
    ]
    with Contest(sides, threads=more) as contest:
        timings = contest.run(rounds=rounds, calls=calls, warmup=warmup)
    return {
        "model": model,
        "batch_size": batch_size,
        "threads": [few, more],
        "rounds": rounds,
        "calls": calls,
        "warmup": warmup,
        "seconds": {label: timing.rounds for label, timing in timings.items()},
        "medians": [timings[str(threads)].median for threads in (few, more)],
        "ratio": harness.ratio(timings[str(few)], timings[str(more)]),
        **records.environment(),
    }


def row(record: dict) -> str:
    """Format a record as a row of the Markdown table."""
    times = " | ".join(f"{1e3 * seconds:.1f}" for seconds in record["medians"])
    middle, low, high = record["ratio"]
    goal = TARGETS.get((record["model"], *record["threads"]))
    ratio = f"{middle:.2f} ({low:.2f}-{high:.2f})" + (f", target {goal}" if goal else "")
    return f"| {record['model']} | {record['batch_size']} | {times} | {ratio} |"


def main(argv: list[str] | None = None) -> None:
    """Print the table and add lines to the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    add_models(parser, ["resnet18"])
    parser.add_argument(
        "--threads", nargs=2, type=positive, default=[1, 2], metavar=("FEW", "MORE"), help="(default: 1 2)"
    )
    add_turns(parser)
    args = parser.parse_args(argv)
    few, more = args.threads
    if few >= more:
        parser.error(f"--threads {few} {more}: the first number is to be the smaller one")
    print(f"| network | batch | {few} threads, ms | {more} threads, ms | ratio |\n|---|---|---|---|---|")
    for model in args.models:
        batch_size = args.batch_size or BATCH_SIZES.get(model, 128)
        record = measure(
            model, batch_size, few=few, more=more, rounds=args.rounds, calls=args.calls, warmup=args.warmup
        )
        path = records.append("scaling", record, args.results)
        print(row(record), flush=True)
    print(f"\nadded to {path}")


if __name__ == "__main__":
    main()
