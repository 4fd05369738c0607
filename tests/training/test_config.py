from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args

import pytest

from tinynet import data
from tinynet.data.transforms import augmentation_names
from tinynet.training.config import Augmentation, Dataset, TrainConfig, flag, flags
from tinynet.training.errors import ConfigError
from tinynet.training.help import GROUPS


@pytest.mark.parametrize(
    "name, value",
    [
        ("epochs", 0),
        ("epochs", -3),
        ("batch_size", 0),
        ("max_steps", 0),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("momentum", 1.5),
        ("weight_decay", -1e-4),
        ("label_smoothing", 1.0),
        ("warmup", 0.0),
        ("val_size", -1),
        ("gamma", 0.0),
        ("step_size", 0),
        ("seed", -1),
        ("threads", 0),
        ("save_minutes", 0.0),
        ("dataset", "cifar"),
        ("optimizer", "sdg"),
        ("schedule", "cosin"),
        ("augment", "flop"),
        ("normalise", "mean"),
        ("mixup", -0.1),
        ("cutmix", float("inf")),
        ("image_size", 4),
        ("train_images", 0),
        ("log_every", 0),
        ("record_every", 0),
        ("backend", "cuda"),
    ],
)
def test_value_out_of_range_is_named_with_its_flag(name, value):
    with pytest.raises(ConfigError) as error:
        replace(TrainConfig(), **{name: value}).validate()
    assert str(error.value).startswith(f"{flag(name)} {value}: ")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"schedule": "multistep"}, "needs --milestones"),
        ({"schedule": "multistep", "milestones": (80, 40)}, "--milestones 80,40"),
        ({"milestones": (0, 4)}, "--milestones 0,4"),
        ({"nesterov": True, "momentum": 0.0}, "--nesterov needs"),
        ({"nesterov": True, "optimizer": "adam"}, "--nesterov needs"),
        ({"mixup": 0.2, "cutmix": 1.0}, r"--mixup 0.2 and --cutmix 1.0: give one of them"),
        (
            {"model": "lenet", "augment": "crop28-flip"},
            "--model lenet takes .* --augment crop28-flip cuts 28x28",
        ),
        (
            {"model": "vgg-a", "image_size": 64},
            "--model vgg-a takes images of 32x32 alone, and --image-size is 64",
        ),
        ({"frozen_bn": True}, "--frozen-bn needs --train-only"),
        ({"classes": ("cat",)}, "--classes cat: give at least two different classes"),
        ({"classes": ("cat", "dog", "cat")}, "--classes cat,dog,cat: give at least two different"),
    ],
)
def test_values_that_contradict_each_other(changes, words):
    with pytest.raises(ConfigError, match=words):
        replace(TrainConfig(), **changes).validate()


def test_json_keeps_every_value():
    config = TrainConfig(milestones=(3, 5), lr=0.1 + 0.2, out="x", nesterov=True)
    assert TrainConfig.from_json(config.to_json()) == config


def test_flags_are_the_difference_to_a_base():
    base = TrainConfig(nesterov=True)
    config = TrainConfig(lr=0.3, milestones=(3, 5), data_dir="a b", seed=7)
    wanted = ["--data-dir", "a b", "--lr", "0.3", "--no-nesterov", "--milestones", "3,5"]
    assert flags(config, base, skip=("seed",)) == wanted


@pytest.mark.parametrize("name, what", [("out", "folder"), ("data_dir", "folder"), ("weights", "file")])
def test_empty_name_is_refused(name, what):
    with pytest.raises(ConfigError, match=f"{flag(name)} is empty: give a {what}"):
        replace(TrainConfig(), **{name: ""}).validate()


def test_every_field_is_explained_in_the_help():
    explained = [name for group in GROUPS.values() for name in group]
    assert sorted(explained) == sorted(item.name for item in fields(TrainConfig) if item.name != "recipe")


def test_the_names_of_the_flags_are_those_of_the_data():
    assert set(get_args(Dataset)) == set(data.names())
    assert get_args(Augmentation) == augmentation_names()
