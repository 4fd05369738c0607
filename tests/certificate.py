"""Check every public operation and write down what was found: `python -m tests.certificate`.

Runs all checks of tests/ops/checks.py on the table of operations, with the accelerated and with the generic kernels,
and writes docs/certificate.md: a row an operation with its worst error of each kind. Ends with 1 if a check fails;
the row then says so.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import tinynet
from benchmarks import records
from tests.ops import checks
from tests.ops.op import Op
from tests.ops.table import OPS
from tinynet import kernels

PATH = Path(__file__).parents[1] / "docs" / "certificate.md"
COLUMNS = (
    "operation",
    "samples",
    "1st order",
    "2nd order",
    "torch, float64",
    "torch, float32",
    "2nd order, torch",
    "whole numbers",
    "errors",
)


@dataclass
class Row:
    """What was found of one operation."""

    op: Op
    cells: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def worst(self, calls: Iterable[tuple[str, Callable[[], float | None]]]) -> str:
        """Run checks; return the worst error and in how many checks, or FAIL.

        A check returns None where torch has nothing to compare with: finite differences alone prove tinynet's.
        """
        errors, failed = [], False
        for name, check in calls:
            try:
                found = check()
            except Exception as error:
                failed = True
                self.failures.append(f"{self.op} - {name}: {type(error).__name__}: {error}")
            else:
                errors += [] if found is None else [found]
        if failed:
            return "**FAIL**"
        return f"{max(errors):.0e} ({len(errors)})" if errors else "torch has none"

    def line(self) -> str:
        """Return the line of the table."""
        return f"| `{self.op}` | " + " | ".join(self.cells) + " |"


def examine(op: Op) -> Row:
    """Run every check of one operation, with both sets of kernels."""
    row = Row(op, [str(len(op.samples) + len(op.integers))])
    smooth = [sample for sample in op.samples if not sample.constant]
    if op.differentiable and smooth:
        second = checks.second_order if op.second_order else checks.refuses_second_order
        row.cells.append(
            row.worst((f"{s} 1st", lambda s=s: _both(lambda: checks.first_order(s))) for s in smooth)
        )
        text = row.worst((f"{s} 2nd", lambda s=s: _both(lambda: second(s))) for s in smooth)
        row.cells.append(text if op.second_order or "FAIL" in text else "refused")
    else:
        row.cells += ["no gradient" if not op.differentiable else "zero"] * 2
    for dtype in checks.TORCH:
        row.cells.append(
            row.worst(
                (f"{s} {dtype}", lambda s=s, dtype=dtype: _both(lambda: checks.against_torch(op, s, dtype)))
                for s in op.samples
            )
            if op.samples
            else "none"
        )
    if op.differentiable and op.second_order:
        twice = ((f"{s} 2nd, torch", lambda s=s: checks.second_order_against_torch(s)) for s in op.samples)
        row.cells.append(row.worst(twice))
    else:
        row.cells.append("no gradient" if not op.differentiable else "refused")
    whole = [(f"{s} whole", lambda s=s: checks.whole_numbers_against_torch(s)) for s in op.integers]
    row.cells.append(row.worst(whole) if whole else "none")
    bad = [(f"{b}", lambda b=b: checks.raises(b) or 0.0) for b in op.errors]
    text = row.worst(bad) if bad else "none"
    row.cells.append(text if "FAIL" in text or not bad else f"{len(bad)} as in torch")
    return row


def _both(check: Callable[[], float]) -> float:
    with kernels.generic_only():
        generic = check()
    return max(generic, check())


def text(rows: list[Row]) -> str:
    """Return the page."""
    samples = sum(len(row.op.samples) + len(row.op.integers) for row in rows)
    bad = sum(len(row.op.errors) for row in rows)
    failed = sum(bool(row.failures) for row in rows)
    environment = records.environment()
    header = f"""# Certificate

{len(rows)} operations, {samples} samples, {bad} calls that must fail: {failed} operations failed a check.
Written by `python -m tests.certificate` with tinynet {tinynet.__version__}, NumPy {np.__version__}, PyTorch
{torch.__version__}, Python {platform.python_version()} on {environment["cpu"]}.

An error is |found - expected| / max(1, |expected|), the largest over all elements, all samples (their number in
brackets) and both sets of kernels, accelerated and generic.

- **1st order**: backward beside central differences of the forward pass, float64, step 1e-6, random upstream gradient.
- **2nd order**: the gradient of the gradient, in the inputs and in the upstream gradient, beside differences of the
  gradient.
- **torch**: values and all gradients beside PyTorch's, where also shapes and dtypes are equal and no input has changed.
- **2nd order, torch**: second derivatives in one input, the others and the upstream gradient constant.
- **whole numbers**: values and dtypes of whole-number and bool inputs beside PyTorch's.
- **errors**: bad calls that raise PyTorch's type of error, with a message that names the offending shapes or values.
- *zero*: the gradient is zero everywhere, and differences would prove nothing; *no gradient*: as in PyTorch, the
  result has none.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
"""
    failures = [f"- {line}" for row in rows for line in row.failures]
    return (
        header
        + "\n".join(row.line() for row in rows)
        + "\n"
        + ("\n## Failures\n\n" + "\n".join(failures) + "\n" if failures else "")
    )


def main(argv: list[str] | None = None) -> int:
    """Examine all operations and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.certificate", description=__doc__)
    parser.add_argument("operations", nargs="*", help="only these, printed instead of written (default: all)")
    args = parser.parse_args(argv)
    unknown = set(args.operations) - {op.name for op in OPS}
    if unknown:
        parser.error(f"no operation of the table: {', '.join(sorted(unknown))}")
    tinynet.set_num_threads(1)
    rows = []
    for op in sorted(OPS, key=lambda op: op.name.lower()):
        if not args.operations or op.name in args.operations:
            rows.append(examine(op))
            print(rows[-1].line(), flush=True)
            for line in rows[-1].failures:
                print(f"  {line}", file=sys.stderr, flush=True)
    if not args.operations:
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(text(rows))
        print(f"written to {PATH}")
    return int(any(row.failures for row in rows))


if __name__ == "__main__":
    sys.exit(main())
