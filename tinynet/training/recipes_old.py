"""Recipes: named configurations that train a network well, as starting points for the flags."""

from __future__ import annotations

from dataclasses import dataclass

from tinynet.training.config import TrainConfig, suggest
from tinynet.training.errors import ConfigError

DEFAULT = "quick"


@dataclass(frozen=True)
class Recipe:
    """A name, one line for the list in `--help`, and the values."""

    name: str
    description: str
    config: TrainConfig


def _recipe(name: str, description: str, **values: object) -> Recipe:
    return Recipe(name, description, TrainConfig(recipe=name, **values))  # type: ignore[arg-type]


def _deep(model: str, depth: str) -> Recipe:
    # lr 0.1, momentum 0.9, weight decay 1e-4, batch 128, crop and flip are those of He et al. 2015,
    # arXiv 1512.03385, section 4.2; the schedule is a one-cycle, which needs a fifth of their epochs.
    return _recipe(model, f"{depth} layers, option-A shortcuts (He et al. 2015)", model=model)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _recipe(
            "quick",
            "small residual net on the CIFAR-10 sample in the package: offline, about a minute",
            model="resnet-3block",
            dataset="cifar10-sample",
            epochs=10,
            batch_size=64,
            optimizer="adamw",
            lr=3e-3,
            weight_decay=0.01,
        ),
        _recipe(
            "lenet",
            "LeNet: two 5x5 convolutions, three linear layers",
            model="lenet",
            epochs=20,
            lr=0.02,
            augment="none",
        ),
        _recipe(
            "resnet-6block",
            "residual net of 6 blocks, Adam with a cosine",
            model="resnet-6block",
            epochs=30,
            optimizer="adam",
            lr=1e-3,
            weight_decay=0.0,
            schedule="cosine",
        ),
        _recipe(
            "resnet-9block",
            "residual net of 9 blocks, Adam with a cosine",
            model="resnet-9block",
            epochs=30,
            optimizer="adam",
            lr=1e-3,
            weight_decay=0.0,
            schedule="cosine",
        ),
        _recipe(
            "resnet18",
            "ResNet-18 with a 3x3 stem: wide, slow on a CPU",
            model="resnet18",
            lr=0.05,
            weight_decay=5e-4,
        ),
        # Muon (Jordan et al. 2024) for the hidden weights instead of He et al.'s SGD: of 30 epochs it makes more.
        _recipe(
            "resnet20",
            "20 layers, option-A shortcuts (He et al. 2015), Muon, all training images",
            model="resnet20",
            val_size=0,
            optimizer="muon",
            lr=0.03,
            weight_decay=0.025,
            sgd_lr=0.1,
            sgd_weight_decay=5e-4,
            warmup=0.2,
        ),
        _deep("resnet32", "32"),
        _deep("resnet44", "44"),
        _deep("resnet56", "56"),
        _deep("resnet110", "110"),
    )
}


def find(name: str) -> Recipe:
    """Return the recipe `name`. Raises ConfigError with close matches and the list."""
    if name not in RECIPES:
        raise ConfigError(f"no recipe {name!r}: {suggest(name, tuple(RECIPES))}")
    return RECIPES[name]
