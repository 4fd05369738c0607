"""Hold a training step against what the machine can do at most: a table of its kernels by layer.

`python -m benchmarks.roofline` measures the ceilings (multiply-adds from registers, bytes from L3 and DRAM), then
trains each network for a few steps and times every kernel in them. Equal layers make one row. `--write` puts the tables
into docs/performance.md. Speeds in GFLOP/s are by the FLOP of a direct convolution, shares of the ceiling by those
that are made (benchmarks/work.py); bytes are those of arguments and results, once each.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import networks, peak, records
from benchmarks.peak import Peak
from benchmarks.tracing import traced
from benchmarks.work import Work, describe
from reference.arguments import positive

DOCUMENT = records.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- roofline: begin -->", "<!-- roofline: end -->"
REST = "Python: the engine, dispatch, preparing calls"
HEADER = (
    "| kernel | window, channels, image | calls | ms | GFLOP | made | GFLOP/s | made, of peak "
    "| MB | GB/s | of peak | limit |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Row:
    """The calls in a step that have kind and shape in common, and their seconds together."""

    works: tuple[Work, ...]
    seconds: float

    def flop(self) -> float | None:
        """Return FLOP by definition, of all calls."""
        return None if self.works[0].flop is None else sum(work.flop or 0 for work in self.works)

    def compute(self, ceiling: Peak) -> float:
        """Return the seconds that the FLOP made would take at the peak."""
        return sum(work.made or 0 for work in self.works) / ceiling.flops

    def memory(self, ceiling: Peak) -> float:
        """Return the seconds that the bytes would take at the peak."""
        return sum(work.bytes / ceiling.bandwidth(work.bytes) for work in self.works)


@dataclass(frozen=True)
class Step:
    """A training step: its rows, seconds traced and not."""

    rows: tuple[Row, ...]
    traced: float
    plain: float

    @property
    def rest(self) -> float:
        """Seconds outside of kernels and operations."""
        return self.traced - sum(row.seconds for row in self.rows)


def measure(step: Callable[[], None], *, steps: int, warmup: int = 3) -> Step:
    """Time a step: medians over `steps` times, with and without the trace in turn.

    Raises:  RuntimeError: the steps differ in what they call
    """
    for _ in range(warmup):
        step()
    with traced(describe) as trace:
        step()
    keys = [(work.kind, work.shape) for work in trace.calls]
    works: dict[tuple[str, str], list[Work]] = defaultdict(list)
    for key, work in zip(keys, trace.calls, strict=True):
        works[key].append(work)
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    traced_seconds, plain = [], []
    for _ in range(steps):
        plain.append(_seconds(step))
        with traced() as trace:
            traced_seconds.append(_seconds(step))
        if len(trace.seconds) != len(keys):
            raise RuntimeError(f"a step made {len(trace.seconds)} calls, the one before {len(keys)}")
        totals = dict.fromkeys(works, 0.0)
        for key, taken in zip(keys, trace.seconds, strict=True):
            totals[key] += taken
        for key, total in totals.items():
            seconds[key].append(total)
    rows = tuple(Row(tuple(works[key]), statistics.median(found)) for key, found in seconds.items())
    return Step(rows, statistics.median(traced_seconds), statistics.median(plain))


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def line(row: Row, ceiling: Peak) -> str:
    """Format a row of the table; what is not counted stays empty."""
    first, flop = row.works[0], row.flop()
    size = sum(work.bytes for work in row.works)
    cells = [first.kind, first.shape, str(len(row.works)), f"{1e3 * row.seconds:.2f}"]
    if flop is None:
        cells += [""] * 4
    else:
        share = row.compute(ceiling) / row.seconds
        made = row.compute(ceiling) * ceiling.flops
        cells += [_short(flop / 1e9), _short(made / 1e9), f"{flop / row.seconds / 1e9:.0f}", f"{share:.0%}"]
    if size:
        share = row.memory(ceiling) / row.seconds
        nearer = "FLOP" if row.compute(ceiling) > row.memory(ceiling) else "bytes"
        cells += [_short(size / 1e6), f"{size / row.seconds / 1e9:.0f}", f"{share:.0%}", nearer]
    else:
        cells += [""] * 4
    return "| " + " | ".join(cells) + " |"


def _short(number: float) -> str:
    """Return a number with two digits, or whole."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def table(name: str, batch_size: int, step: Step, ceiling: Peak) -> str:
    """Format the table of one network, the longest rows of each kind first, with the totals below."""
    rows = sorted(step.rows, key=lambda row: (_section(row.works[0].kind), -row.seconds))
    lines = [f"### {name}, batch {batch_size}", "", HEADER, *(line(row, ceiling) for row in rows)]
    lines.append(f"| {REST} | | | {1e3 * step.rest:.2f} |" + " |" * 8)
    parts = dict.fromkeys(("convolutions", "batch norm", "other operations"), 0.0)
    for row in rows:
        parts[list(parts)[_section(row.works[0].kind) // 3]] += 1e3 * row.seconds
    limit = sum(max(row.compute(ceiling), row.memory(ceiling)) for row in rows)
    summary = ", ".join(f"{title} {ms:.1f}" for title, ms in parts.items())
    lines += [
        "",
        f"A step: {1e3 * step.plain:.1f} ms. Traced, with nothing running beside Python, {1e3 * step.traced:.1f}: "
        f"{summary}, Python {1e3 * step.rest:.1f}. With every row at its limit: {1e3 * limit:.1f} ms.",
    ]
    return "\n".join(lines)


def _section(kind: str) -> int:
    """Return where a kind stands in the table: the convolutions, batch norm from 3 on, others from 6."""
    if kind.startswith("convolution"):
        return 1 if kind.endswith("input") else 2 if kind.endswith("weight") else 0
    return (3 if kind.startswith("batch norm") else 6) + kind.endswith("backward")


def conditions(ceiling: Peak, steps: int) -> str:
    """Say in a few lines where and with what was measured, and the ceilings."""
    found = records.environment()
    versions = found["versions"]
    threads = f"{ceiling.threads} thread{'s' if ceiling.threads > 1 else ''}"
    return (
        f"{found['cpu']}, {threads}; Python {versions['python']}, NumPy {versions['numpy']}, "
        f"llvmlite {versions['llvmlite']}; commit {found['commit']}, {found['date'][:10]}; medians of {steps} steps.\n"
        f"Peak: {ceiling.flops / 1e9:.0f} GFLOP/s; {ceiling.l3 / 1e9:.0f} GB/s where a call's arrays fit in L3 "
        f"({ceiling.l3_bytes >> 20} MiB), {ceiling.dram / 1e9:.0f} GB/s where not."
    )


def insert(document: Path, text: str) -> None:
    """Put the text between the markers of a document.

    Raises:  ValueError: the document has not both markers, in order
    """
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no lines {BEGIN!r} and {END!r}")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main(argv: list[str] | None = None) -> None:
    """Print the tables, and write them into the document if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__)
    networks.add_models(parser, ["resnet20", "resnet18"])
    parser.add_argument("--batch-size", type=positive, help="images (default: as in benchmarks.train_step)")
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--steps", type=positive, default=15, help="steps that count (default: 15)")
    parser.add_argument("--write", action="store_true", help="put the tables into the document")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="(default: docs/performance.md)")
    args = parser.parse_args(argv)
    ceiling = peak.measure(args.threads)
    parts = [conditions(ceiling, args.steps)]
    print(parts[0], flush=True)
    for name in args.models:
        batch_size = args.batch_size or networks.BATCH_SIZES.get(name, 128)
        step = networks.prepare(model=name, batch_size=batch_size, threads=args.threads, mode="train")
        parts.append(table(name, batch_size, measure(step, steps=args.steps), ceiling))
        print(f"\n{parts[-1]}", flush=True)
    if args.write:
        insert(args.document, "\n\n".join(parts))
        print(f"\nwritten into {args.document}")


if __name__ == "__main__":
    main()
