"""All pictures of a run: `python -m tinynet.viz RUN ...`."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.viz.looks import colours, differ
from tinynet.data import DataError, datasets
from tinynet.training import batches, files, inference
from tinynet.viz import confusion, pictures
from tinynet.viz.__main__ import main

OF_METRICS = ["curves.png", "learning_rate.png"]
OF_NETWORK = ["confusion.png", "directions.png", "feature_maps.png", "filters.png", "mistakes.png"]


@pytest.fixture
def here(trained, monkeypatch):
    """The folder of a trained run, named `run` in the current folder."""
    monkeypatch.chdir(trained.parent)
    (trained / "curves.png").unlink()
    return trained


@pytest.fixture
def unfinished(here):
    """A run without a checkpoint: `alone`."""
    shutil.copytree(here, "alone", ignore=shutil.ignore_patterns("*.safetensors", "best.json", "last.json"))
    return here.parent / "alone"


def made(folder):
    return sorted(path.name for path in folder.glob("*.png"))


def test_all_pictures_and_a_page(here, capsys, rng):
    assert main(["run", "--threads", "1"]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert made(here) == sorted([*OF_METRICS, *OF_NETWORK])
    assert [line.split()[-1] for line in output.out.splitlines()] == [
        f"run/{name}"
        for name in (
            *OF_METRICS, "confusion.png", "mistakes.png", "filters.png", "feature_maps.png", "directions.png",
            "report.html",
        )
    ]  # fmt: skip
    for name in made(here):
        assert colours(here / name) > 20, name
    before = {name: shutil.copy(here / name, f"before_{name}") for name in made(here)}
    Image.fromarray(rng.integers(0, 256, size=(40, 50, 3), dtype=np.uint8)).save("noise.png")
    assert main(["run", "--image", "noise.png", "--threads", "1"]) == 0
    assert [name for name in made(here) if differ(before[name], here / name)] == ["feature_maps.png"]


def test_the_network_has_its_own_weights_again_after_the_directions(drawn):
    trained = inference.load(drawn.folder, "numpy", 1)
    assert drawn.trained.engine.weights().keys() == trained.saved.weights.keys()
    for name, weight in drawn.trained.engine.weights().items():
        assert np.array_equal(weight, trained.saved.weights[name]), name


def test_the_picture_of_directions_is_that_of_the_command(trained, capsys):
    assert main([str(trained), "--threads", "1"]) == 0
    first = shutil.copy(trained / "directions.png", trained.parent / "first.png")
    assert main(["directions", str(trained), "--threads", "1", "--range", "0.3"]) == 0
    assert differ(first, trained / "directions.png")
    assert main(["directions", str(trained), "--threads", "1"]) == 0
    assert not differ(first, trained / "directions.png")


def test_confusion_is_that_of_the_test_set(drawn):
    network = inference.load(drawn.folder, "numpy", 1)
    test = batches.parts(network.config)["test"]
    answers = network.predict(test.images).argmax(axis=1)
    assert np.array_equal(drawn.confusion, confusion.counts(test.labels, answers, 10))
    assert np.array_equal(drawn.confusion.sum(axis=1), np.bincount(test.labels))
    assert np.trace(drawn.confusion) == round(drawn.results["test_accuracy"] * len(test))


def test_several_runs_are_compared(unfinished, capsys):
    shutil.copytree("alone", "other")
    assert main(["alone", "other"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["Curves", "curves.png"]
    assert colours("curves.png") > 50
    assert main(["other", "alone", "--out", "compared.png", "--title", "words"]) == 0
    assert differ("curves.png", "compared.png")
    assert main(["alone", "--out", "one.png"]) == 0
    assert colours("one.png") > 50
    assert made(unfinished) == made(unfinished.parent / "other") == OF_METRICS


def test_without_a_checkpoint_there_are_the_curves(unfinished, capsys):
    assert main(["alone"]) == 0
    assert made(unfinished) == OF_METRICS
    reason = "not made: Pictures of the network: the folder holds no checkpoint"
    assert capsys.readouterr().err == f"tinynet.viz: alone: {reason}\n"
    assert "the folder holds no checkpoint" in (unfinished / "report.html").read_text()


def test_before_the_first_epoch_there_is_the_network(here, capsys):
    for name in ("metrics.jsonl", "results.json"):
        (here / name).unlink()
    assert main(["run", "--threads", "1"]) == 0
    assert made(here) == OF_NETWORK
    assert "learning rate: no epoch has been recorded yet\n" in capsys.readouterr().err
    assert "no result on the test set" in (here / "report.html").read_text()


def test_without_the_data_set_there_is_what_needs_no_image(here, monkeypatch, capsys, rng):
    def absent(*args, **options):
        raise DataError("CIFAR-10 could not be downloaded")

    for kind in ("best", "last"):
        state = json.loads((here / f"{kind}.json").read_text())
        state["config"]["dataset"] = "cifar10"
        (here / f"{kind}.json").write_text(json.dumps(state))
    monkeypatch.setattr(datasets, "obtain", absent)
    assert main(["run", "--threads", "1"]) == 0
    assert made(here) == sorted([*OF_METRICS, "filters.png"])
    reason = (
        "Confusion matrix, mistakes, loss along a direction, feature maps: CIFAR-10 could not be downloaded"
    )
    assert capsys.readouterr().err == f"tinynet.viz: run: not made: {reason}\n"
    Image.fromarray(rng.integers(0, 256, size=(32, 32, 3), dtype=np.uint8)).save("noise.png")
    assert main(["run", "--threads", "1", "--image", "noise.png"]) == 0
    assert made(here) == sorted([*OF_METRICS, "filters.png", "feature_maps.png"])


def test_data_of_other_classes_is_told(here, monkeypatch, capsys):
    for kind in ("best", "last"):
        state = json.loads((here / f"{kind}.json").read_text())
        state["classes"].append("eleventh")
        (here / f"{kind}.json").write_text(json.dumps(state))
    assert main(["run", "--threads", "1"]) == 2
    assert "(10, 84), expected (11, 84)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, content, left, message",
    [
        ("results.json", b"{", [*OF_METRICS, *OF_NETWORK], "Results: run/results.json is damaged"),
        ("metrics.jsonl", b"[1]\n", OF_NETWORK, "learning rate: run/metrics.jsonl is damaged: no 'epoch'"),
        ("best.json", b"{", OF_METRICS, "network: run/best.json is not the JSON file of a checkpoint"),
        ("best.safetensors", b"", OF_METRICS, ".safetensors is damaged: SHA-256"),
    ],
)
def test_of_a_damaged_run_the_rest_is_made(name, content, left, message, here, capsys):
    path = here / name
    if name == "best.safetensors":
        [path] = here.glob("best-*.safetensors")
    path.write_bytes(content)
    assert main(["run", "--threads", "1"]) == 2
    assert made(here) == sorted(left)
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert (here / "report.html").is_file()


def test_a_learning_rate_that_is_missing_costs_one_picture(unfinished, capsys):
    path = unfinished / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(json.dumps({k: v for k, v in line.items() if k != "lr"}) + "\n" for line in lines)
    )
    assert main(["alone"]) == 2
    assert made(unfinished) == ["curves.png"]
    assert "metrics.jsonl is damaged: no 'lr'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, message",
    [
        (["gone"], "gone is not the folder of a run, with a metrics.jsonl: give the folder"),
        (["run", "gone"], "gone is not the folder of a run, with a metrics.jsonl: give the folder"),
        (["."], ". holds no run, with a metrics.jsonl: give the folder that a training wrote to"),
        (["landscpe"], "give the folder that a training wrote to; did you mean the command landscape?"),
        (["direction", "run"], "did you mean the command directions?"),
        ([], "required: RUN; see python -m tinynet.viz --help"),
        (["run", "--uot", "x.png"], "unrecognized arguments: --uot x.png; see python -m tinynet.viz --help"),
        (["run", "--image", "gone.png"], "there is no image file gone.png"),
        (["run", "--image", "run/results.json"], "cannot read run/results.json as an image"),
        (["alone", "--out", "gone/x.png"], "--out: gone/x.png: there is no folder gone; make it first"),
        (
            ["alone", "--out", "alone.pdf"],
            "--out: alone.pdf: pictures are PNG, so the name must end with .png",
        ),
        (["run", "--data-dir", "gone"], "cifar10-sample is not read from a folder"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, message, here, unfinished, capsys):
    assert main(words) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if ": not made: " not in line]
    assert len(errors) == 1
    assert errors[0].startswith("tinynet.viz: error: ")
    assert message in errors[0]
    assert made(here) == []


def test_folder_that_cannot_be_written(unfinished, monkeypatch, capsys):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    before = sorted(unfinished.iterdir())
    monkeypatch.setattr(files.os, "fsync", full)
    assert main(["alone"]) == 2
    assert capsys.readouterr().err == (
        "tinynet.viz: error: cannot write alone/curves.png: No space left on device\n"
    )
    assert sorted(unfinished.iterdir()) == before


@pytest.mark.parametrize("command", [[], ["landscape"], ["directions"]])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"\nExamples\n  python -m tinynet.viz {' '.join(command)}" in out
    assert max(len(line) for line in out.splitlines()) <= 110


def test_feature_maps_are_those_of_the_size_that_the_network_sees(tmp_path, monkeypatch):
    """With --image-size the engine enlarges images, and so do the pictures."""
    from tinynet.train import main
    from tinynet.viz import feature_maps

    words = (
        "--model",
        "resnet8",
        "--image-size",
        "40",
        "--batch-size",
        "50",
        "--max-steps",
        "1",
        "--val-size",
        "50",
    )
    assert main([*words, "--threads", "1", "--out", str(tmp_path / "large")]) == 0
    seen, record = [], feature_maps.record
    monkeypatch.setattr(
        feature_maps, "record", lambda model, image: seen.append(image.shape) or record(model, image)
    )
    run = pictures.make(tmp_path / "large", "large")
    assert not run.missing
    assert seen == [(3, 40, 40)]
