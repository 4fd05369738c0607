from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tinynet.training import files
from tinynet.training.errors import CheckpointError, ConfigError, OutputError
from tinynet.viz import curves
from tinynet.viz.curves import Run

RESULTS = {"test_loss": 0.9, "test_accuracy": 0.25}
BLUE, ORANGE, GREEN = [31, 119, 180], [255, 127, 14], [44, 160, 44]


def record(epoch, **changes):
    line = {
        "epoch": epoch,
        "train_loss": 2.0 / (epoch or 1),
        "train_accuracy": 0.2,
        "val_loss": 1.9,
        "val_accuracy": 0.3,
    }
    return {**line, **changes}


@pytest.mark.parametrize(
    "records",
    [
        [record(1)],
        [record(1), record(2), record(3)],
        [record(epoch) for epoch in range(1, 200)],
        [record(1, val_loss=None, val_accuracy=None)],
        [record(1), record(2, train_loss=None, val_loss=None)],
    ],
    ids=["one epoch", "three", "many", "no validation", "not finite"],
)
def test_draws_a_picture(tmp_path, records):
    halves = colours_of(curves.draw([Run("quick", records)], tmp_path / "a.png", "title"))
    validated = records[0]["val_loss"] is not None
    assert halves == [{"blue"} | ({"orange"} if validated else set())] * 2


