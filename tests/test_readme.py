"""The README's program runs as printed, and what it says of the repository is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.table import OPS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_program_trains(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len([line for line in program.splitlines() if line.strip()]) <= 20
    one_epoch = program.replace("range(3)", "range(1)")
    assert one_epoch != program, "the test shortens the program's three epochs to one"
    done = subprocess.run([sys.executable, "-c", one_epoch], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loss = float(re.findall(r"epoch 1: loss of the last batch (\S+)", done.stdout)[0])
    assert loss < 2.3, "below that of guessing, log(10)"


def test_both_commands_stand_on_the_first_screen() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    assert "pip install -e . && python -m tinynet.train" in first_screen
    assert 'pip install -e ".[test]" && python -m pytest' in first_screen
    assert 'pip install -e ".[test]" && python -m pytest' in (ROOT / ".ci/run").read_text()


LINKS = re.findall(r"\]\(([^)#:]+)\)", README)
MAP = [cell for cell in re.findall(r"^\| `([^`]+)`", README, flags=re.M) if not cell.startswith("python ")]


@pytest.mark.parametrize("path", [*LINKS, *MAP])
def test_every_path_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_it_counts_the_operations_as_the_table_does() -> None:
    samples = sum(len(op.samples) + len(op.integers) for op in OPS)
    bad = sum(len(op.errors) for op in OPS)
    text = " ".join(README.split())
    assert f"each of the {len(OPS)} public operations" in text
    assert f"over {samples:,} samples" in text
    assert f"and {bad} calls that must fail" in text


def test_it_has_links_and_a_map() -> None:
    assert len(LINKS) >= 2
    assert {"tinynet/ops", "reference", "benchmarks", "tests"} <= set(MAP)


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([a-z_]+\.[a-z_]+)", README))))
def test_every_command_it_names_has_help(module: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"python -m {module}" in done.stdout
