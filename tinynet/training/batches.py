"""The batches of a run: training, validation and test set, augmented and normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet import data
from tinynet.data.datasets import ArrayDataset, load, split_validation
from tinynet.data.loader import BatchLoader
from tinynet.data.stratified import stratified
from tinynet.data.transforms import Compose, Normalize, augmentation_for, evaluation_for
from tinynet.training.config import TrainConfig, suggest, text
from tinynet.training.errors import ConfigError

FIXED = {
    "half": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "imagenet": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
}
"""Mean and std of --normalise, in units of 0..1; those of ImageNet as torchvision's models expect them."""

EVAL_BATCH = 250
"""Images at a time where no gradient is kept: the result does not depend on it."""


@dataclass(frozen=True)
class Batches:
    """Loaders of one run; `val` is None where --val-size is 0. normalisation: `mean` and `std`, lists."""

    train: BatchLoader
    val: BatchLoader | None
    test: BatchLoader
    classes: tuple[str, ...]
    normalisation: dict[str, list[float]]


def prepare(config: TrainConfig, *, progress: bool = True) -> Batches:
    """Load the data set of `config`, split off the validation set and make batches.

    Raises: DataError: data missing or damaged; ConfigError: --val-size leaves nothing to train on, or as `parts`
    """
    sets = parts(config, progress=progress)
    values = normalisation(config, sets["train"])
    classes = sets["train"].classes
    augmented = Compose([augmentation_for(config.augment, config.stored_size), Normalize(**values)])
    return Batches(
        BatchLoader(
            sets["train"], config.batch_size, shuffle=True, transform=augmented, seed=config.seed,
            mix=mix_for(config),
        ),
        eval_loader(sets["val"], config, values) if len(sets["val"]) else None,
        eval_loader(sets["test"], config, values),
        classes,
        values,
    )  # fmt: skip


def parts(config: TrainConfig, *, progress: bool = True) -> dict[str, ArrayDataset]:
    """Return the `train`, `val` and `test` images of a run, RGB of `config.stored_size` pixels a side.

    Raises: as `prepare`; ConfigError: --classes or --train-images ask for what is not there
    """
    size = config.stored_size
    sets = load(
        config.dataset,
        data_dir=config.data_dir,
        progress=progress,
        image_size=size if config.dataset == "image-folder" else None,
    )
    train, test = (data.fit(_only(part, config.classes), size=size) for part in sets)
    held_back = len(train) // 10 if config.val_size is None else config.val_size
    if held_back >= len(train):
        raise ConfigError(
            f"--val-size {held_back}: must be below {len(train):,}, the number of training images of {train.name}"
        )
    rest, val = split_validation(train, held_back, config.seed)
    return {"train": _few(rest, config), "val": val, "test": test}


def normalisation(config: TrainConfig, train: ArrayDataset) -> dict[str, list[float]]:
    """Return mean and std of --normalise, for training images as `parts` returns them."""
    if config.normalise == "dataset":
        mean, std = data.statistics(train)
        return {"mean": list(mean), "std": list(std)}
    return FIXED[config.normalise]


def eval_loader(
    dataset: ArrayDataset,
    config: TrainConfig,
    normalisation: dict[str, list[float]],
    batch_size: int = EVAL_BATCH,
) -> BatchLoader:
    """Return batches in the order of the data set, without augmentation."""
    transform = Compose([evaluation_for(config.augment, config.stored_size), Normalize(**normalisation)])
    return BatchLoader(dataset, batch_size, shuffle=False, transform=transform, seed=0)


def mix_for(config: TrainConfig) -> Any:
    """Return what --mixup or --cutmix do to a batch and its labels, None without them."""
    if config.mixup:
        return data.MixUp(config.mixup)
    return data.CutMix(config.cutmix) if config.cutmix else None


def _only(dataset: ArrayDataset, classes: tuple[str, ...]) -> ArrayDataset:
    """Return the images of these classes, which are numbered in the order given; of all if none is."""
    if not classes:
        return dataset
    for name in classes:
        if name not in dataset.classes:
            known = suggest(name, dataset.classes)
            if any("," in one for one in dataset.classes):
                known += (
                    """. A name with a comma stands in double quotes, within those of the shell: '"a, b"'"""
                )
            raise ConfigError(f"--classes {text(classes)}: {dataset.name} has no {name!r}: {known}")
    number = np.full(len(dataset.classes), -1)
    number[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))
    chosen = np.flatnonzero(number[dataset.labels] >= 0)
    return ArrayDataset(dataset.images[chosen], number[dataset.labels[chosen]], classes, dataset.name)


def _few(train: ArrayDataset, config: TrainConfig) -> ArrayDataset:
    """Return --train-images of the training images, of each class its share."""
    count = config.train_images
    if count is None:
        return train
    if count > len(train):
        raise ConfigError(
            f"--train-images {count}: {train.name} has {len(train):,} beside the validation images"
        )
    return train.subset(stratified(train.labels, count, "train images", config.seed))
