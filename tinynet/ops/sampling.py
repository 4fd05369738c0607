"""Random tensors, with torch's signatures; numbers are drawn on the host, so that devices do not change them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend import array_module, check_on_host, to_device
from tinynet.default_dtype import get_default_dtype
from tinynet.generator import stream_of
from tinynet.memory_format import preserve_format
from tinynet.ops.broadcasting import broadcast_shapes
from tinynet.ops.creation import finish, size_of
from tinynet.tensor import Tensor

__all__ = [
    "bernoulli",
    "multinomial",
    "normal",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]


def draw_uniform(
    purpose: str, generator: Any, shape: Any, dtype: Any, low: float = 0, high: float = 1
) -> np.ndarray:
    """Return numbers in [low, high), rounded to a floating-point dtype."""
    dtype = _floating(purpose, dtype)
    numbers = np.asarray(low + stream_of(generator, purpose).random(tuple(shape), np.float64) * (high - low))
    # Rounding to a narrower dtype may give exactly `high`: step back below it.
    below = np.nextafter(dtype.type(high), dtype.type(low))
    return np.asarray(np.minimum(numbers.astype(dtype), below if high > low else dtype.type(low)))


def draw_normal(purpose: str, generator: Any, shape: Any, dtype: Any) -> np.ndarray:
    """Return numbers of mean 0 and variance 1 in a floating-point dtype."""
    dtype = _floating(purpose, dtype)
    return np.asarray(stream_of(generator, purpose).standard_normal(tuple(shape))).astype(dtype)


def draw_integers(purpose: str, generator: Any, low: int, high: int, shape: Any, dtype: Any) -> np.ndarray:
    """Return whole numbers in [low, high).

    Raises:  RuntimeError: there is none, or they do not fit the dtype
    """
    dtype = np.dtype(dtype)
    if low >= high:
        raise RuntimeError(f"{purpose} expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype.kind in "iu" and not (np.iinfo(dtype).min <= low and high - 1 <= np.iinfo(dtype).max):
        raise RuntimeError(f"{purpose}: from={low} or to={high} is out of bounds for {dtype}")
    return np.asarray(stream_of(generator, purpose).integers(low, high, tuple(shape))).astype(dtype)


def _floating(purpose: str, dtype: Any) -> np.dtype:
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind != "f":
        raise NotImplementedError(f"{purpose}: not implemented for {dtype}, only for floating point")
    return dtype


def check_std(std: Any) -> None:
    """Check on the host that a standard deviation, number or tensor, is not negative.

    Raises:  RuntimeError: it is
    """
    found = check_on_host(std.array) if isinstance(std, Tensor) else np.asarray(std)
    if found is not None and found.size and found.min() < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {found.min()}")


def check_probability(name: str, p: Any) -> None:
    """Check on the host that probabilities, a number or a tensor, lie in [0, 1].

    Raises:  RuntimeError: one does not
    """
    found = check_on_host(p.array) if isinstance(p, Tensor) else np.asarray(p)
    if found is not None and found.size and not (found.min() >= 0 and found.max() <= 1):
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p from {found.min()} to {found.max()}")


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return uniform random numbers in [0, 1)."""
    shape = size_of("rand", sizes, size)
    return finish(draw_uniform("rand", generator, shape, dtype), None, device, requires_grad)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return random numbers of mean 0 and variance 1."""
    shape = size_of("randn", sizes, size)
    return finish(draw_normal("randn", generator, shape, dtype), None, device, requires_grad)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = np.int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return random whole numbers in [low, high): randint(high, size) or randint(low, high, size).

    Raises:  RuntimeError: low >= high, or a bound does not fit the dtype; TypeError: size is no tuple
    """
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if not isinstance(size, tuple | list):
        raise TypeError(f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}")
    shape = size_of("randint", (size,))
    return finish(
        draw_integers("randint", generator, int(low), int(high), shape, dtype or np.int64),
        None,
        device,
        requires_grad,
    )


