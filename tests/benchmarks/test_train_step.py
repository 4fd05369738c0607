from __future__ import annotations

import json

import pytest

from benchmarks import networks, records, train_step
from benchmarks.networks import BF16, COMPILE, EAGER, TINYNET

EAGER_ONLY = ("--contenders", "tinynet", "contiguous", "channels_last", "bf16")
SHORT = ("--threads", "1", "--rounds", "2", "--calls", "1", "--warmup", "1")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """One real, tiny measurement through the command line; without torch.compile, which compiles for half a minute."""
    folder = tmp_path_factory.mktemp("results")
    flags = ["--models", "lenet", "--batch-size", "2", *SHORT, *EAGER_ONLY]
    train_step.main([*flags, "--results", str(folder)])
    return folder


@pytest.fixture
def record(measured):
    (found,) = train_step.read(measured)
    return found


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_record_holds_every_contender_and_the_conditions(record):
    assert (record["model"], record["batch_size"], record["threads"]) == ("lenet", 2, 1)
    assert (record["mode"], record["isa"], record["failures"]) == ("train", "native", {})
    assert record["seconds"].keys() == {TINYNET, *EAGER, BF16}
    for seconds in record["seconds"].values():
        assert len(seconds["rounds"]) == 2
        assert min(seconds["rounds"]) <= seconds["median"] <= max(seconds["rounds"])
    best = min(record["seconds"][label]["median"] for label in EAGER)
    assert record["seconds"][record["best_torch"]]["median"] == best
    assert record["ratio"][0] == pytest.approx(best / record["seconds"][TINYNET]["median"])
    for each in ("libraries", "first_seconds", "peak_bytes"):
        assert record[each].keys() == record["seconds"].keys()
    assert all(seconds > 0 for seconds in record["first_seconds"].values())
    assert 2**24 < record["peak_bytes"][TINYNET] < record["peak_bytes"][EAGER[0]], "PyTorch alone takes more"


def test_a_row_has_the_best_layout_the_ratio_and_its_target(record):
    def seconds(median):
        return {"median": median, "quartiles": [median, median], "rounds": [median]}

    record |= {
        "batch_size": 128,
        "seconds": {TINYNET: seconds(0.01), EAGER[1]: seconds(0.015), BF16: seconds(0.02)},
        "best_torch": EAGER[1],
        "ratio": [1.5, 1.25, 1.75],
        "failures": {COMPILE: "InvalidCxxCompiler: No compiler | in sight"},
    }
    assert cells(train_step.row(record)) == [
        "lenet",
        "128",
        "10.0 (10.0-10.0)",
        "15.0 (15.0-15.0), channels_last",
        "1.50 (1.25-1.75), target 1.5",
        "fails: InvalidCxxCompiler: No compiler / in sight",
        "20.0 (20.0-20.0)",
    ]
    assert len(cells(train_step.HEADER.splitlines()[0])) == 7


@pytest.mark.parametrize(
    "model, batch_size, mode, isa, expected",
    [
        ("resnet20", 128, "train", "native", 2.5),
        ("resnet20", 64, "train", "native", None),
        ("resnet50", 32, "train", "native", 1.5),
        ("resnet18", 64, "train", "avx2", 1.2),
        ("resnet18", 1, "eval", "native", 1.5),
        ("resnet18", 64, "eval", "native", None),
        ("lenet", 128, "eval", "native", None),
        ("vgg-a", 128, "train", "native", None),
    ],
)
def test_a_target_holds_for_its_network_batch_and_mode(model, batch_size, mode, isa, expected):
    found = train_step.target({"model": model, "batch_size": batch_size, "mode": mode, "isa": isa})
    assert found == expected


def test_every_network_of_a_full_run_has_a_target():
    assert train_step.TARGETS["train", "native"].keys() == networks.BATCH_SIZES.keys()


