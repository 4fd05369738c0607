from __future__ import annotations

import pytest

from tinynet import models
from tinynet.training.errors import ConfigError
from tinynet.training.recipes import DEFAULT, RECIPES, find


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_valid_and_its_model_exists(name):
    recipe = find(name)
    recipe.config.validate()
    assert recipe.config.recipe == name
    assert recipe.config.model in models.names()


def test_default_recipe_needs_no_download():
    assert find(DEFAULT).config.dataset == "cifar10-sample"


def test_unknown_recipe_lists_close_matches_and_all():
    with pytest.raises(
        ConfigError, match=r"no recipe 'resnet21': did you mean resnet2?.*Known: quick, lenet"
    ):
        find("resnet21")
