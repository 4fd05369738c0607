"""Filling a tensor with random numbers, as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import ops
from tinynet.generator import stream_of

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class SamplingMethods:
    """Random numbers in place."""

    __slots__ = ()

    def uniform_(self: Any, from_: float = 0, to: float = 1, *, generator: Any = None) -> Tensor:
        """Fill with numbers in [from_, to).

        Raises:  RuntimeError: from_ > to; NotImplementedError: not floating point
        """
        if from_ > to:
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}"
            )
        return _filled(
            self, ops.sampling.draw_uniform("uniform_", generator, self.shape, self.dtype, from_, to)
        )

    def normal_(self: Any, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
        """Fill with normal numbers.

        Raises:  RuntimeError: std < 0; NotImplementedError: not floating point
        """
        ops.sampling.check_std(std)
        noise = ops.sampling.draw_normal("normal_", generator, self.shape, self.dtype)
        return _filled(self, noise * noise.dtype.type(std) + noise.dtype.type(mean))

    def bernoulli(self: Any, p: Any = None, *, generator: Any = None) -> Tensor:
        """Return `ops.bernoulli` of the tensor."""
        return ops.bernoulli(self, p, generator=generator)

    def multinomial(
        self: Any, num_samples: int, replacement: bool = False, *, generator: Any = None
    ) -> Tensor:
        """Return `ops.multinomial` of the tensor."""
        return ops.multinomial(self, num_samples, replacement, generator=generator)

    def bernoulli_(self: Any, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        """Fill with 1 where a number drawn from [0, 1) is below p, a number or a tensor, else with 0.

        Raises:  RuntimeError: p is outside [0, 1]
        """
        ops.sampling.check_probability("bernoulli_", p)
        drawn = ops.rand(self.shape, dtype=np.float64, generator=generator, device=self.device)
        return ops.in_place(self, (drawn < p).to(self.dtype))

    def random_(self: Any, from_: int = 0, to: int | None = None, *, generator: Any = None) -> Tensor:
        """Fill with whole numbers in [from_, to), in [0, from_) if that is the only bound, else all the dtype holds.

        Raises:  RuntimeError: the range is empty, or the dtype cannot hold it
        """
        low, high = from_, to
        if high is None:
            low, high = (0, from_) if from_ else (0, _largest(self.dtype) + 1)
        return _filled(
            self, ops.sampling.draw_integers("random_", generator, low, high, self.shape, self.dtype)
        )

    def exponential_(self: Any, lambd: float = 1, *, generator: Any = None) -> Tensor:
        """Fill with numbers of the density lambd * exp(-lambd * x).

        Raises:  RuntimeError: lambd <= 0, or the tensor is not floating point
        """
        if not lambd > 0 or not self.is_floating_point():
            raise RuntimeError(
                f"exponential_ expects lambda > 0.0 and floating point, but found lambda={lambd} and {self.dtype}"
            )
        drawn = stream_of(generator, "exponential_").standard_exponential(tuple(self.shape))
        return _filled(self, np.asarray(drawn / lambd).astype(self.dtype))


def _largest(dtype: np.dtype) -> int:
    """Return the largest of the whole numbers from 0 on that a dtype holds without gaps."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).max) - (1 if dtype == np.int64 else 0)
    return 1 if dtype.kind == "b" else 2 ** (np.finfo(dtype).nmant + 1)


def _filled(x: Any, numbers: np.ndarray) -> Tensor:
    return ops.in_place(x, ops.values.as_tensor(numbers, device=x.device))
