"""Checks that several layers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.tensor import Tensor

Size2 = int | tuple[int, int]
Pair = tuple[int, int]


def sizes(value: Any, name: str, count: int, least: int = 0) -> tuple[int, ...]:
    """Return an int, or `count` ints, or one in a tuple, as `count` ints.

    Raises:  TypeError: something else; RuntimeError: another number of ints, or one below `least`
    """
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(values) == 1:
        values = values * count
    form = "an int" if count == 1 else "an int or a pair of ints"
    if not all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values):
        raise TypeError(f"{name} must be {form}, but got {value!r}")
    if len(values) != count:
        raise RuntimeError(f"{name} must be {form}, but got {value!r}")
    if min(values) < least:
        raise RuntimeError(f"{name} must be at least {least}, but got {value!r}")
    return tuple(int(v) for v in values)


def pair(value: Any, name: str, least: int = 0) -> Pair:
    """Return an int or a pair of ints as a pair.

    Raises:  TypeError: not whole numbers; RuntimeError: more or fewer of them, or one below `least`
    """
    first, second = sizes(value, name, 2, least)
    return first, second


def plane(value: Any, name: str, axes: int, least: int = 0, missing: int = 1) -> Pair:
    """Return the sizes of a window that has 1 or 2 axes as a pair; the missing axis of rows gets `missing`.

    Raises:  TypeError: not whole numbers; RuntimeError: more or fewer of them, or one below `least`
    """
    values = sizes(value, name, axes, least)
    return (missing, values[0]) if axes == 1 else (values[0], values[1])


def check_tensor(x: Any, function: str, name: str = "input") -> None:
    """Refuse what is no Tensor.

    Raises:  TypeError: it is something else
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}(): argument '{name}' must be Tensor, not {type(x).__name__}")


def check_floating(x: Tensor, function: str) -> None:
    """Refuse whole numbers and bools.

    Raises:  RuntimeError: the dtype is not floating point
    """
    if not x.is_floating_point():
        raise RuntimeError(f"{function}: input must be floating point, got {x.dtype}")


def images(x: Tensor, function: str, axes: int = 2) -> tuple[Tensor, bool]:
    """Return x as a batch (N, C, H, W), and whether it was a single image; signals of 1 axis get H = 1.

    Raises:  RuntimeError: other axes, or one of the last `axes` has size 0
    """
    check_tensor(x, function)
    if x.ndim not in (axes + 1, axes + 2):
        raise RuntimeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to {function}, but got input of "
            f"size: {list(x.shape)}"
        )
    if 0 in x.shape[-axes:]:
        kind = "length" if axes == 1 else "height and width"
        raise RuntimeError(
            f"Expected input with non-zero {kind} to {function}, but got input of size: {list(x.shape)}"
        )
    single = x.ndim == axes + 1
    if axes == 2 and not single:
        return x, False
    N = 1 if single else x.shape[0]
    C, (H, W) = x.shape[-axes - 1], plane(tuple(x.shape[-axes:]), "input", axes)
    return x.reshape(N, C, H, W), single


def as_given(y: Tensor, single: bool, axes: int = 2) -> Tensor:
    """Return a batch (N, C, H, W) in the form that the input had: the reverse of `images`."""
    if axes == 2 and not single:
        return y
    N, C, _, W = y.shape
    return y.reshape(*(() if single else (N,)), C, *(y.shape[2:] if axes == 2 else (W,)))


def check_output(function: str, image: Any, size: Pair, kernel: Pair) -> None:
    """Refuse a window that does not fit into the image.

    Raises:  RuntimeError: OH or OW < 1
    """
    if min(size) < 1:
        raise RuntimeError(
            f"{function}: Calculated output size {list(size)} is too small: "
            f"kernel size {list(kernel)} can't be greater than the padded input, of size {list(image)} without padding"
        )
