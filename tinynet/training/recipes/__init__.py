"""Recipes: named configurations that train a network well, as starting points for the flags; a YAML file each."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from tinynet.training.config import TrainConfig, suggest
from tinynet.training.errors import ConfigError
from tinynet.training.parsing import read_table

DEFAULT = "quick"

ORDER = (
    *("quick", "lenet", "resnet-6block", "resnet-9block", "vgg-a", "vgg-a-bn"),
    *("identity-resnet", "identity-resnet-deep", "cifar100-dropout", "cifar100-finetune"),
    *(
        "resnet34-steps",
        "resnet50-cosine",
        "resnet18",
        "resnet20",
        "resnet32",
        "resnet44",
        "resnet56",
        "resnet110",
    ),
)
"""How they are listed."""


@dataclass(frozen=True)
class Recipe:
    """What a recipe's file says.

    description: one line for the list; parameters: of the model; reported: what its project reached; expected: what
    it reached here; notes: what else there is to know
    """

    name: str
    description: str
    config: TrainConfig
    parameters: int
    reported: str = ""
    expected: str = ""
    notes: str = ""


def _read(file: Traversable) -> Recipe:
    name = file.name.removesuffix(".yaml")
    table = yaml.load(file.read_text(encoding="utf-8"), _LOADER)
    return Recipe(
        **{**table, "name": name, "config": replace(TrainConfig(recipe=name), **read_table(table["config"]))}
    )


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

RECIPES: dict[str, Recipe] = {name: _read(files(__name__) / f"{name}.yaml") for name in ORDER}


@functools.cache
def costs() -> dict[str, Any]:
    """Return what `python -m benchmarks.recipes --write` measured: `machine`, and `seconds` an epoch by recipe."""
    return yaml.load((files(__name__) / "costs.yaml").read_text(encoding="utf-8"), _LOADER)


def find(name: str) -> Recipe:
    """Return the recipe `name`. Raises ConfigError with close matches and the list."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}: {suggest(name, tuple(RECIPES))}")
    return RECIPES[name]
