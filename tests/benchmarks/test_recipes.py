"""The benchmark of recipes prints a row each, and the package gets what was measured."""

from __future__ import annotations

import pytest
import yaml

from benchmarks import recipes
from tinynet.training.recipes import RECIPES

FAST = ["--calls", "1", "--rounds", "1", "--threads", "1"]


def test_a_row_a_recipe_and_the_figures_beside_those_that_are_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(recipes, "COSTS", tmp_path / "costs.yaml")
    monkeypatch.setattr(recipes.recipes, "costs", lambda: {"machine": "old", "seconds": {"resnet20": 5.0}})
    recipes.main(["lenet", "quick", *FAST, "--write"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| lenet | 62,006 | 1,407 | ")
    assert lines[3].startswith("| quick | 304,154 | 50 | ")
    written = yaml.safe_load((tmp_path / "costs.yaml").read_text())
    assert set(written["seconds"]) == {"resnet20", "lenet", "quick"}
    assert written["seconds"]["lenet"] > 0
    assert "1 thread of " in written["machine"]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(Exception, match="no recipe 'lenett': did you mean lenet"):
        recipes.main(["lenett"])


def test_steps_are_those_of_training():
    assert recipes.steps("resnet20") == -(-50_000 // RECIPES["resnet20"].config.batch_size)
    assert recipes.steps("lenet") == -(-45_000 // 32)
