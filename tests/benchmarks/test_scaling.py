from __future__ import annotations

import pytest

from benchmarks import records, scaling


def test_a_tiny_measurement_through_the_command_line(tmp_path, capsys):
    flags = ["--models", "lenet", "--batch-size", "2", "--rounds", "2", "--calls", "1", "--warmup", "1"]
    scaling.main([*flags, "--results", str(tmp_path)])
    (record,) = records.read("scaling", tmp_path)
    assert record["threads"] == [1, 2]
    assert {label: len(rounds) for label, rounds in record["seconds"].items()} == {"1": 2, "2": 2}
    one, two = record["medians"]
    assert record["ratio"][0] == one / two
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| lenet | 2 | ")
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")


def test_the_target_stands_beside_its_network():
    record = {"model": "resnet18", "batch_size": 64, "medians": [2.0, 1.0], "ratio": [2.0, 1.9, 2.1]}
    found = scaling.row({**record, "threads": [1, 2]})
    assert found == "| resnet18 | 64 | 2000.0 | 1000.0 | 2.00 (1.90-2.10), target 1.7 |"
    assert "target" not in scaling.row({**record, "threads": [1, 4]})


def test_the_fewer_threads_come_first(capsys):
    with pytest.raises(SystemExit) as stopped:
        scaling.main(["--threads", "2", "2"])
    assert stopped.value.code == 2
    assert "--threads 2 2: the first number is to be the smaller one" in capsys.readouterr().err
