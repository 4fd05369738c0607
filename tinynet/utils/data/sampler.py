"""Samplers: the order in which the samples of a dataset are visited."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from tinynet.generator import Source, stream_of
from tinynet.tensor import Tensor

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Indices of samples, or lists of them: a subclass defines __iter__() and usually __len__()."""

    def __init__(self, data_source: Sized | None = None) -> None:
        """Take and ignore a dataset, which torch's Sampler once wanted."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("a Sampler needs __iter__()")


class SequentialSampler(Sampler[int]):
    """All indices in ascending order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All indices in an order of its own each time, or num_samples of them.

    Args:    replacement: draw each index anew, instead of running through all of them before one comes again
             generator: where the orders come from; None takes the seed set by manual_seed
    Raises:  TypeError: replacement is no bool; ValueError: num_samples is no whole number above 0
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Source = None,
    ) -> None:
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        _check_count(self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices each iteration yields."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        stream, n, count = stream_of(self.generator, "RandomSampler"), len(self.data_source), self.num_samples
        if self.replacement:
            return iter(stream.integers(0, n, count).tolist())
        rounds = [stream.permutation(n).tolist() for _ in range(-(-count // n))]
        return itertools.islice(itertools.chain.from_iterable(rounds), count)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in an order of its own each time."""

    def __init__(self, indices: Sequence[int], generator: Source = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = stream_of(self.generator, "SubsetRandomSampler").permutation(len(self.indices))
        return (self.indices[i] for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with probabilities in proportion to their weights.

    Args:    weights: one number an index, not negative; they need not add up to 1
             replacement: draw each index anew, instead of each at most once
    Raises:  ValueError: num_samples is no whole number above 0, replacement no bool, weights not one axis
             RuntimeError: a weight is negative or not finite, all are 0, or there are too few above 0
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Source = None
    ) -> None:
        _check_count(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        values = np.asarray(weights.tolist() if isinstance(weights, Tensor) else weights, np.float64)
        if values.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {values.shape}")
        self.weights, self.num_samples, self.replacement = values, num_samples, replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        weights, total = self.weights, self.weights.sum()
        if not np.isfinite(total) or (weights < 0).any() or total == 0:
            raise RuntimeError(
                f"weights must be finite, not negative and not all 0, got {weights[:10].tolist()}"
            )
        if not self.replacement and np.count_nonzero(weights) < self.num_samples:
            raise RuntimeError(
                f"cannot draw {self.num_samples} samples without replacement from {np.count_nonzero(weights)}"
            )
        stream = stream_of(self.generator, "WeightedRandomSampler")
        drawn = stream.choice(len(weights), self.num_samples, self.replacement, weights / total)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of batch_size indices of another sampler.

    Args:    drop_last: leave out a last list of fewer indices
    Raises:  ValueError: batch_size is no whole number above 0, or drop_last no bool
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full + (rest > 0 and not self.drop_last)


def _check_count(num_samples: Any) -> None:
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
