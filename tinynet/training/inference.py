"""A trained network from its checkpoint, for `tinynet.evaluate` and `tinynet.predict`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinynet.data.datasets import ArrayDataset
from tinynet.data.transforms import Compose, Normalize, evaluation_for
from tinynet.kernels.generic.activation import log_softmax
from tinynet.threads import available_cores
from tinynet.training import batches, checkpoint
from tinynet.training.checkpoint import Checkpoint
from tinynet.training.config import TrainConfig
from tinynet.training.engine import TinynetEngine

NEEDED = ("classes", "normalisation", "epoch", "step", "steps_per_epoch")
"""What the state of a checkpoint must hold to be evaluated."""


@dataclass(frozen=True)
class Trained:
    """A network ready to answer; `saved` says what it learned and how."""

    engine: TinynetEngine
    saved: Checkpoint
    config: TrainConfig

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the scores."""
        return tuple(self.saved.state["classes"])

    @property
    def normalisation(self) -> dict[str, list[float]]:
        """Mean and std of the images that it expects."""
        return self.saved.state["normalisation"]

    def parts(self, data_dir: str | None = None) -> dict[str, ArrayDataset]:
        """Return the images it was trained, validated and tested on, as `batches.parts`; data_dir: where they are now.

        Raises: as `batches.parts`; ConfigError: they have other classes
        """
        found = batches.parts(replace(self.config, data_dir=data_dir or self.config.data_dir))
        checkpoint.check_classes(self.saved, found["train"].classes, found["train"].name)
        return found

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities of the classes.

        Shapes:  images uint8 (N, 3, S, S), S the stored_size of the configuration; returns float64 (N, classes)
        """
        return np.exp(log_probabilities(self.engine.logits(self.prepared(images))))

    def prepared(self, images: np.ndarray) -> np.ndarray:
        """Return images uint8 (N, 3, S, S) as the network takes them: cut as in evaluation, and normalised."""
        transform = Compose(
            [evaluation_for(self.config.augment, self.config.stored_size), Normalize(**self.normalisation)]
        )
        return transform(images, seed=0, epoch=0, indices=np.arange(len(images)))


def load(path: Path, backend: str, threads: int | None) -> Trained:
    """Build the network of a checkpoint, whichever framework trained it, and give it its weights.

    Raises: CheckpointError: missing, damaged, or its weights do not fit its model; BackendUnavailable
    """
    saved = checkpoint.load(path)
    config = checkpoint.read_config(saved, NEEDED)
    engine = TinynetEngine()
    engine.prepare(backend, threads or available_cores())
    engine.build(config, steps_per_epoch=saved.state["steps_per_epoch"], classes=len(saved.state["classes"]))
    checkpoint.check_fits(saved, engine.weights(), config.model)
    engine.load_weights(saved.weights)
    return Trained(engine, saved, config)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities, float64, of scores (N, classes)."""
    return log_softmax(logits.astype(np.float64), axis=1)
