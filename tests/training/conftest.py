"""A framework small enough to check the loop with: a linear classifier on the mean colour, with momentum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinynet.data.datasets import ArrayDataset
from tinynet.data.loader import BatchLoader
from tinynet.data.transforms import CIFAR10_MEAN, CIFAR10_STD, Normalize
from tinynet.training.batches import Batches, eval_loader
from tinynet.training.config import TrainConfig
from tinynet.training.engine import Totals
from tinynet.training.report import Report
from tinynet.training.signals import StopRequest
from tinynet.training.trainer import Trainer

NORMALISATION = {"mean": list(CIFAR10_MEAN), "std": list(CIFAR10_STD)}
CLASSES = ("dark", "grey", "light")


class ToyEngine:
    """Implements `Engine` in a few lines of NumPy; dropout depends on (epoch, step) as in a real one."""

    name = "toy"

    def __init__(self):
        self.after_step = lambda: None
        self.steps = 0

    def versions(self):
        return {"toy": "1"}

    def prepare(self, backend, threads):
        return backend

    def build(self, config, *, steps_per_epoch, classes):
        rng = np.random.default_rng(config.seed)
        self.weight, self.velocity = rng.normal(size=(3, classes)), np.zeros((3, classes))
        self.lr = config.lr

    def start(self, *, training):
        self.set_totals(Totals())

    def set_progress(self, epoch, step):
        self.place = (epoch, step)

    def train_step(self, images, labels):
        keep = np.random.default_rng(self.place).random(3) < 0.9
        x = images.mean(axis=(2, 3)).astype(np.float64) * keep
        p = self._probabilities(x)
        self._add(p, labels)
        p[np.arange(len(labels)), labels] -= 1
        self.velocity = 0.9 * self.velocity + x.T @ p / len(labels)
        self.weight = self.weight - self.lr * self.velocity
        self.steps += 1
        self.after_step()

    def eval_step(self, images, labels):
        self._add(self._probabilities(images.mean(axis=(2, 3)).astype(np.float64)), labels)

    def totals(self):
        return self._totals

    def set_totals(self, totals):
        self._totals = totals

    def end_epoch(self):
        self.lr *= 0.7

    def learning_rate(self):
        return self.lr

    def logits(self, images):
        return images.mean(axis=(2, 3)) @ self.weight

    def weights(self):
        return {"fc.weight": self.weight.copy()}

    def load_weights(self, weights):
        self.weight = weights["fc.weight"].copy()

    def optimizer_state(self):
        return {"velocity": self.velocity.copy()}, {"lr": self.lr}

    def load_optimizer_state(self, arrays, state):
        self.velocity, self.lr = arrays["velocity"].copy(), state["lr"]

    def _probabilities(self, x):
        scores = np.exp(x @ self.weight)
        return scores / scores.sum(axis=1, keepdims=True)

    def _add(self, p, labels):
        loss = -np.log(p[np.arange(len(labels)), labels]).sum()
        right = int((p.argmax(axis=1) == labels).sum())
        was = self._totals
        self._totals = Totals(was.loss + float(loss), was.correct + right, was.images + len(labels))


def _dataset(count: int, seed: int) -> ArrayDataset:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    noise = rng.integers(0, 90, size=(count, 3, 32, 32))
    images = (noise + 80 * labels[:, None, None, None]).astype(np.uint8)
    return ArrayDataset(images, labels.astype(np.int64), CLASSES, "toy")


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(epochs=3, batch_size=10, lr=0.05, augment="none", schedule="constant")


@pytest.fixture
def batches(config: TrainConfig) -> Batches:
    """35 images to train: four steps an epoch, the last one smaller."""
    train = BatchLoader(
        _dataset(35, 0), 10, shuffle=True, transform=Normalize(**NORMALISATION), seed=0, prefetch=0
    )
    val, test = (eval_loader(_dataset(n, seed), config, NORMALISATION) for n, seed in ((12, 1), (9, 2)))
    return Batches(train, val, test, CLASSES, NORMALISATION)


@pytest.fixture
def make_trainer(config: TrainConfig, batches: Batches, tmp_path: Path):
    """Return a function that builds a trainer over a toy engine in the folder `tmp_path / name`."""

    def make(name="run", engine=None, batches=batches, **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        changed, engine = replace(config, **changes), engine or ToyEngine()
        engine.build(changed, steps_per_epoch=len(batches.train), classes=3)
        return Trainer(changed, engine, batches, folder, Report("tinynet.train", changed), StopRequest())

    return make
