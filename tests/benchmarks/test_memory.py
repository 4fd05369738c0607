from __future__ import annotations

from benchmarks import memory, records


def test_a_tiny_measurement_through_the_command_line(tmp_path, capsys):
    flags = ["--models", "lenet", "--batch-size", "2", "--steps", "1", "--threads", "1"]
    memory.main([*flags, "--results", str(tmp_path)])
    (record,) = records.read("memory", tmp_path)
    assert (record["model"], record["batch_size"], record["steps"]) == ("lenet", 2, 1)
    assert record["peak_bytes"].keys() == set(memory.LABELS)
    for label, peak in record["peak_bytes"].items():
        assert 2**24 < record["before_bytes"][label] <= peak < 2**32
    torch = [record["peak_bytes"][label] for label in memory.EAGER]
    assert record["ratio"] == record["peak_bytes"]["tinynet"] / min(torch)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| lenet | 2 | ")
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")
