"""Runs on a folder of the user's own pictures, at their own size: training, evaluation, prediction, pictures."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from tinynet import evaluate, predict, train
from tinynet.data.transforms import augmentation_for, augmentation_names, evaluation_for
from tinynet.training import batches, inference
from tinynet.training.config import TrainConfig
from tinynet.viz import __main__ as viz

SIZE = 48


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes of 48x48 pictures of noise: enlarged from 32x32 they would not keep their pixels."""
    for part, count in (("train", 8), ("test", 4)):
        for name in ("a", "b"):
            (tmp_path / "pictures" / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pictures" / part / name / f"{i}.png")
    return tmp_path / "pictures"


def test_pictures_keep_the_pixels_that_image_size_asks_for(folder):
    config = TrainConfig(dataset="image-folder", data_dir=str(folder), image_size=SIZE, val_size=2)
    found = batches.parts(config, progress=False)
    assert {name: part.images.shape for name, part in found.items()} == {
        "train": (14, 3, SIZE, SIZE),
        "val": (2, 3, SIZE, SIZE),
        "test": (8, 3, SIZE, SIZE),
    }
    first = np.asarray(Image.open(folder / "test" / "a" / "0.png")).transpose(2, 0, 1)
    assert np.array_equal(found["test"].images[0], first)
    images, _ = next(iter(batches.prepare(config, progress=False).train.epoch(0)))
    assert images.shape[2:] == (SIZE, SIZE)


@pytest.mark.parametrize("dataset, image_size, size", [
    ("image-folder", 224, 224), ("image-folder", None, 32), ("cifar10", 224, 32), ("cifar10", None, 32),
])  # fmt: skip
def test_only_a_folder_has_pictures_of_another_size(dataset, image_size, size):
    assert TrainConfig(dataset=dataset, image_size=image_size).stored_size == size


@pytest.mark.parametrize("name", augmentation_names())
def test_augmentations_grow_with_the_images(name, rng):
    images = rng.integers(0, 256, (4, 3, 64, 64), np.uint8)
    key = {"seed": 0, "epoch": 0, "indices": np.arange(4)}
    size = 56 if name == "crop28-flip" else 64
    assert augmentation_for(name, 64)(images, **key).shape == (4, 3, size, size)
    assert evaluation_for(name, 64)(images, **key).shape == (4, 3, size, size)


def train_on(folder, run, *flags):
    words = [
        "quick",
        "--dataset",
        "image-folder",
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--schedule",
        "constant",
        "--threads",
        "1",
    ]
    assert train.main([*words, "--data-dir", str(folder), "--out", str(run), *flags]) == 0


def test_a_run_from_training_to_its_pictures(folder, tmp_path, capsys):
    run = tmp_path / "run"
    train_on(folder, run, "--image-size", str(SIZE))
    picture = folder / "test" / "b" / "0.png"
    capsys.readouterr()
    assert evaluate.main([str(run), "--threads", "1"]) == 0
    assert predict.main([str(run), str(picture), "--threads", "1"]) == 0
    trained = inference.load(run, "numpy", 1)
    pixels = np.asarray(Image.open(picture)).transpose(2, 0, 1)
    share = 100 * trained.predict(pixels[None])[0].max()
    assert f"{share:.1f} %" in capsys.readouterr().out
    assert viz.main([str(run), "--threads", "1", "--image", str(picture)]) == 0
    assert {"confusion.png", "directions.png", "feature_maps.png"} < {path.name for path in run.glob("*.png")}


@pytest.mark.parametrize("change", ["renamed", "added"])
def test_a_folder_of_other_classes_is_refused(change, folder, tmp_path, capsys):
    run = tmp_path / "run"
    train_on(folder, run)
    for part in ("train", "test"):
        if change == "renamed":  # now the last in the alphabet: the numbers of the classes are exchanged
            (folder / part / "a").rename(folder / part / "z")
        else:
            shutil.copytree(folder / part / "a", folder / part / "c")
    found = "b, z" if change == "renamed" else "a, b, c"
    message = f"image-folder has the {2 + (change == 'added')} classes {found}, but {run}"
    for command in (
        lambda: evaluate.main([str(run), "--threads", "1"]),
        lambda: viz.main(["directions", str(run), "--threads", "1"]),
        lambda: train.main(["--resume", "--out", str(run), "--threads", "1"]),
    ):
        capsys.readouterr()
        assert command() == 2
        assert message in capsys.readouterr().err
    assert viz.main([str(run), "--threads", "1"]) == 0
    assert message in capsys.readouterr().err
    assert not (run / "confusion.png").exists()
