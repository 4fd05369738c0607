"""The configuration of a run: every field is a flag of `python -m tinynet.train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tinynet.training.errors import ConfigError

Dataset = Literal[
    "cifar10-sample", "cifar10", "cifar100", "cifar100-coarse", "fashion-mnist", "digits", "image-folder"
]
Optimizer = Literal["sgd", "adam", "adamw", "muon"]
Schedule = Literal["constant", "step", "multistep", "cosine", "onecycle", "linear"]
Augmentation = Literal[
    "none", "flip", "crop-flip", "crop28-flip", "crop-flip-cutout", "resized-crop-flip-jitter"
]
Normalisation = Literal["dataset", "half", "imagenet"]
Backend = Literal["auto", "numpy", "cupy"]

ONLY_32 = ("lenet", "vgg-a", "vgg-a-bn")
"""Models whose linear layers expect what is left of an image of 32x32."""

EPOCH_FREE_SCHEDULES = ("constant", "step", "multistep")
"""Schedules that do not depend on the number of epochs, so that a finished run can be prolonged."""


@dataclass(frozen=True)
class TrainConfig:
    """All that determines a run, and a few fields that leave its result alone; `help.py` explains each."""

    recipe: str = "quick"

    model: str = "resnet20"
    dataset: Dataset = "cifar10"
    data_dir: str | None = None
    classes: tuple[str, ...] = ()
    train_images: int | None = None
    val_size: int | None = None
    augment: Augmentation = "crop-flip"
    mixup: float = 0.0
    cutmix: float = 0.0
    image_size: int | None = None
    normalise: Normalisation = "dataset"

    weights: str | None = None
    reset: tuple[str, ...] = ()
    train_only: tuple[str, ...] = ()
    frozen_bn: bool = False

    epochs: int = 30
    max_steps: int | None = None
    batch_size: int = 128

    optimizer: Optimizer = "sgd"
    lr: float = 0.1
    sgd_lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    sgd_weight_decay: float = 0.0
    label_smoothing: float = 0.0

    schedule: Schedule = "onecycle"
    warmup: float = 0.25
    milestones: tuple[int, ...] = ()
    step_size: int = 30
    gamma: float = 0.1

    seed: int = 0
    backend: Backend = "auto"
    threads: int | None = None
    out: str | None = None
    resume: bool = False
    save_minutes: float = 10.0
    log_every: int | None = None
    record_every: int | None = None

    @property
    def stored_size(self) -> int:
        """Pixels of a side as the data set gives images, before augmentation.

        Pictures of a folder may have any size, and are read as large as --image-size says; all others have 32.
        """
        return self.image_size or 32 if self.dataset == "image-folder" else 32

    def validate(self) -> None:
        """Check every value that can be checked without data. Raises ConfigError naming flag and value."""
        for name, hint in get_type_hints(type(self)).items():
            if (known := choices(hint)) and getattr(self, name) not in known:
                raise ConfigError(
                    f"{flag(name)} {getattr(self, name)}: {suggest(getattr(self, name), known)}"
                )
        for name, (holds, wanted) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not holds(value):
                raise ConfigError(f"{flag(name)} {value}: must be {wanted}")
        for name, what in (("out", "folder"), ("data_dir", "folder"), ("weights", "file")):
            if getattr(self, name) == "":
                raise ConfigError(f"{flag(name)} is empty: give a {what}, or leave the flag out")
        if any(m < 1 for m in self.milestones) or list(self.milestones) != sorted(set(self.milestones)):
            raise ConfigError(f"--milestones {text(self.milestones)}: must be rising epochs, each at least 1")
        if self.schedule == "multistep" and not self.milestones:
            raise ConfigError("--schedule multistep needs --milestones, as in --milestones 80,110,130")
        size = self.image_size or (28 if self.augment == "crop28-flip" else 32)
        if self.model in ONLY_32 and size != 32:
            raise ConfigError(
                f"--model {self.model} takes images of 32x32 alone, and "
                + (
                    f"--image-size is {size}"
                    if self.image_size
                    else f"--augment {self.augment} cuts {size}x{size}"
                )
            )
        if self.mixup and self.cutmix:
            raise ConfigError(f"--mixup {self.mixup} and --cutmix {self.cutmix}: give one of them")
        if self.frozen_bn and not self.train_only:
            raise ConfigError("--frozen-bn needs --train-only: without it no layer is frozen")
        if len(set(self.classes)) != len(self.classes) or len(self.classes) == 1:
            raise ConfigError(
                f"--classes {text(self.classes)}: give at least two different classes, or none for all"
            )
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ConfigError("--nesterov needs --optimizer sgd and a --momentum above 0")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainConfig:
        """Read what `to_json` wrote; fields unknown here are dropped, missing ones take their defaults."""
        known = {item.name for item in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if name in known
        }
        return cls(**kept)


_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "train_images": (lambda v: v >= 1, "at least 1"),
    "val_size": (lambda v: v >= 0, "0 or more images"),
    "mixup": (lambda v: 0 <= v < float("inf"), "0 or more"),
    "cutmix": (lambda v: 0 <= v < float("inf"), "0 or more"),
    "image_size": (lambda v: 8 <= v <= 1024, "from 8 to 1024 pixels"),
    "epochs": (lambda v: v >= 1, "at least 1"),
    "max_steps": (lambda v: v >= 1, "at least 1"),
    "batch_size": (lambda v: v >= 1, "at least 1"),
    "lr": (lambda v: 0 < v < float("inf"), "a number above 0"),
    "sgd_lr": (lambda v: 0 < v < float("inf"), "a number above 0"),
    "momentum": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "weight_decay": (lambda v: 0 <= v < float("inf"), "0 or more"),
    "sgd_weight_decay": (lambda v: 0 <= v < float("inf"), "0 or more"),
    "label_smoothing": (lambda v: 0 <= v < 1, "from 0 to below 1"),
    "warmup": (lambda v: 0 < v < 1, "between 0 and 1"),
    "step_size": (lambda v: v >= 1, "at least 1 epoch"),
    "gamma": (lambda v: 0 < v <= 1, "above 0 and at most 1"),
    "seed": (lambda v: 0 <= v < 2**63, "a whole number from 0 to 2^63 - 1"),
    "threads": (lambda v: v >= 1, "at least 1"),
    "save_minutes": (lambda v: v > 0, "above 0"),
    "log_every": (lambda v: v >= 1, "at least 1 mini-batch"),
    "record_every": (lambda v: v >= 1, "at least 1 mini-batch"),
}


def choices(hint: Any) -> tuple[str, ...]:
    """Return the values that a field's type allows, where it is a list of names; else nothing."""
    return get_args(hint) if get_origin(hint) is Literal else ()


