from __future__ import annotations

import pytest

from benchmarks import records, train_step


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """One real, tiny measurement through the command line."""
    folder = tmp_path_factory.mktemp("results")
    flags = ["--models", "lenet", "--threads", "1", "--rounds", "2", "--calls", "1", "--warmup", "1"]
    train_step.main([*flags, "--batch-size", "2", "--results", str(folder)])
    return folder


def test_a_record_holds_both_frameworks_and_the_conditions(measured):
    (record,) = records.read("train_step", measured)
    assert (record["model"], record["batch_size"], record["threads"]) == ("lenet", 2, 1)
    assert record["seconds"].keys() == {"tinynet", "torch contiguous", "torch channels_last"}
    for seconds in record["seconds"].values():
        assert len(seconds["rounds"]) == 2
        assert min(seconds["rounds"]) <= seconds["median"] <= max(seconds["rounds"])
    best = min(record["seconds"][label]["median"] for label in train_step.TORCH)
    assert record["seconds"][record["best_torch"]]["median"] == best
    assert record["ratio"][0] == pytest.approx(best / record["seconds"]["tinynet"]["median"])
    assert record["libraries"].keys() == record["seconds"].keys()


def test_print_table_shows_the_newest_record_of_each_network(measured, tmp_path, capsys):
    (record,) = records.read("train_step", measured)
    slower = {label: {**seconds, "median": 9.0} for label, seconds in record["seconds"].items()}
    records.append("train_step", record, tmp_path)
    records.append("train_step", {**record, "seconds": slower, "ratio": [1.5, 1.25, 1.75]}, tmp_path)
    records.append("train_step", {**record, "model": "resnet20"}, tmp_path)
    train_step.main(["--print-table", "--results", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| lenet", "| resnet20"]
    assert "| 9000.0 (" in lines[2]
    assert lines[2].endswith("| 1.50 (1.25-1.75) |")
    assert record["cpu"] in lines[-1]
    assert ", 1 thread;" in lines[-1]


def test_print_table_without_results_says_how_to_get_some(tmp_path, capsys):
    train_step.main(["--print-table", "--results", str(tmp_path)])
    assert "run python -m benchmarks.train_step" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--models", "resnet21"], "invalid choice: 'resnet21'"),
        (["--threads", "0"], "'0' is not a whole number of at least 1"),
        (["--rounds", "-1"], "'-1' is not a whole number of at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        train_step.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
