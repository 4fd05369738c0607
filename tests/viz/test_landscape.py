from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.viz.looks import colours, differ
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.viz import landscape
from tinynet.viz.__main__ import main

NAN = float("nan")


def write(folder, losses, every=20):
    """Write `steps.jsonl` as a training with --record-every does; None is a loss that is no finite number."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        {"epoch": 1, "batch": every * i, "step": every * i, "loss": loss, "seconds": 0.5 * i}
        for i, loss in enumerate(losses, 1)
    ]
    (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def run(losses, every=20):
    return np.arange(1, len(losses) + 1) * every, np.array(losses, dtype=float)


def test_reads_what_a_training_writes(tmp_path):
    steps, losses = landscape.read(write(tmp_path / "a", [2.0, None, 1.5]))
    assert steps.tolist() == [20, 40, 60]
    assert np.array_equal(losses, [2.0, NAN, 1.5], equal_nan=True)


def test_a_cut_line_is_left_out_and_a_later_line_counts(tmp_path):
    path = write(tmp_path / "a", [2.0, 1.9, 1.8]) / "steps.jsonl"
    with open(path, "a") as file:
        file.write('{"epoch": 1, "batch": 40, "step": 40, "loss": 1.0, "seconds": 1}\n{"epoch": 1, "ba')
    steps, losses = landscape.read(tmp_path / "a")
    assert (steps.tolist(), losses.tolist()) == ([20, 40, 60], [2.0, 1.0, 1.8])


def test_edges_of_a_band_are_the_extremes_at_each_step():
    band = landscape.band("a", [run([3, 2, 1]), run([1, 2.5, 0.5]), run([2, 2, 2])])
    assert band.steps.tolist() == [20, 40, 60]
    assert band.low.tolist() == [1, 2, 0.5]
    assert band.high.tolist() == [3, 2.5, 2]


def test_shorter_and_diverged_runs_count_as_far_as_they_go():
    band = landscape.band("a", [run([3, 2, 1, 1]), run([1, 3]), run([4, NAN, NAN, NAN])])
    assert band.low.tolist() == [1, 2, 1, 1]
    assert band.high.tolist() == [4, 3, 1, 1]
    nowhere = landscape.band("a", [run([NAN, 1]), run([NAN, 2])])
    assert np.array_equal(nowhere.low, [NAN, 1], equal_nan=True)
    assert np.array_equal(nowhere.high, [NAN, 2], equal_nan=True)


def test_only_steps_that_all_have_recorded_count():
    band = landscape.band("a", [run([3, 2, 1, 0], every=10), run([5, 4], every=20)])
    assert band.steps.tolist() == [20, 40]
    assert (band.low.tolist(), band.high.tolist()) == ([2, 0], [5, 4])
    with pytest.raises(ValueError, match="runs of a have no step in common: they recorded every 20, 7 steps"):
        landscape.band("a", [run([1, 2], every=20), run([1, 2, 3], every=7)])


def test_smoothing_is_the_mean_around_each_step():
    losses = np.array([4.0, 2.0, 6.0, NAN, 1.0])
    assert np.array_equal(landscape.smoothed(losses, 1), losses, equal_nan=True)
    assert np.array_equal(landscape.smoothed(losses, 3), [3, 4, 4, NAN, 1], equal_nan=True)
    assert np.allclose(landscape.smoothed(np.arange(9.0), 100), 4)
    band = landscape.band("a", [run([4, 2, 6]), run([0, 6, 0])], smooth=3)
    assert (band.low.tolist(), band.high.tolist()) == ([3, 2, 3], [3, 4, 4])


def test_other_losses_give_another_picture(tmp_path):
    narrow = landscape.band("a", [run([2, 1.5, 1.2]), run([2.1, 1.6, 1.3])])
    wide = landscape.band("a", [run([2, 1.5, 1.2]), run([2.1, 2.0, 2.0])])
    other = landscape.band("_$b$", [run([1, 0.5, 0.2]), run([1.1, 0.6, 0.3])])
    first = landscape.draw([narrow, other], tmp_path / "a.png", "title")
    second = landscape.draw([wide, other], tmp_path / "b.png", "title")
    assert colours(first) > 50
    assert differ(first, second)


def test_far_peaks_are_cut_and_told(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    flat = [1.0] * 200
    landscape.draw([landscape.band("a", [run(flat), run([*flat[:-1], 80.0])])], tmp_path / "a.png", "title")
    [axes] = figures[0].axes
    assert axes.get_ylim() == (0, 1.3)
    assert axes.get_ylabel() == "Training loss (nats), cut; the peak is 80"
    landscape.draw([landscape.band("a", [run(flat)], 4)], tmp_path / "a.png", "title", 4)
    assert figures[1].axes[0].get_ylabel() == "Training loss (nats),\nmean over 4 records"


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, losses in {
        "a1": [2, 1.5, 1],
        "a2": [2.2, None],
        "b1": [1, 0.5, 0.2],
        "b2": [1, 0.6, 0.4],
    }.items():
        write(tmp_path / name, losses)
    words = ["landscape", "--group", "VGG-A", "a1", "a2", "--group", "with BN", "b1", "b2"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "VGG-A: 2 runs, 3 steps up to 60, width 0.0667 nats in the mean",
        "  a2 ends at step 40: not in the band from there on",
        "  a2 has 1 losses that are no finite number: not in the band there",
        "with BN: 2 runs, 3 steps up to 60, width 0.1000 nats in the mean",
        "Landscape   landscape.png",
    ]
    assert colours(tmp_path / "landscape.png") > 50
    assert main([*words, "--out", "b.png", "--smooth", "2", "--title", "title"]) == 0
    assert differ("landscape.png", "b.png")
    capsys.readouterr()
    assert main([*words, "--max-steps", "59"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "VGG-A: 2 runs, 2 steps up to 40, width 0.1000 nats in the mean",
        "  a2 has 1 losses that are no finite number: not in the band there",
    ]


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "required: --group; see python -m tinynet.viz landscape --help"),
        (["--group", "a"], "--group a: give its name and then the folders of its runs"),
        (["--group", "a", "gone"], "gone holds no steps.jsonl: train it with --record-every N"),
        (["--group", "a", "nan"], "no run has a finite loss"),
        (
            ["--group", "a", "good", "seven"],
            "have no step in common: they recorded every 20, 7 steps; train them",
        ),
        (["--group", "a", "good", "--smooth", "0"], "--smooth: 0: must be at least 1"),
        (
            ["--group", "a", "good", "--max-steps", "19"],
            "steps.jsonl begins at step 20, after --max-steps 19",
        ),
        (
            ["--group", "a", "good", "--out", "gone/a.png"],
            "--out: gone/a.png: there is no folder gone; make it first",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "good", [1, 2])
    write(tmp_path / "nan", [None, None])
    write(tmp_path / "seven", [1, 2, 3, 4], every=7)
    assert main(["landscape", *words]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("tinynet.viz landscape: error: ")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "content, error, message",
    [
        ("", ConfigError, "is empty: no N mini-batches"),
        ('{"step": 1', ConfigError, "is empty: no N mini-batches"),
        ("{\n", CheckpointError, "is damaged: line 1"),
        ("[]\n", CheckpointError, "is damaged: no 'step' in"),
        ('{"step": 1}\n', CheckpointError, "is damaged: no 'loss' in"),
        ('{"step": 1, "loss": "x"}\n', CheckpointError, "is damaged: loss is 'x', not a number"),
        ('{"step": null, "loss": 1}\n', CheckpointError, "is damaged: line 1: step is null"),
        ("\xff\n", CheckpointError, "is damaged: line 1"),
    ],
)
def test_damaged_files(content, error, message, tmp_path):
    (tmp_path / "steps.jsonl").write_bytes(content.encode("latin-1"))
    with pytest.raises(error, match=message):
        landscape.read(tmp_path)


def test_runs_of_different_networks_are_no_band(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, model in (("a", "lenet"), ("b", "lenet"), ("c", "resnet8")):
        write(tmp_path / name, [1, 2])
        (tmp_path / name / "config.yaml").write_text(f"model: {model}\ndataset: cifar10\n")
    assert main(["landscape", "--group", "same", "a", "b"]) == 0
    assert main(["landscape", "--group", "mixed", "a", "b", "c"]) == 2
    message = (
        "--group mixed: the runs of a band share network and data, but here is a lenet on cifar10, c resnet8"
    )
    assert message in capsys.readouterr().err
