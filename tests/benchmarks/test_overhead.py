from __future__ import annotations

import pytest

from benchmarks import overhead, records


def test_a_tiny_measurement_through_the_command_line(tmp_path, capsys):
    overhead.main(["--operations", "y + x", "--length", "20", "--rounds", "1", "--results", str(tmp_path)])
    (record,) = records.read("overhead", tmp_path)
    assert record["length"] == 20
    assert len(record["microseconds"]) == 4
    for median, low, high in record["microseconds"].values():
        assert 0 < low <= median <= high
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| `y + x` | ")


@pytest.mark.parametrize("library", overhead.LIBRARIES)
@pytest.mark.parametrize("operation", overhead.OPERATIONS)
def test_every_chain_keeps_its_value(library, operation):
    """A chain that overflows or vanishes would time other arithmetic than the one meant."""
    overhead.chain(library=library, operation=operation, length=3, backward=True, threads=1)()
