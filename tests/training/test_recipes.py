from __future__ import annotations

import pytest
import yaml

from tinynet import models
from tinynet.training import cli
from tinynet.training.errors import ConfigError
from tinynet.training.parsing import read_table
from tinynet.training.recipes import DEFAULT, ORDER, RECIPES, costs, find

CLASSES = {"cifar100": 100}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_and_its_model_exists(name):
    config = find(name).config
    config.validate()
    assert config.recipe == name
    assert config.model in models.names()


def test_a_recipe_that_starts_from_weights_can_be_printed(capsys):
    with pytest.raises(SystemExit):
        cli.parse(["cifar100-finetune", "--print-config"], "tinynet.train")
    assert read_table(yaml.safe_load(capsys.readouterr().out))["reset"] == ("fc",)


@pytest.mark.parametrize("name", RECIPES)
def test_parameters_are_counted(name):
    recipe = find(name)
    model = models.build(recipe.config.model, CLASSES.get(recipe.config.dataset, 10))
    assert sum(p.numel() for p in model.parameters()) == recipe.parameters


def test_every_file_is_listed():
    from importlib.resources import files

    found = {file.name.removesuffix(".yaml") for file in files("tinynet.training.recipes").iterdir()}
    assert {name for name in found if name != "costs" and not name.startswith("__")} == set(ORDER)
    assert len(set(ORDER)) == len(ORDER)


def test_the_projects_are_there():
    projects = "identity-resnet identity-resnet-deep lenet resnet-6block resnet-9block vgg-a vgg-a-bn cifar100-dropout"
    others = "cifar100-finetune resnet34-steps resnet50-cosine quick resnet20 resnet56"
    assert {*projects.split(), *others.split()} <= set(RECIPES)


def test_costs_are_of_recipes():
    assert set(costs()["seconds"]) <= set(RECIPES)
    assert all(seconds > 0 for seconds in costs()["seconds"].values())


def test_default_recipe_needs_no_download():
    assert find(DEFAULT).config.dataset == "cifar10-sample"


def test_unknown_recipe_lists_close_matches_and_all():
    with pytest.raises(
        ConfigError, match=r"no recipe 'resnet21': did you mean resnet2?.*Known: quick, lenet"
    ):
        find("resnet21")


def test_a_table_may_hold_numbers_as_yaml_reads_them():
    values = read_table(
        {"lr": "1e-3", "momentum": 0, "milestones": [3, 5], "train_only": ["fc"], "val_size": None}
    )
    assert values == {
        "lr": 1e-3,
        "momentum": 0.0,
        "milestones": (3, 5),
        "train_only": ("fc",),
        "val_size": None,
    }
