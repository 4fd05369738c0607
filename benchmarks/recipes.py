"""Time an epoch of every recipe of `python -m tinynet.train` on this machine.

`python -m benchmarks.recipes` runs a few steps of each on images of noise, in a process of its own, and prints seconds
an epoch: the median step times the steps of an epoch. With --write the figures go into the package, where
`python -m tinynet.train --list` shows them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from benchmarks import records
from benchmarks.harness import Contender, Contest
from reference.arguments import positive
from tinynet import data
from tinynet.training import recipes
from tinynet.training.engine import TinynetEngine

IMAGES = {"cifar10": 50_000, "cifar10-sample": 3_500, "cifar100": 50_000}
"""Training images of the data sets of recipes."""
COSTS = Path(recipes.__file__).with_name("costs.yaml")


def prepare(*, recipe: str, threads: int) -> Callable[[], None]:
    """Prepare a recipe's training step; return a function that does it once."""
    config = recipes.RECIPES[recipe].config
    classes = 100 if config.dataset == "cifar100" else 10
    engine = TinynetEngine()
    engine.prepare("numpy", threads)
    engine.build(replace(config, epochs=200), steps_per_epoch=1000, classes=classes)
    rng = np.random.default_rng(0)
    size = data.augmentation_for(config.augment)(
        rng.integers(0, 256, (config.batch_size, 3, 32, 32), np.uint8),
        seed=0, epoch=0, indices=np.arange(config.batch_size),
    ).shape[2:]  # fmt: skip
    images = rng.standard_normal((config.batch_size, *size, 3), np.float32).transpose(0, 3, 1, 2)
    labels = rng.integers(0, classes, config.batch_size)
    engine.start(training=True)
    return lambda: engine.train_step(images, labels)


def steps(recipe: str) -> int:
    """Return the steps of an epoch."""
    config = recipes.RECIPES[recipe].config
    images = IMAGES[config.dataset]
    held_back = images // 10 if config.val_size is None else config.val_size
    return -(-(images - held_back) // config.batch_size)


def seconds(recipe: str, *, threads: int, calls: int, rounds: int) -> float:
    """Return how long the training steps of an epoch take."""
    contender = Contender(recipe, "benchmarks.recipes:prepare", {"recipe": recipe, "threads": threads})
    with Contest([contender], threads=threads) as contest:
        found = contest.run(rounds=rounds, calls=calls, warmup=3)
    return found[recipe].median * steps(recipe)


def main(argv: list[str] | None = None) -> None:
    """Print the table, and write it if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="which (default: all)")
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--calls", type=positive, default=5, help="steps a round (default: 5)")
    parser.add_argument("--rounds", type=positive, default=3, help="rounds (default: 3)")
    parser.add_argument("--write", action="store_true", help="write the figures into the package")
    args = parser.parse_args(argv)
    chosen = [recipes.find(name).name for name in args.recipes] or list(recipes.RECIPES)
    print("| recipe | parameters | steps an epoch | seconds an epoch |\n|---|---|---|---|")
    found = {}
    for name in chosen:
        found[name] = round(seconds(name, threads=args.threads, calls=args.calls, rounds=args.rounds), 1)
        recipe = recipes.RECIPES[name]
        print(f"| {name} | {recipe.parameters:,} | {steps(name):,} | {found[name]:.1f} |", flush=True)
    if args.write:
        environment = records.environment()
        threads = f"{args.threads} thread{'s' if args.threads > 1 else ''}"
        machine = f"{threads} of {environment['cpu']}, tinynet at commit {environment['commit']}"
        before = recipes.costs()
        kept = before["seconds"] if len(found) < len(recipes.RECIPES) else {}
        COSTS.write_text(yaml.safe_dump({"machine": machine, "seconds": {**kept, **found}}, sort_keys=False))
        print(f"\nwritten to {COSTS}")


if __name__ == "__main__":
    main()