def flag(name: str) -> str:
    """Return the command-line flag of a field."""
    return "--" + name.replace("_", "-")


def no_flag(name: str) -> str:
    """Return the flag that switches a field off."""
    return "--no-" + flag(name)[2:]


def flags(config: TrainConfig, base: TrainConfig, skip: Sequence[str] = ()) -> list[str]:
    """Return the flags that turn `base` into `config`, as words of a command."""
    words: list[str] = []
    for item in fields(config):
        value = getattr(config, item.name)
        if item.name in ("recipe", *skip) or value == getattr(base, item.name):
            continue
        if value is True:
            words.append(flag(item.name))
        elif value is False:
            words.append(no_flag(item.name))
        elif value is not None:
            given = text(value)
            # A value that begins with a dash would be taken for a flag.
            words += [f"{flag(item.name)}={given}"] if given.startswith("-") else [flag(item.name), given]
    return words


def suggest(word: str, known: Sequence[str]) -> str:
    """Return "did you mean …?" with close matches, and the whole list."""
    close = get_close_matches(str(word), known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(known)}"


def text(value: Any) -> str:
    """Return a value as it is written on the command line; names with a comma stand in quotes, as in a line of CSV."""
    return ",".join(map(_quoted, map(str, value))) if isinstance(value, tuple) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(letter in name for letter in ',"') else name