def randperm(
    n: int,
    *,
    generator: Any = None,
    dtype: Any = np.int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return the numbers from 0 to n - 1 in random order.

    Raises:  RuntimeError: n is negative
    """
    (n,) = size_of("randperm", (n,))
    return finish(stream_of(generator, "randperm").permutation(n), dtype or np.int64, device, requires_grad)


def rand_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return uniform random numbers in [0, 1) of the shape, dtype and device of the input."""
    array = draw_uniform("rand_like", generator, input.shape, dtype or input.dtype)
    return _like(array, input, device, requires_grad, memory_format)


def randn_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return random numbers of mean 0 and variance 1 of the shape, dtype and device of the input."""
    array = draw_normal("randn_like", generator, input.shape, dtype or input.dtype)
    return _like(array, input, device, requires_grad, memory_format)


def randint_like(
    input: Tensor,
    low: int = 0,
    high: int | None = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return random whole numbers in [low, high), or in [0, low), of the shape, dtype and device of the input."""
    first, last = (0, low) if high is None else (low, high)
    array = draw_integers("randint_like", generator, first, last, input.shape, dtype or input.dtype)
    return _like(array, input, device, requires_grad, memory_format)


def _like(array: np.ndarray, x: Tensor, device: Any, requires_grad: bool, memory_format: Any) -> Tensor:
    y = finish(array, None, x.device if device is None else device, False)
    if memory_format is not preserve_format:
        y = y.contiguous(memory_format=memory_format)
    return y.requires_grad_(requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return normal random numbers: one for each element of the tensors mean and std, or of a size if both are numbers.

    Raises:  RuntimeError: std is negative; TypeError: neither a tensor nor a size is given
    """
    check_std(std)
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    if given:
        shape = broadcast_shapes(*(x.shape for x in given))
        noise = draw_normal("normal", generator, shape, given[0].dtype)
        y = Tensor(to_device(noise, given[0].device))
        mean, std = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
        return Tensor((y.array * std + mean).astype(noise.dtype, copy=False))
    if size is None:
        raise TypeError("normal(): mean or std must be a tensor, or size be given")
    noise = draw_normal("normal", generator, size_of("normal", (tuple(size),)), dtype)
    return finish(noise * noise.dtype.type(std) + noise.dtype.type(mean), None, device, requires_grad)


def bernoulli(input: Tensor, p: Any = None, *, generator: Any = None) -> Tensor:
    """Return 1 with the probability that each element of the input, or p for all of them, says, else 0.

    Raises:  RuntimeError: a probability is outside [0, 1]; NotImplementedError: they are not floating point
    """
    if p is None and not input.is_floating_point():
        raise NotImplementedError(f"bernoulli: not implemented for probabilities of {input.dtype}")
    chance = input.detach() if p is None else p
    check_probability("bernoulli", chance)
    drawn = draw_uniform("bernoulli", generator, input.shape, np.float64)
    limit = chance.array if isinstance(chance, Tensor) else chance
    return Tensor((to_device(drawn, input.device) < limit).astype(input.dtype))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Return indices drawn with probabilities proportional to a row of the input; one row each if it has two axes.

    Shapes:  input (C,) or (N, C), >= 0; returns int64 (num_samples,) or (N, num_samples)
    Raises:  RuntimeError: not floating point, negative, all zero, too many axes or samples, or none
    Source:  Efraimidis, Spirakis 2006, "Weighted random sampling with a reservoir" (without replacement)
    """
    _check_weights(input, num_samples, replacement)
    weights = input.array.astype(np.float64)
    xp = array_module(weights)
    if not replacement:
        # The largest of weight / exponential is a draw, the next one a draw from the rest, and so on.
        waits = stream_of(generator, "multinomial").standard_exponential(input.shape)
        order = xp.argsort(-weights / to_device(waits, input.device), axis=-1)
        return Tensor(order[..., :num_samples].astype(np.int64))
    ends = xp.cumsum(weights, axis=-1)
    drawn = stream_of(generator, "multinomial").random((*input.shape[:-1], num_samples))
    place = to_device(drawn, input.device) * ends[..., -1:]
    return Tensor((place[..., None] >= ends[..., None, :]).sum(-1).astype(np.int64))


def _check_weights(x: Tensor, num_samples: int, replacement: bool) -> None:
    if x.ndim not in (1, 2) or not x.is_floating_point():
        raise RuntimeError(
            f"multinomial expects 1 or 2 dimensions of floating point, got shape {list(x.shape)} of {x.dtype}"
        )
    if num_samples < 1 or (not replacement and num_samples > x.shape[-1]):
        raise RuntimeError(
            f"multinomial: cannot draw {num_samples} samples of {x.shape[-1]} (replacement={replacement})"
        )
    found = check_on_host(x.array)
    if found is not None and found.size:
        if not (np.isfinite(found).all() and found.min() >= 0):
            raise RuntimeError("multinomial: a probability is inf, NaN or < 0")
        if not found.sum(-1).min() > 0:
            raise RuntimeError("multinomial: the sum of probabilities is not > 0")
