from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests.viz.looks import colours, differ, has
from tinynet.data import datasets
from tinynet.training import batches, inference
from tinynet.viz import directions
from tinynet.viz.__main__ import main


@pytest.fixture
def weights(rng):
    return {
        "conv.weight": rng.standard_normal((4, 3, 3, 2)).astype(np.float32) * np.float32(7),
        "bn.weight": np.ones(4, np.float32),
        "bn.running_mean": rng.standard_normal(4).astype(np.float32),
        "bn.num_batches_tracked": np.array(7),
        "fc.weight": rng.standard_normal((10, 4)).astype(np.float32),
        "fc.bias": rng.standard_normal(10).astype(np.float32),
    }


def test_each_filter_has_the_norm_of_the_weights_own(weights):
    weights["fc.weight"][3] = 0
    direction = directions.random_direction(weights, 0, seed=1)
    assert list(direction) == ["conv.weight", "fc.weight"]
    for name, step in direction.items():
        assert step.shape == weights[name].shape
        norms, wanted = (
            np.linalg.norm(array.reshape(len(array), -1).astype(float), axis=1)
            for array in (step, weights[name])
        )
        assert np.allclose(norms, wanted, rtol=1e-12)
    assert not direction["fc.weight"][3].any()


def test_directions_depend_on_number_seed_and_name_alone(weights):
    first, again, second, other = (
        directions.random_direction(weights, number, seed)
        for number, seed in ((0, 1), (0, 1), (1, 1), (0, 2))
    )
    fewer = directions.random_direction({"fc.weight": weights["fc.weight"]}, 0, 1)
    assert np.array_equal(first["fc.weight"], again["fc.weight"])
    assert np.array_equal(first["fc.weight"], fewer["fc.weight"])
    for different in (second, other):
        cosine = (first["conv.weight"] * different["conv.weight"]).sum() / (weights["conv.weight"] ** 2).sum()
        assert abs(cosine) < 0.5


def test_moves_along_the_directions_and_leaves_the_rest(weights):
    pair = [directions.random_direction(weights, number, 0) for number in (0, 1)]
    moved = directions.moved(weights, pair, [0.5, -2])
    assert list(moved) == list(weights)
    for name, array in moved.items():
        assert array.dtype == weights[name].dtype
        wanted = weights[name] + (0.5 * pair[0][name] - 2 * pair[1][name] if name in pair[0] else 0)
        assert np.allclose(array, wanted, atol=1e-5)
    still = directions.moved(weights, pair, [0, 0])
    assert all(np.array_equal(still[name], weights[name]) for name in weights)


def test_other_losses_give_another_picture(tmp_path):
    far = np.linspace(-1, 1, 11)
    first = directions.draw(far, 1 + far**2, 0.5 - 0.1 * far, tmp_path / "a.png", "title")
    second = directions.draw(far, 1 + 99 * far**2, 0.5 - 0.1 * far, tmp_path / "b.png", "title")
    gap = directions.draw(
        far, np.where(far > 0.5, np.nan, 1 + far**2), 0.5 + far / 9, tmp_path / "c.png", "title"
    )
    assert colours(first) > 50
    assert differ(first, second)
    assert differ(first, gap)


def test_two_directions_have_an_axis_each(tmp_path):
    far = np.linspace(-1, 1, 11)
    first, second = far[:, None], far[None]
    bowl = directions.draw_two(far, 1 + first**2 + second**2, tmp_path / "a.png", "title")
    slope = directions.draw_two(far, 1 + 40 * (first + 1) + 0 * second, tmp_path / "b.png", "title")
    hole = np.where(first > 0.5, np.nan, 1 + first**2 + second**2)
    for path in (bowl, slope, directions.draw_two(far, hole, tmp_path / "c.png", "title")):
        assert colours(path) > 50
    assert differ(bowl, slope)
    assert has(directions.draw_two(far, np.ones((11, 11)), tmp_path / "d.png", "title"), [0, 0, 0])
    with pytest.raises(ValueError, match="no finite loss"):
        directions.draw_two(far, np.full((11, 11), np.nan), tmp_path / "e.png", "title")


def test_the_first_direction_runs_to_the_right(tmp_path):
    """The loss grows along the first direction: so does the brightness from left to right, and not upwards."""
    from tests.viz.looks import pixels

    far = np.linspace(-1, 1, 11)
    path = directions.draw_two(far, np.broadcast_to(2 + far[:, None], (11, 11)), tmp_path / "a.png", "title")
    light = pixels(path).sum(axis=2)
    height, width = light.shape
    middle = light[height // 2 - 200 : height // 2 + 200]
    assert np.median(middle[:, width // 4]) + 100 < np.median(middle[:, 6 * width // 10])
    assert np.ptp(np.median(middle[:, width // 4 - 10 : width // 4 + 10], axis=1)) < 60


def test_middle_is_the_trained_network(trained, capsys):
    assert main(["directions", str(trained), "--points", "3", "--images", "60", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    network = inference.load(trained, "numpy", 1)
    part = batches.parts(network.config)["train"]
    chosen = part.subset(datasets.stratified(part.labels, 60, "directions", 0))
    [(images, labels)] = batches.eval_loader(chosen, network.config, network.normalisation).epoch(0)
    loss, accuracy = directions.measure(network.engine, images, labels)
    wanted = f"lenet on 60 images of the train set: loss {loss:.4f}, accuracy {100 * accuracy:.2f} %; within 1, loss"
    assert out.startswith(wanted)
    probabilities = network.predict(chosen.images)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(60), labels]).mean(), rel=1e-5)
    assert accuracy == (probabilities.argmax(axis=1) == labels).mean()
    assert "Biases, batch normalisation and its running statistics are those of the trained network" in out
    assert colours(trained / "directions.png") > 50


def test_seed_two_directions_and_out(trained, tmp_path, capsys):
    words = ["directions", str(trained), "--points", "3", "--images", "20", "--threads", "1"]
    paths = [str(tmp_path / f"{name}.png") for name in "abc"]
    for path, seed in zip(paths, "112", strict=True):
        assert main([*words, "--seed", seed, "--out", path, "--range", "0.5", "--split", "test"]) == 0
    assert not differ(paths[0], paths[1])
    assert differ(paths[0], paths[2])
    assert main([*words, "--two"]) == 0
    assert colours(trained / "directions_two.png") > 50
    assert len(re.findall(r"Directions  \S+\.png", capsys.readouterr().out)) == 4


@pytest.mark.parametrize(
    "words, message",
    [
        (["--points", "4"], "--points: 4: must be odd and at least 3"),
        (["--points", "1"], "--points: 1: must be odd and at least 3"),
        (["--range", "0"], "--range: 0: must be a number above 0"),
        (["--range", "inf"], "--range: inf: must be a number above 0"),
        (["--range", "x"], "--range: 'x' is not a number"),
        (["--images", "0"], "--images: 0: must be at least 1"),
        (
            ["--out", "/gone/a.png", "--points", "3", "--images", "5"],
            "--out: /gone/a.png: there is no folder /gone; make it first",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, message, trained, capsys):
    assert main(["directions", str(trained), "--threads", "1", *words]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("tinynet.viz directions: error: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_a_run_without_what_is_asked_for(trained, capsys):
    path = trained / "best.json"
    state = json.loads(path.read_text())
    state["config"]["val_size"] = 0
    path.write_text(json.dumps(state))
    assert main(["directions", str(trained), "--split", "val", "--threads", "1"]) == 2
    assert "--split val: " in capsys.readouterr().err
    assert main(["directions", str(trained / "gone")]) == 2
    assert "no such checkpoint" in capsys.readouterr().err
