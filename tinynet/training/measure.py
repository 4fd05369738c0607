"""Measure a network on labelled images, class by class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinynet.data.loader import BatchLoader
from tinynet.training.engine import Engine
from tinynet.training.inference import log_probabilities
from tinynet.training.progress import Bar

LISTED = 20
"""Classes up to which a run lists the accuracy of each at its end."""


@dataclass(frozen=True)
class Measured:
    """What was found.

    loss: mean cross entropy, nats; hits, counts: right answers and images of each class, int64 (classes,)
    """

    loss: float
    hits: np.ndarray
    counts: np.ndarray

    @property
    def images(self) -> int:
        """How many there were."""
        return int(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers, from 0 to 1."""
        return int(self.hits.sum()) / max(self.images, 1)

    def lines(self, classes: tuple[str, ...]) -> list[str]:
        """Return a line a class."""
        width = max(map(len, classes))
        return [
            f"  {name:<{width}}  {100 * hit / max(count, 1):6.2f} %  {hit:,} of {count:,}"
            for name, hit, count in zip(classes, self.hits, self.counts, strict=True)
        ]


def measure(
    engine: Engine, loader: BatchLoader, title: str, stop: Callable[[], bool] = lambda: False
) -> Measured:
    """Return what the network in `engine` makes of the images; of those before a stop, if one is asked for."""
    classes = len(loader.dataset.classes)
    loss, hits, counts = 0.0, np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    with Bar(title, len(loader.dataset)) as bar:
        for images, labels in loader.epoch(0):
            scores = log_probabilities(engine.logits(images))
            loss -= float(scores[np.arange(len(labels)), labels].sum())
            hits += np.bincount(labels[scores.argmax(axis=1) == labels], minlength=classes)
            counts += np.bincount(labels, minlength=classes)
            if bar.add(len(labels)):
                bar.show()
            if stop():
                break
    return Measured(loss / max(int(counts.sum()), 1), hits, counts)
