"""Batches of a dataset, prepared in the background."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tinynet.data.datasets import ArrayDataset
from tinynet.data.transforms import MixTransform, Transform
from tinynet.errors import DataError
from tinynet.random import generator

Batch = tuple[np.ndarray, np.ndarray]


class BatchLoader:
    """Cut a dataset into batches; a background thread prepares the next ones.

    The order of an epoch depends on (seed, epoch) alone, what a transform does to a sample on (seed, epoch,
    sample).

    Args:    batch_size: images a step
             shuffle: another order each epoch, instead of the dataset's own
             transform: applied to each batch of uint8 images; None leaves them as they are
             mix: applied after it to images and labels, which become shares of the classes: MixUp, CutMix
             drop_last: leave out a last batch of fewer images
             prefetch: batches prepared ahead; 0 prepares each when it is asked for, without a thread
    Raises:  DataError: batch_size < 1; no images; drop_last with fewer images than a batch
             ValueError: prefetch < 0
    """

    def __init__(
        self,
        dataset: ArrayDataset,
        batch_size: int,
        *,
        shuffle: bool,
        transform: Transform | None,
        seed: int,
        mix: MixTransform | None = None,
        drop_last: bool = False,
        prefetch: int = 2,
    ) -> None:
        if batch_size < 1:
            raise DataError(f"the batch size must be at least 1, got {batch_size}")
        if prefetch < 0:
            raise ValueError(f"BatchLoader: prefetch must not be negative, got {prefetch}")
        if len(dataset) == 0:
            raise DataError(f"{dataset.name}: there are no images to make batches of")
        if drop_last and len(dataset) < batch_size:
            raise DataError(f"{dataset.name}: {len(dataset)} images do not fill one batch of {batch_size}")
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.transform, self.mix, self.seed = transform, mix, seed
        self.drop_last, self.prefetch = drop_last, prefetch

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """Iterate over the batches of one epoch, from `start_step` on.

        An exception in the thread is raised here; leaving the loop early stops the thread.

        Shapes:  yields images (B, C, H, W) and labels int64 (B,), of mixed images float32 (B, classes);
                 B = batch_size but for a smaller last batch
        Raises:  ValueError: start_step outside 0..len(self)
        """
        if not 0 <= start_step <= len(self):
            raise ValueError(f"BatchLoader.epoch: start_step {start_step} is outside 0..{len(self)}")
        return self._batches(epoch, self.order(epoch), start_step)

    def order(self, epoch: int) -> np.ndarray:
        """Return the positions of all images, int64 (N,), in the order of that epoch."""
        if self.shuffle:
            return generator("shuffle", epoch, seed=self.seed).permutation(len(self.dataset))
        return np.arange(len(self.dataset))

    def _batches(self, epoch: int, order: np.ndarray, start_step: int) -> Iterator[Batch]:
        """Yield prepared batches, keeping `prefetch` of them under way."""
        if self.prefetch == 0:
            for step in range(start_step, len(self)):
                yield self._prepare(epoch, order, step)
            return
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tinynet-loader")
        pending: deque[Future[Batch]] = deque()
        try:
            for step in range(start_step, len(self)):
                while len(pending) <= self.prefetch and step + len(pending) < len(self):
                    pending.append(executor.submit(self._prepare, epoch, order, step + len(pending)))
                yield pending.popleft().result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _prepare(self, epoch: int, order: np.ndarray, step: int) -> Batch:
        """Gather and transform one batch."""
        indices = order[step * self.batch_size : (step + 1) * self.batch_size]
        images = self.dataset.images[indices]
        if self.transform is not None:
            images = self.transform(images, seed=self.seed, epoch=epoch, indices=indices)
        labels = self.dataset.labels[indices]
        if self.mix is None:
            return images, labels
        classes = len(self.dataset.classes)
        return self.mix(images, labels, num_classes=classes, seed=self.seed, epoch=epoch, indices=indices)
