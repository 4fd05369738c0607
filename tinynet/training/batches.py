"""The batches of a run: training, validation and test set, augmented and normalised."""

from __future__ import annotations

from dataclasses import dataclass

from tinynet.data.datasets import ArrayDataset, load, split_validation
from tinynet.data.loader import BatchLoader
from tinynet.data.transforms import CIFAR10_MEAN, CIFAR10_STD, Compose, Normalize, augmentation_for
from tinynet.training.config import TrainConfig
from tinynet.training.errors import ConfigError

NORMALISATION = {"mean": list(CIFAR10_MEAN), "std": list(CIFAR10_STD)}

EVAL_BATCH = 250
"""Images at a time where no gradient is kept: the result does not depend on it."""


@dataclass(frozen=True)
class Batches:
    """Loaders of one run; `val` is None where --val-size is 0."""

    train: BatchLoader
    val: BatchLoader | None
    test: BatchLoader
    classes: tuple[str, ...]


def prepare(config: TrainConfig, *, progress: bool = True) -> Batches:
    """Load the data set of `config`, split off the validation set and make batches.

    Raises: DataError: data missing or damaged; ConfigError: --val-size leaves nothing to train on
    """
    sets = parts(config, progress=progress)
    augmented = Compose([augmentation_for(config.augment), Normalize(**NORMALISATION)])
    return Batches(
        BatchLoader(sets["train"], config.batch_size, shuffle=True, transform=augmented, seed=config.seed),
        eval_loader(sets["val"], NORMALISATION) if len(sets["val"]) else None,
        eval_loader(sets["test"], NORMALISATION),
        sets["train"].classes,
    )


def parts(config: TrainConfig, *, progress: bool = True) -> dict[str, ArrayDataset]:
    """Return the `train`, `val` and `test` images of a run. Raises as `prepare`."""
    train, test = load(config.dataset, data_dir=config.data_dir, progress=progress)
    size = len(train) // 10 if config.val_size is None else config.val_size
    if size >= len(train):
        raise ConfigError(
            f"--val-size {size}: must be below {len(train):,}, the number of training images of {train.name}"
        )
    rest, val = split_validation(train, size, config.seed)
    return {"train": rest, "val": val, "test": test}


def eval_loader(
    dataset: ArrayDataset, normalisation: dict[str, list[float]], batch_size: int = EVAL_BATCH
) -> BatchLoader:
    """Return batches in the order of the data set, normalised only."""
    return BatchLoader(dataset, batch_size, shuffle=False, transform=Normalize(**normalisation), seed=0)
