"""Generator: a source of random numbers of its own, to be given to functions that draw."""

from __future__ import annotations

import secrets
from collections import Counter
from operator import index as as_int
from typing import Any, TypeAlias

import numpy as np

from tinynet import random
from tinynet.backend import device as device_of_name


class Generator:
    """A seed, and how often each purpose has drawn from it; equal generators give equal numbers.

    Differs from torch: `device` only says where the numbers are for; they are drawn on the host.
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device_of_name(device)
        self._seed = 67280421310721  # as torch's
        self._calls: Counter[str] = Counter()

    def manual_seed(self, seed: int) -> Generator:
        """Set the seed (any integer), start from its first number, and return the generator."""
        self._seed = as_int(seed)
        self._calls.clear()
        return self

    def seed(self) -> int:
        """Set a seed that the operating system draws, start from its first number, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed."""
        return self._seed

    def next_stream(self, purpose: str) -> np.random.Generator:
        """Return the NumPy generator of the next call for `purpose`."""
        call = self._calls[purpose]
        self._calls[purpose] += 1
        return random.generator(purpose, call, seed=self._seed)


Source: TypeAlias = Generator | np.random.Generator | None


def stream_of(source: Source, purpose: str) -> np.random.Generator:
    """Return the NumPy generator to draw from: the one given, a Generator's next, or for None that of manual_seed.

    Raises:  TypeError: something else
    """
    if source is None:
        return random.next_generator(purpose)
    if isinstance(source, Generator):
        return source.next_stream(purpose)
    if not isinstance(source, np.random.Generator):
        raise TypeError(f"generator must be a Generator of tinynet or NumPy, got {type(source).__name__}")
    return source
