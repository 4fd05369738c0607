"""Time a training step in tinynet and in PyTorch: forward, loss, backward, SGD with momentum, zero_grad.

`python -m benchmarks.train_step` prints a table and adds a line per network to
`benchmarks/results/train_step.jsonl`; `--print-table` shows the newest line of every network as Markdown and
times nothing. PyTorch runs with contiguous and with channels_last memory, and its better median counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tinynet
from benchmarks import harness, records
from benchmarks.harness import Contender, Contest, Timing
from reference.arguments import positive
from tinynet import models, optim
from tinynet.nn import functional as F

BATCH_SIZES = {"lenet": 128, "resnet20": 128, "resnet-9block": 128, "resnet18": 64}
TINYNET, TORCH = "tinynet", ("torch contiguous", "torch channels_last")
HEADER = """\
| network | batch | tinynet ms | PyTorch ms (best layout) | PyTorch / tinynet |
|---|---|---|---|---|"""


def tinynet_step(*, model: str, batch_size: int, seed: int = 0) -> Callable[[], None]:
    """Prepare tinynet's side: return a function that runs one step on one channels-last batch."""
    tinynet.manual_seed(seed)
    network = models.build(model)
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = np.random.default_rng(seed)
    pixels = generator.standard_normal((batch_size, 32, 32, 3), dtype=np.float32)
    images = tinynet.from_numpy(pixels.transpose(0, 3, 1, 2))
    labels = tinynet.from_numpy(generator.integers(0, 10, batch_size))

    def step() -> None:
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def contenders(model: str, batch_size: int, threads: int) -> list[Contender]:
    """List tinynet and both layouts of PyTorch for one network."""
    options = {"model": model, "batch_size": batch_size}
    torch = [
        Contender(label, "reference.step:train_step", options | {"threads": threads, "channels_last": last})
        for label, last in zip(TORCH, (False, True), strict=True)
    ]
    return [Contender(TINYNET, "benchmarks.train_step:tinynet_step", options), *torch]


def measure(
    model: str, batch_size: int, *, threads: int, rounds: int, calls: int, warmup: int
) -> dict[str, object]:
    """Time one network; return the record that goes into the results, all times in seconds."""
    conditions = records.environment()
    with Contest(contenders(model, batch_size, threads), threads=threads) as contest:
        libraries = contest.libraries
        timings = contest.run(rounds=rounds, calls=calls, warmup=warmup)
    best = min(TORCH, key=lambda label: timings[label].median)
    return {
        "model": model,
        "batch_size": batch_size,
        "threads": threads,
        "rounds": rounds,
        "calls": calls,
        "warmup": warmup,
        "seconds": {label: _summary(timing) for label, timing in timings.items()},
        "best_torch": best,
        "ratio": harness.ratio(timings[best], timings[TINYNET]),
        "libraries": libraries,
        **conditions,
    }


def _summary(timing: Timing) -> dict[str, object]:
    return {"median": timing.median, "quartiles": timing.quartiles, "rounds": timing.rounds}


def row(record: dict) -> str:
    """Format a record as a row of the Markdown table: medians with quartiles in brackets."""

    def milliseconds(label: str) -> str:
        seconds = record["seconds"][label]
        low, high = seconds["quartiles"]
        return f"{1e3 * seconds['median']:.1f} ({1e3 * low:.1f}-{1e3 * high:.1f})"

    best, (ratio, low, high) = record["best_torch"], record["ratio"]
    layout = best.removeprefix("torch ")
    return (
        f"| {record['model']} | {record['batch_size']} | {milliseconds(TINYNET)} | "
        f"{milliseconds(best)}, {layout} | {ratio:.2f} ({low:.2f}-{high:.2f}) |"
    )


def conditions(record: dict) -> str:
    """Say in one line where and with what a record was measured."""
    versions, threads = record["versions"], record["threads"]
    return (
        f"{record['cpu']}, {threads} thread{'s' if threads > 1 else ''}; Python {versions['python']}, "
        f"NumPy {versions['numpy']}, PyTorch {versions['torch']}; "
        f"commit {record['commit']}, {record['date'][:10]}; "
        f"median (quartiles) of {record['rounds']} rounds of at least {record['calls']} steps"
    )


def table(results: list[dict]) -> str:
    """Format the newest record of every network as Markdown, followed by the conditions."""
    newest = {record["model"]: record for record in results}
    if not newest:
        return "no results yet: run python -m benchmarks.train_step"
    notes = dict.fromkeys(conditions(record) for record in newest.values())
    return "\n".join([HEADER, *map(row, newest.values()), "", *notes])


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=__doc__)
    parser.add_argument(
        "--models",
        nargs="+",
        choices=models.names(),
        default=list(BATCH_SIZES),
        metavar="NAME",
        help=f"networks to time, of {', '.join(models.names())} (default: {', '.join(BATCH_SIZES)})",
    )
    parser.add_argument(
        "--threads", type=positive, default=2, help="CPU threads for every process (default: 2)"
    )
    parser.add_argument("--rounds", type=positive, default=7, help="turns of each contender (default: 7)")
    parser.add_argument(
        "--calls", type=positive, default=3, help="least number of steps in a turn (default: 3)"
    )
    parser.add_argument("--warmup", type=positive, default=3, help="steps of each before timing (default: 3)")
    parser.add_argument("--batch-size", type=positive, help="images (default: 128; 64 for resnet18)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
    parser.add_argument("--print-table", action="store_true", help="show the newest results and time nothing")
    options = parser.parse_args(argv)
    if options.print_table:
        print(table(records.read("train_step", options.results)))
        return
    print(HEADER)
    for model in options.models:
        record = measure(
            model,
            options.batch_size or BATCH_SIZES.get(model, 128),
            threads=options.threads,
            rounds=options.rounds,
            calls=options.calls,
            warmup=options.warmup,
        )
        path = records.append("train_step", record, options.results)
        print(row(record), flush=True)
    print(f"\n{conditions(record)}\nadded to {path}")


if __name__ == "__main__":
    main()