def test_print_table_shows_the_newest_record_of_each_network(record, tmp_path, capsys):
    slower = {label: {**seconds, "median": 9.0} for label, seconds in record["seconds"].items()}
    records.append("train_step", record, tmp_path)
    records.append("train_step", {**record, "seconds": slower, "ratio": [1.5, 1.25, 1.75]}, tmp_path)
    records.append("train_step", {**record, "model": "resnet20"}, tmp_path)
    train_step.main(["--print-table", "--results", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Training steps, 1 thread, {record['cpu']}"
    assert [cells(line)[0] for line in lines[4:6]] == ["lenet", "resnet20"]
    assert cells(lines[4])[2].startswith("9000.0 (")
    assert cells(lines[4])[4] == "1.50 (1.25-1.75)"
    assert lines[7].startswith("lenet, batch 2: first step and peak memory: tinynet 0.")
    assert record["cpu"] in lines[-1]
    assert ", 1 thread;" in lines[-1]


def test_print_table_keeps_kinds_of_work_apart(record, tmp_path, capsys):
    inference, other = {**record, "mode": "eval", "threads": 2}, {**record, "cpu": "another CPU"}
    for line in (record, inference, {**inference, "batch_size": 1}, {**record, "isa": "avx2"}, other):
        records.append("train_step", line, tmp_path)
    train_step.main(["--print-table", "--results", str(tmp_path)])
    tables = capsys.readouterr().out.split(train_step.HEADER)
    here = record["cpu"]
    assert [part.splitlines()[-2] for part in tables[:-1]] == [
        f"Training steps, 1 thread, {here}",
        f"Forward passes in evaluation mode, 2 threads, {here}",
        f"Training steps, 1 thread, AVX2 only, {here}",
        "Training steps, 1 thread, another CPU",
    ]
    assert [part.count("| lenet |") for part in tables] == [0, 1, 2, 1, 1]


def test_print_table_leaves_records_without_both_frameworks_out(record, tmp_path, capsys):
    records.append("train_step", record, tmp_path)
    alone = {**record, "seconds": {}, "best_torch": None, "ratio": None}
    records.append("train_step", alone, tmp_path)
    train_step.main(["--print-table", "--results", str(tmp_path)])
    assert train_step.row(record) in capsys.readouterr().out
    assert cells(train_step.row(alone))[2:] == ["-"] * 5


def test_lines_of_before_there_were_modes_are_read(record, tmp_path, capsys):
    new = ("mode", "isa", "first_seconds", "peak_bytes", "failures")
    records.append("train_step", {key: record[key] for key in record if key not in new}, tmp_path)
    train_step.main(["--print-table", "--results", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Training steps, 1 thread, {record['cpu']}"
    assert lines[4] == train_step.row(record)
    assert "first step" not in "".join(lines)


def test_the_committed_results_can_be_shown():
    assert "| resnet20 | 128 |" in train_step.table(train_step.read(records.RESULTS))


def test_print_table_without_results_says_how_to_get_some(tmp_path, capsys):
    train_step.main(["--print-table", "--results", str(tmp_path)])
    assert "run python -m benchmarks.train_step" in capsys.readouterr().out


def test_options_reach_the_contenders(tmp_path, monkeypatch, capsys):
    """Inference of two batch sizes, two contenders, AVX2: what each process is told, and what it reports."""
    reported = []

    class Noted(train_step.Contest):
        def __init__(self, sides, *, threads, environment):
            reported.append((sides, threads, environment))
            super().__init__(sides, threads=threads, environment=environment)

    monkeypatch.setattr(train_step, "Contest", Noted)
    flags = ["--models", "lenet", "--mode", "eval", "--isa", "avx2", "--batch-size", "2", "1", *SHORT]
    train_step.main([*flags, "--contenders", "contiguous", "tinynet", "--results", str(tmp_path)])
    found = train_step.read(tmp_path)
    assert [record["batch_size"] for record in found] == [2, 1]
    for record, (sides, threads, environment) in zip(found, reported, strict=True):
        assert (record["mode"], record["isa"], threads) == ("eval", "avx2", 1)
        assert [side.label for side in sides] == [TINYNET, EAGER[0]] == list(record["seconds"])
        assert all(side.options["mode"] == "eval" for side in sides)
        assert environment["TINYNET_ISA"] == environment["ATEN_CPU_CAPABILITY"] == "avx2"
        assert environment["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert "Forward passes in evaluation mode, 1 thread, AVX2 only" in capsys.readouterr().out


def test_torch_compile_that_fails_is_noted_in_its_cell(tmp_path, monkeypatch, capsys):
    """Without a C++ compiler, say: the other contenders are timed all the same."""
    monkeypatch.setitem(networks.TORCH, COMPILE, {"channels_last": True, "compiled": True, "colour": "red"})
    flags = ["--models", "lenet", "--batch-size", "2", *SHORT]
    train_step.main([*flags, "--contenders", "tinynet", "compile", "contiguous", "--results", str(tmp_path)])
    (record,) = train_step.read(tmp_path)
    assert record["seconds"].keys() == {TINYNET, EAGER[0]}
    assert "colour" in record["failures"][COMPILE]
    row = capsys.readouterr().out.splitlines()[2]
    assert cells(row)[5].startswith("fails: TypeError: prepare() got an unexpected keyword argument")
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--models", "resnet21"], "invalid choice: 'resnet21'"),
        (["--threads", "0"], "'0' is not a whole number of at least 1"),
        (["--rounds", "-1"], "'-1' is not a whole number of at least 1"),
        (["--contenders", "jax"], "invalid choice: 'jax'"),
        (["--mode", "predict"], "invalid choice: 'predict'"),
        (["--isa", "sse"], "invalid choice: 'sse'"),
    ],
)
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        train_step.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
