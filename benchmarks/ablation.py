"""Measure what each mechanism behind the fast CPU kernels brings: a training step without it over one with all.

`python -m benchmarks.ablation` prints a table and adds a line per network to `benchmarks/results/ablation.jsonl`. Every
variant has a process of its own, turn about. docs/performance.md says what the mechanisms are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import harness, networks, records
from benchmarks.harness import Contender, Contest
from benchmarks.networks import BATCH_SIZES, add_models, add_turns
from reference.arguments import positive

ALL = "all"


def _without_chains() -> None:
    from tinynet.kernels.cpu.codegen import chains

    chains.LEAST = sys.maxsize


def _without_running_ahead() -> None:
    from tinynet import run_ahead

    run_ahead.enabled = False


def _without_fusion() -> None:
    from tinynet.autograd import delayed

    delayed.enabled = False


def _without_winograd() -> None:
    from tinynet.kernels.cpu.codegen import convolution

    convolution.use_winograd = False


MECHANISMS: dict[str, Callable[[], None]] = {
    "chains": _without_chains,
    "running ahead": _without_running_ahead,
    "fusion": _without_fusion,
    "Winograd": _without_winograd,
}
"""What is switched off, and how; without running ahead there are no chains either."""


def prepare(*, without: str, model: str, batch_size: int, threads: int) -> Callable[[], None]:
    """Switch a mechanism off, or none for ALL, and return tinynet's training step."""
    if without != ALL:
        MECHANISMS[without]()
    return networks.prepare(model=model, batch_size=batch_size, threads=threads, mode="train")


def measure(
    model: str, batch_size: int, *, threads: int, rounds: int, calls: int, warmup: int
) -> dict[str, object]:
    """Time one network in all variants; return the record that goes into the results, seconds."""
    options = {"model": model, "batch_size": batch_size, "threads": threads}
    sides = [
        Contender(name, "benchmarks.ablation:prepare", options | {"without": name}, threads=threads)
        for name in (ALL, *MECHANISMS)
    ]
    with Contest(sides, threads=threads) as contest:
        timings = contest.run(rounds=rounds, calls=calls, warmup=warmup)
    return {
        **options,
        "rounds": rounds,
        "calls": calls,
        "warmup": warmup,
        "seconds": {label: timing.rounds for label, timing in timings.items()},
        "median": timings[ALL].median,
        "ratios": {name: harness.ratio(timings[name], timings[ALL]) for name in MECHANISMS},
        **records.environment(),
    }


def row(record: dict) -> str:
    """Format a record as a row of the Markdown table."""
    cells = [f"{middle:.2f} ({low:.2f}-{high:.2f})" for middle, low, high in record["ratios"].values()]
    first = f"{record['model']} | {record['batch_size']} | {1e3 * record['median']:.1f}"
    return f"| {first} | {' | '.join(cells)} |"


def main(argv: list[str] | None = None) -> None:
    """Print the table and add lines to the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    add_models(parser, ["resnet20", "resnet-6block", "resnet18"])
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: 2)")
    add_turns(parser)
    args = parser.parse_args(argv)
    print("Times without it, over the time with all:\n")
    print(f"| network | batch | all, ms | {' | '.join(f'no {name}' for name in MECHANISMS)} |")
    print("|---" * (3 + len(MECHANISMS)) + "|")
    for model in args.models:
        batch_size = args.batch_size or BATCH_SIZES.get(model, 128)
        turns = {"rounds": args.rounds, "calls": args.calls, "warmup": args.warmup}
        record = measure(model, batch_size, threads=args.threads, **turns)
        path = records.append("ablation", record, args.results)
        print(row(record), flush=True)
    print(f"\nadded to {path}")


if __name__ == "__main__":
    main()
