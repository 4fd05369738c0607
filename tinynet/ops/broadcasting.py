"""Axes of size 1, or missing ones, repeated without copying."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module
from tinynet.ops.reduce import sum_to
from tinynet.ops.shape import Reshape
from tinynet.tensor import Tensor
from tinynet.tensor.size import Size

__all__ = ["broadcast_shapes", "broadcast_tensors", "broadcast_to"]


class Expand(Function):
    """Axes of size 1 repeated without copying."""

    is_view = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        ctx.shape = x.array.shape
        return Tensor(array_module(x.array).broadcast_to(x.array, shape))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return sum_to(grad, ctx.shape), None


def expand(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return the input broadcast to `size` without copying; -1 keeps a size.

    Raises:  RuntimeError: an axis other than size 1 would change, or there are too few sizes
    """
    sizes, old = tuple(size), input.array.shape
    missing = len(sizes) - len(old)
    if missing < 0:
        raise RuntimeError(
            f"expand: the sizes {list(sizes)} do not fit a tensor of shape {list(old)}: it has more dimensions"
        )
    new = []
    for i, n in enumerate(sizes):
        before = old[i - missing] if i >= missing else 1
        if n < (0 if i < missing else -1) or (n != -1 and n != before and before != 1):
            raise RuntimeError(
                f"expand: the sizes {list(sizes)} do not fit a tensor of shape {list(old)}: the expanded size ({n}) "
                f"must match the existing size ({before}) at non-singleton dimension {i}"
            )
        new.append(before if n == -1 else int(n))
    shape = tuple(new)
    if math.prod(shape) == input.array.size:
        return Reshape.apply(input, shape)  # writable, where broadcast_to's result never is
    return Expand.apply(input, shape)


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Return the input broadcast to a size, as `expand`."""
    return expand(input, size)


def broadcast_shapes(*shapes: Any) -> Any:
    """Return the shape to which all the shapes broadcast; a number stands for a shape of one axis.

    Raises:  RuntimeError: they do not broadcast; ValueError: a size is negative
    """
    tuples = [(shape,) if isinstance(shape, int | np.integer) else tuple(shape) for shape in shapes]
    if any(n < 0 for shape in tuples for n in shape):
        raise ValueError(f"Attempting to broadcast a dimension with negative length: {tuples}")
    result = [1] * max((len(shape) for shape in tuples), default=0)
    for shape in tuples:
        for i in range(-len(shape), 0):
            if shape[i] != 1 and result[i] not in (1, shape[i]):
                raise RuntimeError(
                    f"Shape mismatch: objects cannot be broadcast to a single shape: {[list(s) for s in tuples]}"
                )
            result[i] = shape[i] if shape[i] != 1 else result[i]
    return Size(result)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Return the tensors expanded to the shape to which all of them broadcast."""
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shapes(*(x.shape for x in given))
    return tuple(expand(x, shape) for x in given)