def colours_of(path):
    """Say which of the lines' colours are in the upper half of the picture, and which in the lower one."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 600
    found = []
    for half in np.split(pixels, [pixels.shape[0] // 2], axis=0):
        near = {
            name: (np.abs(half - colour).sum(axis=2) < 12).any()
            for name, colour in (("blue", BLUE), ("orange", ORANGE), ("green", GREEN))
        }
        found.append({name for name, is_there in near.items() if is_there})
    return found


def test_the_test_set_has_a_star_of_its_own(tmp_path):
    run = Run("quick", [record(1), record(2)], RESULTS)
    assert colours_of(curves.draw([run], tmp_path / "a.png", "title")) == [{"blue", "orange", "green"}] * 2


def test_several_runs_have_a_colour_each(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    alone = [record(1, val_loss=None, val_accuracy=None), record(2, val_loss=None, val_accuracy=None)]
    runs = [Run("first", alone), Run("second", [record(1), record(2), record(3)], RESULTS)]
    curves.draw(runs, tmp_path / "a.png", "title")
    loss, accuracy = figures[0].axes
    assert [(line.get_label(), line.get_color(), line.get_linestyle()) for line in accuracy.lines] == [
        ("training", "C0", "-"),
        ("training", "C1", "-"),
        ("validation", "C1", "--"),
        ("test, 25.00 %", "C1", "None"),
    ]
    [legend] = figures[0].legends
    assert [(line.get_label(), line.get_color()) for line in legend.legend_handles] == [
        ("first", "C0"),
        ("second: test 25.00 %", "C1"),
        *((words, "0.4") for words in ("training", "validation", "test")),
    ]
    assert not any(axes.get_legend() for axes in figures[0].axes)
    assert loss.lines[-1].get_xydata().tolist() == [[3, 0.9]]
    assert not loss.texts
    assert accuracy.lines[0].get_xydata().tolist() == [[1, 20], [2, 20]]
    curves.draw([runs[0], Run("third", alone)], tmp_path / "b.png", "title")
    [legend] = figures[1].legends
    assert [line.get_label() for line in legend.legend_handles] == ["first", "third", "training"]


def test_the_star_stands_at_the_epoch_whose_weights_were_tested(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    for epoch, place in ((2, 2), (None, 3)):
        run = Run("quick", [record(1), record(2), record(3)], {**RESULTS, "epoch": epoch})
        curves.draw([run], tmp_path / "a.png", "title")
        assert [axes.lines[-1].get_xydata()[0, 0] for axes in figures.pop().axes] == [place, place]


def test_many_runs_have_colours_that_differ(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    curves.draw([Run(str(i), [record(1)]) for i in range(13)], tmp_path / "a.png", "title")
    drawn = [tuple(line.get_color()) for line in figures[0].axes[0].lines if line.get_label() == "training"]
    shown = [tuple(line.get_color()) for line in figures[0].legends[0].legend_handles[:13]]
    assert len(set(drawn)) == 13
    assert drawn == shown


def test_a_diverged_run_says_so_where_its_loss_would_be(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    curves.draw([Run("wild", [record(1, train_loss=None, val_loss=None)])], tmp_path / "a.png", "title")
    loss, accuracy = figures[0].axes
    assert [words.get_text() for words in loss.texts] == ["no epoch has a loss that is a finite number"]
    assert not accuracy.texts


def test_an_axis_of_one_epoch_has_no_fractions(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    curves.draw([Run("quick", [record(7)])], tmp_path / "a.png", "title")
    for axes in figures[0].axes:
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [6, 7, 8]


def test_picture_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / curves.NAME
    before = curves.draw([Run("quick", [record(1)])], path, "title").read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match=r"curves\.png: No space left on device"):
        curves.draw([Run("quick", [record(1), record(2)])], path, "title")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("curves.png", before)]


def test_folder_that_is_gone_is_one_clear_error(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*curves\.png: No such file"):
        curves.draw([Run("quick", [record(1)])], tmp_path / "gone" / "curves.png", "title")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/run", "b/run", "b/other"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text(json.dumps(record(1)) + "\n")
    (folder / "results.json").write_text(json.dumps(RESULTS))
    return tmp_path


def test_runs_are_called_by_their_folders(folders):
    assert [run.name for run in curves.load([folders / "a/run", folders / "b/other"])] == ["run", "other"]
    alike = [folders / "a/run", folders / "b/run"]
    assert [run.name for run in curves.load(alike)] == [str(folder) for folder in alike]
    assert [run.results for run in curves.load([folders / "a/run", folders / "b/other"])] == [None, RESULTS]


def test_files_that_hold_nothing_or_nonsense(folders):
    (folders / "a/run/metrics.jsonl").write_text("")
    with pytest.raises(ConfigError, match=r"metrics\.jsonl is empty: no epoch of this run has ended"):
        curves.load([folders / "a/run"])
    (folders / "b/other/results.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"results\.json is damaged"):
        curves.load([folders / "b/other"])


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("results.json", "{}", r"results\.json is damaged: no 'test_loss' in {}"),
        ("results.json", "[]", r"results\.json is damaged: no 'test_loss' in \[\]"),
        ("results.json", '{"test_loss": "x"}', r"results\.json is damaged: test_loss is 'x', not a number"),
        (
            "results.json",
            '{"test_loss": 1, "test_accuracy": 0, "epoch": "x"}',
            r"results\.json is damaged: epoch is 'x', not a number",
        ),
        ("metrics.jsonl", '{"epoch": 1}\n', r"metrics\.jsonl is damaged: no 'train_loss' in {'epoch': 1}"),
        (
            "metrics.jsonl",
            json.dumps(record(None)) + "\n",
            r"metrics\.jsonl is damaged: epoch is null",
        ),
        ("metrics.jsonl", "[1]\n", r"metrics\.jsonl is damaged: no 'epoch' in \[1\]"),
    ],
)
def test_files_without_the_numbers(name, content, message, folders):
    (folders / "b/other" / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        curves.load([folders / "b/other"])


def test_names_are_shown_as_they_are(tmp_path, monkeypatch):
    legends = []
    original = Figure.savefig

    def save(figure, *args, **options):
        original(figure, *args, **options)
        legends.append([text.get_text() for text in figure.legends[0].get_texts()])

    monkeypatch.setattr(Figure, "savefig", save)
    runs = [Run(name, [record(1)]) for name in ("_a", r"$\foo$")]
    curves.draw(runs, tmp_path / "a.png", r"title $\foo$")
    first, second, *_ = legends[0]
    assert first.lstrip("\u200b") == "_a"
    assert second.replace(r"\$", "$") == r"$\foo$"


def test_many_runs_with_long_names_leave_room_for_the_lines(tmp_path, monkeypatch):
    figures = []
    original = Figure.savefig

    def save(figure, *args, **options):
        original(figure, *args, **options)
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", save)
    runs = [Run(f"{'long name ' * 9}{i}", [record(1), record(2)], RESULTS) for i in range(9)]
    curves.draw(runs, tmp_path / "a.png", ", ".join(run.name for run in runs))
    [figure] = figures
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.height > 200
        assert not box.overlaps(figure.legends[0].get_window_extent())
