"""DataLoader: batches of a dataset."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from tinynet.generator import Source
from tinynet.utils.data.collate import default_collate, default_convert
from tinynet.utils.data.dataset import IterableDataset
from tinynet.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Batches of a dataset: for batch in loader; each time the batches start anew.

    Differs from torch: batches are made in this process when they are asked for, whatever num_workers is. So there
    are no workers to initialise, no memory to pin and nothing to wait for: num_workers, pin_memory, timeout,
    worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers, pin_memory_device and in_order are
    accepted and change nothing.

    Args:    batch_size: samples a batch; None yields single samples
             shuffle: visit the samples in another order each time
             sampler: the order, an iterable of indices; batch_sampler: an iterable of lists of them, the batches
             collate_fn: makes a batch of a list of samples, default_collate if None
             drop_last: leave out a last batch of fewer samples
             generator: of the order if shuffle; None takes the seed set by manual_seed
    Raises:  ValueError: arguments that exclude each other, or a negative number
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Source = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        iterable = isinstance(dataset, IterableDataset)
        _check_order(iterable, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset, self.generator, self.num_workers = dataset, generator, num_workers
        self.pin_memory, self.timeout, self.worker_init_fn = pin_memory, timeout, worker_init_fn
        self.prefetch_factor, self.persistent_workers = prefetch_factor, persistent_workers
        self.batch_size = None if batch_sampler is not None else batch_size
        self.drop_last = drop_last
        if sampler is None and not iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler: Any = sampler
        if batch_sampler is None and batch_size is not None:
            indices = itertools.repeat(None) if iterable else sampler
            batch_sampler = BatchSampler(indices, batch_size, drop_last)  # type: ignore[arg-type]
        self.batch_sampler: Any = batch_sampler
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._in_sequence()
        return self._by_index()

    def _by_index(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])
            return
        whole = getattr(self.dataset, "__getitems__", None)
        for indices in self.batch_sampler:
            samples = whole(indices) if callable(whole) else [self.dataset[i] for i in indices]
            yield self.collate_fn(samples)

    def _in_sequence(self) -> Iterator[Any]:
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from (self.collate_fn(sample) for sample in samples)
            return
        while batch := list(itertools.islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def __len__(self) -> int:
        """Return the number of batches.

        Raises:  TypeError: an IterableDataset or a sampler without a length
        """
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        count = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        full, rest = divmod(count, self.batch_size)
        return full + (rest > 0 and not self.drop_last)


def get_worker_info() -> None:
    """Return None: no code runs in a worker."""
    return None


def _check_workers(
    num_workers: int, timeout: float, prefetch: int | None, persistent: bool, context: Any
) -> None:
    if num_workers < 0:
        raise ValueError(f"num_workers option should be non-negative, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch is not None:
        raise ValueError("prefetch_factor needs num_workers > 0")
    if prefetch is not None and prefetch < 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch}")
    if num_workers == 0 and context is not None:
        raise ValueError("multiprocessing_context needs num_workers > 0")
    if num_workers == 0 and persistent:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_order(
    iterable: bool, batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if iterable:
        for name, value in (
            ("shuffle", shuffle or None),
            ("sampler", sampler),
            ("batch_sampler", batch_sampler),
        ):
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )
