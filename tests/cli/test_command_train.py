"""`python -m tinynet.train` from outside: what it prints, leaves, and does when things go wrong."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import signal
import time
from pathlib import Path

import pytest

from tinynet import switches
from tinynet.training import checkpoint

TIMES = ("seconds", "images_per_second")


SMALL = ("--model", "lenet", "--batch-size", "50", "--threads", "1", "--max-steps", "5")


def results(folder):
    """What two equal runs share: arrays by their hash, and the metrics."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    arrays = {kind: checkpoint.load(folder, kinds=(kind,)).state["sha256"] for kind in ("best", "last")}
    return arrays, [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def wait_for(process, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_its_resumption_after_kill_9_and_its_repetition_agree(run, start, tmp_path):
    words = (
        "--model",
        "lenet",
        "--epochs",
        "2",
        "--batch-size",
        "100",
        "--val-size",
        "2800",
        "--threads",
        "1",
    )
    code, out, err = run("tinynet.train", *words, "--out", "whole")
    assert (code, err) == (0, "")
    assert "a sample of real CIFAR-10" in out
    assert "not the full data set" in out
    assert len(re.findall(r"^epoch [12]/2  train loss .* acc .* val loss .* images/s$", out, re.M)) == 2
    assert re.search(
        r"^Test +accuracy [\d.]+ %, loss [\d.]+ on 1,000 images, .* best in validation$", out, re.M
    )
    names = {"metrics.jsonl", "curves.png", "results.json", "last.json", "best.json", "config.yaml"}
    assert names < {path.name for path in (tmp_path / "whole").iterdir()}

    killed = start("tinynet.train", *words, "--out", "killed", "--save-minutes", "1e-9")
    state = tmp_path / "killed" / "last.json"
    wait_for(killed, lambda: state.exists() and re.search(r'"step": [1-9]', state.read_text()))
    killed.kill()
    killed.communicate()
    assert not (tmp_path / "killed" / "results.json").exists()
    code, out, err = run("tinynet.train", "--resume", "--out", "killed")
    assert (code, err) == (0, "")
    assert "Resumed from killed/last.json" in out
    assert results(tmp_path / "killed") == results(tmp_path / "whole")

    again = shlex.split(json.loads((tmp_path / "whole" / "results.json").read_text())["command"])
    assert again[:3] == ["python", "-m", "tinynet.train"]
    code, out, err = run("tinynet.train", *again[3:])
    assert (code, err) == (0, "")
    assert results(tmp_path / "runs" / "quick-1") == results(tmp_path / "whole")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_saves_says_how_to_resume_and_does(start, run, tmp_path, number):
    words = (
        "--model",
        "lenet",
        "--batch-size",
        "50",
        "--threads",
        "1",
        "--val-size",
        "0",
        "--schedule",
        "constant",
    )
    process = start("tinynet.train", *words, "--epochs", "500", "--out", "stopped run")
    metrics = tmp_path / "stopped run" / "metrics.jsonl"
    wait_for(process, (tmp_path / "stopped run" / "last.json").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Ctrl-C again quits at once" in err
    assert "Traceback" not in err
    command = re.search(r"^Continue exactly there with: python -m (.*)$", out, re.M)[1]
    done = checkpoint.load(tmp_path / "stopped run").state
    steps = done["epoch"] * done["steps_per_epoch"] + done["step"]
    code, out, err = run(*shlex.split(command), "--max-steps", str(steps + 1))
    assert (code, err) == (0, "")
    assert json.loads(metrics.read_text().splitlines()[-1])["step"] == steps + 1


def test_one_process_at_a_time_trains_in_a_folder(start, run, tmp_path):
    words = ("--model", "lenet", "--batch-size", "10", "--threads", "1", "--epochs", "500", "--out", "shared")
    first = start("tinynet.train", *words)
    wait_for(first, (tmp_path / "shared" / "last.json").exists)
    code, out, err = run("tinynet.train", "--resume", "--out", "shared")
    assert (code, out) == (2, "")
    assert re.match(r"tinynet.train: error: --out shared: another process is training there", err)
    first.kill()
    first.communicate()
    code, out, err = run("tinynet.train", "--resume", "--out", "shared", "--max-steps", "1")
    assert (code, err) == (0, ""), "a killed process holds no lock"


def test_output_that_nobody_reads_ends_the_run_which_can_be_resumed(start, run, tmp_path):
    words = ("--model", "lenet", "--batch-size", "500", "--threads", "1", "--epochs", "500", "--out", "run")
    process = start("tinynet.train", *words)
    wait_for(process, (tmp_path / "run" / "last.json").exists)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    err = process.stderr.read()
    command = re.search(r"nobody reads the output any more; .* with: python -m (.*)\n$", err)[1]
    assert "Traceback" not in err
    state = checkpoint.load(tmp_path / "run", kinds=("last",)).state
    assert state["epoch"] >= 1, "the epoch was saved before its line was lost"
    steps = state["epoch"] * state["steps_per_epoch"]
    code, _, err = run(*shlex.split(command), "--max-steps", str(steps + 1))
    assert (code, err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize(
    "module, words",
    [
        ("tinynet.train", [*SMALL, "--out", "run"]),
        *(("tinynet.train", [flag]) for flag in ("--help", "--list", "--print-config")),
        ("tinynet.evaluate", ["--help"]),
    ],
)
def test_output_that_cannot_be_written_is_one_message(module, words, start, tmp_path):
    with open("/dev/full", "w") as full:
        process = start(module, *words, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == f"{module}: error: cannot write to standard output: No space left on device\n"
    assert list(tmp_path.iterdir()) == []


def test_truncated_data_is_one_message_and_left_alone(run, tmp_path):
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(bytes(3073))
    code, out, err = run("tinynet.train", "resnet20", "--data-dir", "data", "--out", "run")
    assert (code, out) == (2, "")
    assert err == (
        "tinynet.train: error: data/cifar-10-batches-bin/data_batch_1.bin is truncated: 3,073 bytes instead of "
        "30,730,000 (10,000 records of 3,073 bytes); replace it, or name another place with --data-dir\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
    assert {path.stat().st_size for path in folder.iterdir()} == {3073}


def test_second_ctrl_c_quits_at_once(start, tmp_path):
    process = start("tinynet.train", "--model", "resnet18", "--batch-size", "256", "--threads", "1")
    wait_for(process, (tmp_path / "runs" / "quick-1" / "last.json").exists)
    process.send_signal(signal.SIGINT)
    assert "Ctrl-C again" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert checkpoint.load(tmp_path / "runs" / "quick-1").state["step"] == 0


@pytest.mark.parametrize(
    "words, message",
    [
        (["resnet2"], r"no recipe 'resnet2': did you mean .*resnet20"),
        (["--epoch", "3"], r"unknown flag --epoch: did you mean --epochs\?"),
        (["--val-size", "3500"], r"--val-size 3500: must be below 3,500"),
        (["--out", "file/run"], r"cannot write to --out file/run"),
        (["--resume", "--out", "nowhere"], r"nowhere holds no run"),
        (["--record-every", "51"], r"--record-every 51: an epoch has only 50 mini-batches"),
        (["cifar100-finetune"], r"recipe cifar100-finetune needs --weights FILE"),
        (
            ["--model", "lenet", "--schedule", "onecycle", "--batch-size", "9999", "--epochs", "2"],
            "onecycle: 2 steps",
        ),
    ],
)
def test_mistake_gives_one_message_exit_code_2_and_no_files(run, tmp_path, words, message):
    (tmp_path / "file").write_text("precious")
    code, out, err = run("tinynet.train", *words)
    assert (code, out) == (2, "")
    assert re.search(rf"^tinynet.train: error: .*{message}", err)
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.rglob("*")} <= {"file", "runs"}


@pytest.mark.parametrize("name", switches.SWITCHES)
def test_a_wrong_switch_in_the_environment_is_one_message_before_anything_is_written(
    name, run, tmp_path, monkeypatch
):
    monkeypatch.setenv(name, "zap")
    code, out, err = run("tinynet.train", *SMALL, "--out", "run")
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"tinynet\.train: error: {name} is 'zap'; it must be '.*' or '.*'\n", err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed here")
def test_missing_cupy_gives_the_install_line(run, tmp_path):
    code, out, err = run("tinynet.train", "--backend", "cupy")
    assert (code, out) == (2, "")
    assert re.match(r"tinynet.train: error: .*pip install", err)
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_damaged_checkpoint_and_used_folder_are_refused_and_left_alone(run, trained):
    (arrays,) = trained.glob("last-*.safetensors")
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    for words, message in (
        (["--resume", "--out", "run", "--max-steps", "9"], "is damaged: SHA-256"),
        (["--out", "run"], "already holds a run: continue it with --resume"),
    ):
        code, out, err = run("tinynet.train", *words)
        assert (code, out) == (2, "")
        assert message in err
        assert "Traceback" not in err
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before


def test_diverging_run_says_what_to_try(run, tmp_path):
    code, _, err = run("tinynet.train", *SMALL, "--lr", "1e30", "--schedule", "constant", "--out", "wild")
    assert code == 1
    assert re.match(
        r"tinynet.train: the loss is not finite any more .*: epoch 1, .*learning rate 1e\+30", err
    )
    assert "Try a smaller --lr" in err
    assert "Traceback" not in err
    assert checkpoint.load(tmp_path / "wild").state["epoch"] == 0


def test_help_answers_at_once(run):
    began = time.monotonic()
    code, out, err = run("tinynet.train", "--help")
    assert (code, err) == (0, "")
    assert "Recipes" in out
    # Half a second on an idle machine; the limit is wide for a busy one.
    assert time.monotonic() - began < 10


def test_the_resolved_configuration_begins_the_same_run_again(run, tmp_path):
    words = (
        *SMALL,
        "--val-size",
        "100",
        "--lr",
        "2e-3",
        "--classes",
        "cat",
        "dog",
        "ship",
        "--label-smoothing",
        "0.1",
    )
    code, _, err = run("tinynet.train", *words, "--out", "first")
    assert (code, err) == (0, "")
    code, _, err = run("tinynet.train", "--config", "first/config.yaml", "--out", "second")
    assert (code, err) == (0, "")
    assert results(tmp_path / "first") == results(tmp_path / "second")
    assert (tmp_path / "first/config.yaml").read_text() == (tmp_path / "second/config.yaml").read_text()


def test_a_run_says_what_its_project_said(run, tmp_path):
    """Every few mini-batches the seconds, epoch, mini-batch and mean loss; at the end the accuracy of each class."""
    code, out, err = run(
        "tinynet.train", *SMALL, "--val-size", "50", "--log-every", "2", "--record-every", "1"
    )
    assert (code, err) == (0, "")
    assert "\n      10 classes, of each 345 to train and 100 to test\n" in out
    said = re.findall(r"^ +([\d.]+) s  epoch +1  mini-batch +(\d+)  loss ([\d.]+)$", out, re.M)
    assert [batch for _, batch, _ in said] == ["2", "4"]
    assert 0 < float(said[0][0]) <= float(said[1][0])
    lines = [json.loads(line) for line in (tmp_path / "runs/quick-1/steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    for i, (_, _, loss) in enumerate(said):
        assert float(loss) == pytest.approx((lines[2 * i]["loss"] + lines[2 * i + 1]["loss"]) / 2, abs=1e-4)
    classes = re.findall(r"^  (\w+) +[\d.]+ %  (\d+) of 100$", out, re.M)
    assert len(classes) == 10
    found = json.loads((tmp_path / "runs/quick-1/results.json").read_text())
    assert found["test_accuracy_by_class"] == {name: int(hits) / 100 for name, hits in classes}
    assert found["test_accuracy"] == pytest.approx(sum(found["test_accuracy_by_class"].values()) / 10)


def test_fine_tuning_starts_from_a_run_and_leaves_frozen_weights_alone(run, tmp_path):
    small = (
        "--model",
        "resnet8",
        "--batch-size",
        "50",
        "--threads",
        "1",
        "--max-steps",
        "2",
        "--val-size",
        "50",
    )
    five = ("--classes", "airplane", "automobile", "bird", "cat", "deer")
    others = ("--classes", "dog", "frog", "horse", "ship")
    code, _, err = run("tinynet.train", *small, *five, "--out", "five")
    assert (code, err) == (0, "")
    given = ("--weights", "five", "--train-only", "layer3", "fc", "--frozen-bn", "--train-images", "200")
    tuned = (*small, *others, *given)
    code, out, err = run("tinynet.train", *tuned, "--out", "tuned")
    assert (code, out) == (2, "")
    assert err.endswith("To let a layer start anew: --reset fc\n")
    assert not (tmp_path / "tuned").exists()
    code, out, err = run("tinynet.train", *tuned, "--reset", "fc", "--out", "tuned")
    assert (code, err) == (0, "")
    assert "Training only layer3, fc: " in out
    assert "200 images to train" in out
    assert "stays random" not in out
    code, out, err = run(
        "tinynet.train", *tuned, "--train-only", "layer3", "--reset", "fc", "--out", "random"
    )
    assert (code, err) == (0, "")
    assert "  fc: starts anew, and is not among these, so that it stays random\n" in out
    code, out, err = run("tinynet.train", *small, *others, "--reset", "fc", "--out", "new")
    assert (code, out) == (2, "")
    assert err == (
        "tinynet.train: error: --reset fc needs --weights FILE, the weights to start from: "
        "without it every layer starts anew\n"
    )
    assert not (tmp_path / "new").exists()
    before, after = (checkpoint.load(tmp_path / name).weights for name in ("five", "tuned"))
    for name, array in before.items():
        assert (name.startswith(("layer3", "fc"))) is not (array.tobytes() == after[name].tobytes()), name
    assert after["fc.weight"].shape == (4, 64)
