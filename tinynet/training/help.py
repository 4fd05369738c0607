"""The text of `python -m tinynet.train --help`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import get_type_hints

from tinynet.training.config import TrainConfig, choices, flag, no_flag, text
from tinynet.training.recipes import DEFAULT, RECIPES, Recipe, costs

GROUPS: dict[str, dict[str, str]] = {
    "What to train": {
        "model": "network: {models}",
        "dataset": "images to train on; cifar10-sample is a part of CIFAR-10 inside the package",
        "data_dir": "folder of the data set's files; else $TINYNET_DATA, else the cache, else a download",
        "classes": "only the images of these classes, by name; all if not given",
        "train_images": "only so many training images, of each class its share; all if not given",
        "val_size": "training images held back to pick the best epoch; a tenth if not given, 0 for none",
        "augment": "random changes of the training images",
        "mixup": "blend pairs of images and their labels, shares drawn from Beta(X, X); 0: not at all",
        "cutmix": "paste a part of another image, and of its label, shares from Beta(X, X); 0: not at all",
        "image_size": "enlarge or shrink images of 32x32 to so many pixels; those of a folder are read at that size",
        "normalise": "mean and std of: the data set, half (0.5 and 0.5), or ImageNet",
    },
    "Where to start": {
        "weights": "state dict to start from: .safetensors, .pth (its pickle is not executed), or a run's folder",
        "reset": "layers that start anew all the same, with all inside them, as in fc",
        "train_only": "layers to train, with all inside them, as in layer4 fc; all others stay as they are",
        "frozen_bn": "batch normalisation of layers that are not trained uses its running statistics",
    },
    "How long": {
        "epochs": "passes over the training images",
        "max_steps": "stop after so many steps in all, on the schedule of the full run",
        "batch_size": "images in one step",
    },
    "How to learn": {
        "optimizer": "update rule; muon: for the weights of hidden layers, and for the rest sgd",
        "lr": "learning rate (its peak, for onecycle)",
        "sgd_lr": "muon: learning rate (its peak, for onecycle) of the rest",
        "momentum": "momentum of sgd, from 0 to below 1",
        "nesterov": "Nesterov's form of the momentum of sgd; muon always takes it",
        "weight_decay": "weight decay of every parameter; muon: of the weights of hidden layers",
        "sgd_weight_decay": "muon: weight decay of the rest",
        "label_smoothing": "share of the target given to all classes alike, from 0 to below 1",
        "schedule": "course of the learning rate",
        "warmup": "onecycle: share of the run in which the learning rate rises",
        "milestones": "multistep: epochs after which the learning rate drops, as in 80,110,130",
        "step_size": "step: epochs between two drops",
        "gamma": "step, multistep: factor of each drop",
    },
    "How to run": {
        "seed": "seed of weights, shuffling and augmentation",
        "backend": "array library; auto: cupy where there is an NVIDIA GPU and CuPy, else numpy",
        "threads": "CPU threads; all available cores if not given",
        "out": "new folder for the results; runs/RECIPE-N if not given",
        "resume": "continue the run in --out from its last checkpoint",
        "save_minutes": "checkpoint also within an epoch, so many minutes apart",
        "log_every": "a line of seconds, epoch, mini-batch and mean loss every so many mini-batches",
        "record_every": "the mean loss of every so many mini-batches, into steps.jsonl",
    },
}

_NARROW = 64
"""Columns below which explanations stand under what they explain."""


def help_text(prog: str, recipe: Recipe, models: list[str], more: Sequence[tuple[str, str]] = ()) -> str:
    """Return the whole text, with the values of `recipe` as defaults, for the width of the terminal.

    Args:    more: flags that only this program has, each with its explanation
    """
    width = min(shutil.get_terminal_size().columns, 100)
    command = f"python -m {prog}"
    lines = [
        f"{command} [RECIPE] [flags]",
        "",
        *_wrap(
            "Train a network on images. Without a recipe: a small residual net on a sample of CIFAR-10 "
            "that comes with the package, offline, in half a minute.",
            "",
            "",
            width,
        ),
        "",
        "Examples",
        f"  {command}",
        f"  {command} resnet20 --epochs 2",
        f"  {command} resnet20 --optimizer adamw --lr 1e-3 --schedule cosine",
        f"  {command} --resume --out runs/resnet20-1",
        "",
        f"Recipes (default: {DEFAULT})",
    ]
    for each in RECIPES.values():
        lines += _item(each.name, each.description, width, column=24)
    for group, names in GROUPS.items():
        lines += ["", f"{group} (defaults of {recipe.name})" if group == "What to train" else group]
        for name, words in names.items():
            lines += _flag(name, words.format(models=", ".join(models)), recipe, width)
    for head, words in more:
        lines += _item(head, words, width)
    lines += ["", "Configuration files"]
    lines += _item("--print-config", "print all values as YAML and stop", width)
    lines += _item(
        "--config FILE", "take values from a YAML file, as config.yaml of a run; flags beside it win", width
    )
    lines += _item("--list", "show the recipes with parameters, accuracy and seconds an epoch", width)
    lines += _item("-h, --help", "show this text; after a recipe, with its values", width)
    return "\n".join(lines)


def list_text(prog: str) -> str:
    """Return the table of `--list`, for the width of the terminal."""
    width = min(shutil.get_terminal_size().columns, 120)
    found = costs()
    lines = []
    for recipe in RECIPES.values():
        config, seconds = recipe.config, found["seconds"].get(recipe.name)
        facts = [
            f"{config.model} on {config.dataset}: {recipe.parameters:,} parameters, {config.epochs} epochs"
            + (f" of {_seconds(seconds)}" if seconds is not None else "")
        ]
        facts += [f"reported: {recipe.reported}"] if recipe.reported else []
        facts += [f"reached here: {recipe.expected}"] if recipe.expected else []
        lines += [recipe.name, *_wrap(recipe.description, "  ", "  ", width)]
        for fact in facts:
            lines += _wrap(fact, "  ", "    ", width)
        lines += ["", *_wrap(recipe.notes, "  ", "  ", width), ""] if recipe.notes else [""]
    lines += _wrap(
        f"Seconds an epoch: {found['machine']}; python -m benchmarks.recipes measures them on your machine. "
        f"Start one with: python -m {prog} NAME",
        "", "", width,
    )  # fmt: skip
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def _flag(name: str, words: str, recipe: Recipe, width: int) -> list[str]:
    hint, default = get_type_hints(TrainConfig)[name], getattr(recipe.config, name)
    if hint is bool:
        return _item(f"{flag(name)}, {no_flag(name)}" if name != "resume" else flag(name), words, width)
    if known := choices(hint):
        words = f"{words}: {', '.join(known)}"
    if default not in (None, ()):
        words = f"{words} [{text(default)}]"
    return _item(f"{flag(name)} {_value_name(name)}", words, width)


def _value_name(name: str) -> str:
    hint = get_type_hints(TrainConfig)[name]
    kinds = {float: "X", tuple[int, ...]: "N,N,...", tuple[str, ...]: "NAME ..."}
    return _WORDS.get(name, kinds.get(hint, "N"))


_WORDS = {
    **dict.fromkeys(("model", "dataset", "augment", "normalise", "optimizer", "schedule", "backend"), "NAME"),
    **{"data_dir": "FOLDER", "out": "FOLDER", "weights": "FILE"},
}


def _item(head: str, words: str, width: int, column: int = 26) -> list[str]:
    """Return `head` and beside it, from `column` on, `words`; below it where there is no room."""
    if width < _NARROW:
        return [f"  {head}", *_wrap(words, " " * 6, " " * 6, width)]
    if len(head) + 3 > column:
        return [f"  {head}", *_wrap(words, " " * column, " " * column, width)]
    return _wrap(words, f"  {head}".ljust(column), " " * column, width)


def _wrap(words: str, first: str, rest: str, width: int) -> list[str]:
    # Names such as cifar10-sample stay whole.
    return textwrap.wrap(
        words, max(width, 40), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
