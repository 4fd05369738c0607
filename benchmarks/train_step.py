"""Time a training step in tinynet and in PyTorch: forward, loss, backward, SGD with momentum, zero_grad.

`python -m benchmarks.train_step` prints a table and adds a line per network to
`benchmarks/results/train_step.jsonl`; `--print-table` shows the newest line of every network as Markdown and
times nothing. `--mode eval` times the forward pass in evaluation mode, without recording, instead.

PyTorch runs eagerly in float32 with contiguous and with channels_last memory, and its better median counts; beside
them run, channels last, torch.compile (it needs a C++ compiler; where it fails the table says so) and bfloat16
autocast. The ratio's target is that of the project. `--isa avx2` holds the kernels of both to AVX2.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import harness, records
from benchmarks.harness import Contest, Timing
from benchmarks.networks import BATCH_SIZES, BF16, COMPILE, EAGER, LABELS, TINYNET, add_models, contenders
from reference.arguments import positive

TARGETS = {
    ("train", "native"): {
        "lenet": 1.5,
        "resnet20": 2.5,
        "resnet-6block": 2.3,
        "resnet-9block": 2.3,
        "resnet18": 2.1,
        "preact-resnet18": 2.0,
        "resnet50": 1.5,
        "vgg-a-bn": 1.8,
    },
    ("train", "avx2"): dict.fromkeys(BATCH_SIZES, 1.2),
    ("eval", "native"): {"resnet20": 1.5, "resnet18": 1.5},
}
"""PyTorch's time over tinynet's that we want to reach, by mode and instruction set, then by network."""
EVAL_BATCH_SIZES = (128, 1)
ENVIRONMENTS = {
    "native": {},
    "avx2": {
        "TINYNET_ISA": "avx2",
        "ATEN_CPU_CAPABILITY": "avx2",  # kernels of PyTorch and code of torch.compile
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",  # NumPy's matrix products
    },
}
HEADER = """\
| network | batch | tinynet ms | PyTorch eager fp32 ms (best layout) | PyTorch / tinynet | torch.compile ms | bf16 autocast ms |
|---|---|---|---|---|---|---|"""  # noqa: E501
LONGEST_REASON = 70


def measure(
    model: str,
    batch_size: int,
    *,
    mode: str,
    isa: str,
    labels: list[str],
    threads: int,
    rounds: int,
    calls: int,
    warmup: int,
) -> dict:
    """Time one network; return the record that goes into the results, times in seconds, memory in bytes."""
    conditions = records.environment()
    sides = contenders(model, batch_size, threads, mode=mode, labels=labels)
    with Contest(sides, threads=threads, environment=ENVIRONMENTS[isa]) as contest:
        timings = contest.run(rounds=rounds, calls=calls, warmup=warmup)
        peaks = contest.peak_bytes()
    best = min((label for label in EAGER if label in timings), key=lambda x: timings[x].median, default=None)
    paired = best is not None and TINYNET in timings
    return {
        "model": model,
        "batch_size": batch_size,
        "mode": mode,
        "isa": isa,
        "threads": threads,
        "rounds": rounds,
        "calls": calls,
        "warmup": warmup,
        "seconds": {label: _summary(timing) for label, timing in timings.items()},
        "first_seconds": contest.first_seconds,
        "peak_bytes": peaks,
        "failures": contest.failures,
        "best_torch": best,
        "ratio": harness.ratio(timings[best], timings[TINYNET]) if paired else None,
        "libraries": contest.libraries,
        **conditions,
    }


def _summary(timing: Timing) -> dict[str, object]:
    return {"median": timing.median, "quartiles": timing.quartiles, "rounds": timing.rounds}


def target(record: dict) -> float | None:
    """Return the ratio that a record should reach, or None where the project sets none."""
    mode, model = record["mode"], record["model"]
    usual = (BATCH_SIZES.get(model),) if mode == "train" else EVAL_BATCH_SIZES
    goals = TARGETS.get((mode, record["isa"]), {})
    return goals.get(model) if record["batch_size"] in usual else None


def row(record: dict) -> str:
    """Format a record as a row of the Markdown table: medians with quartiles in brackets."""
    best, ratio, goal = record["best_torch"], "-", target(record)
    if record["ratio"] is not None:
        middle, low, high = record["ratio"]
        ratio = f"{middle:.2f} ({low:.2f}-{high:.2f})" + (f", target {goal}" if goal else "")
    eager = f"{_milliseconds(record, best)}, {best.removeprefix('torch ')}" if best else "-"
    cells = (_milliseconds(record, TINYNET), eager, ratio)
    cells += (_milliseconds(record, COMPILE), _milliseconds(record, BF16))
    return f"| {record['model']} | {record['batch_size']} | " + " | ".join(cells) + " |"


def _milliseconds(record: dict, label: str) -> str:
    if label in record["failures"]:
        reason = record["failures"][label].replace("|", "/")
        return "fails: " + (reason if len(reason) <= LONGEST_REASON else reason[:LONGEST_REASON] + "...")
    if label not in record["seconds"]:
        return "-"
    seconds = record["seconds"][label]
    low, high = seconds["quartiles"]
    return f"{1e3 * seconds['median']:.1f} ({1e3 * low:.1f}-{1e3 * high:.1f})"


def first_step(record: dict) -> str:
    """Say in one line how long the first step of each new process took, and how much memory it came to hold."""
    found = (
        f"{label} {seconds:.2f} s, {record['peak_bytes'][label] / 2**20:.0f} MiB"
        for label, seconds in record["first_seconds"].items()
    )
    return f"{record['model']}, batch {record['batch_size']}: first step and peak memory: {'; '.join(found)}"


def title(record: dict) -> str:
    """Say in one line what a table is about."""
    work = "Training steps" if record["mode"] == "train" else "Forward passes in evaluation mode"
    return f"{work}, {_threads(record)}" + (", AVX2 only" if record["isa"] == "avx2" else "")


def _threads(record: dict) -> str:
    return f"{record['threads']} thread{'s' if record['threads'] > 1 else ''}"


def conditions(record: dict) -> str:
    """Say in one line where and with what a record was measured."""
    versions = record["versions"]
    return (
        f"{record['cpu']}, {_threads(record)}; Python {versions['python']}, "
        f"NumPy {versions['numpy']}, PyTorch {versions['torch']}; "
        f"commit {record['commit']}, {record['date'][:10]}; "
        f"median (quartiles) of {record['rounds']} rounds of at least {record['calls']} steps"
    )


def read(folder: Path) -> list[dict]:
    """Read the results, oldest first; lines of before there were modes hold training steps."""
    before = {"mode": "train", "isa": "native", "first_seconds": {}, "peak_bytes": {}, "failures": {}}
    return [before | record for record in records.read("train_step", folder)]


def table(results: list[dict]) -> str:
    """Format the newest comparison of every network as Markdown, a table for each CPU and kind of work."""
    newest: dict[str, dict[tuple[str, int], dict]] = {}
    for record in results:
        if record["ratio"] is not None:
            newest.setdefault(f"{title(record)}, {record['cpu']}", {})[
                record["model"], record["batch_size"]
            ] = record
    if not newest:
        return "no results yet: run python -m benchmarks.train_step"
    parts = []
    for heading, found in newest.items():
        lines = [first_step(record) for record in found.values() if record["first_seconds"]]
        notes = dict.fromkeys(conditions(record) for record in found.values())
        parts.append("\n".join([heading, "", HEADER, *map(row, found.values()), "", *lines, *notes]))
    return "\n\n".join(parts)


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    options = _arguments(argv)
    if options.print_table:
        print(table(read(options.results)))
        return
    print(HEADER)
    found = []
    for model in options.models:
        usual = BATCH_SIZES.get(model, 128) if options.mode == "train" else EVAL_BATCH_SIZES[0]
        for batch_size in options.batch_size or [usual]:
            record = measure(
                model,
                batch_size,
                mode=options.mode,
                isa=options.isa,
                labels=[label for label in LABELS if label.removeprefix("torch ") in options.contenders],
                threads=options.threads,
                rounds=options.rounds,
                calls=options.calls,
                warmup=options.warmup,
            )
            path = records.append("train_step", record, options.results)
            print(row(record), flush=True)
            found.append(record)
    print("", title(record), *map(first_step, found), conditions(record), f"added to {path}", sep="\n")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    names = [label.removeprefix("torch ") for label in LABELS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description=__doc__)
    add_models(parser, list(BATCH_SIZES))
    parser.add_argument("--mode", choices=("train", "eval"), default="train", help="(default: %(default)s)")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=names,
        default=names,
        metavar="NAME",
        help=f"who takes part, of {', '.join(names)} (default: all)",
    )
    parser.add_argument(
        "--isa", choices=list(ENVIRONMENTS), default="native", help="instruction set (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size",
        nargs="+",
        type=positive,
        metavar="IMAGES",
        help="one or more (default: 128, of which resnet18 and preact-resnet18 train with 64, resnet50 with 32)",
    )
    parser.add_argument(
        "--threads", type=positive, default=2, help="CPU threads for every process (default: 2)"
    )
    parser.add_argument("--rounds", type=positive, default=7, help="turns of each contender (default: 7)")
    parser.add_argument(
        "--calls", type=positive, default=3, help="least number of steps in a turn (default: 3)"
    )
    parser.add_argument("--warmup", type=positive, default=3, help="steps of each before timing (default: 3)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
    parser.add_argument("--print-table", action="store_true", help="show the newest results and time nothing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
