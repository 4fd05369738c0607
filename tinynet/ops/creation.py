"""Tensors of a size: zeros, ones, ranges and the like, with torch's signatures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.backend import Array, array_module, to_device
from tinynet.default_dtype import get_default_dtype
from tinynet.memory_format import channels_last, contiguous_format, preserve_format
from tinynet.ops.promotion import fit
from tinynet.tensor import Tensor

__all__ = [
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "scalar_tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def finish(array: Array, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """Return a leaf of an array that was just made, in a dtype and on a device; None keeps what it has."""
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return Tensor(array if device is None else to_device(array, named(device)), requires_grad)


def named(device: Any) -> Any:
    """Return the device that a number stands for, another value as it is."""
    return f"cuda:{device}" if isinstance(device, int) else device


def size_of(name: str, sizes: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """Return the shape that f(2, 3), f((2, 3)) or f(size=(2, 3)) asks for.

    Raises:  TypeError: there is none, or one that is no whole number; RuntimeError: it is negative
    """
    if size is not None:
        sizes = tuple(size)
    elif not sizes:
        raise TypeError(f"{name}() missing 1 required positional argument: 'size'")
    elif len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = tuple(sizes[0])
    for n in sizes:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' must be tuple of ints, but found {type(n).__name__} in {sizes}"
            )
    shape = tuple(int(n) for n in sizes)
    if min(shape, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor without axes."""
    return finish(np.asarray(s), dtype or get_default_dtype(), device, requires_grad)


def empty(
    *sizes: Any,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = contiguous_format,
) -> Tensor:
    """Return a tensor of the given size, its values undefined."""
    array = np.empty(size_of("empty", sizes, size), dtype or get_default_dtype())
    return finish(_in_format(array, memory_format), None, device, requires_grad)


def zeros(
    *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of zeros."""
    array = np.zeros(size_of("zeros", sizes, size), dtype or get_default_dtype())
    return finish(array, None, device, requires_grad)


def ones(
    *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of ones."""
    array = np.ones(size_of("ones", sizes, size), dtype or get_default_dtype())
    return finish(array, None, device, requires_grad)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor filled with a value; its dtype follows the value: the default dtype, int64 or bool.

    Raises:  TypeError: the value is no number
    """
    value = number("full", fill_value)
    if dtype is None:
        dtype = get_default_dtype() if isinstance(value, float) else np.asarray(value).dtype
    value = fit("full", value, dtype)
    return finish(np.full(size_of("full", (tuple(size),)), value, dtype), None, device, requires_grad)


def number(name: str, value: Any) -> Any:
    """Return a number, or the element of a tensor without axes, as Python's bool, int or float.

    Raises:  TypeError: it is something else
    """
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.ndim == 0):
        value = value.item()
    if not isinstance(value, bool | int | float):
        raise TypeError(f"{name}(): expected a number, not {type(value).__name__}")
    return value


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return start, start + step, ... below end: arange(end), arange(start, end) or arange(start, end, step).

    Raises:  RuntimeError: step is 0, leads away from end, or a bound is not finite; TypeError: a bound is no number
    """
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    start, end, step = (number("arange", value) for value in (start, end, step))
    if dtype is None:
        dtype = get_default_dtype() if any(isinstance(v, float) for v in (start, end, step)) else np.int64
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"arange: unsupported range: {start} -> {end}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError(f"arange: bounds {start}, {end} are inconsistent with the sign of step {step}")
    if np.dtype(dtype).kind in "iu":
        start, end, step = int(start), int(end), int(step) or 1
    count = max(math.ceil((end - start) / step), 0)
    return finish(start + np.arange(count) * step, dtype, device, requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return `steps` numbers at equal distances, from start to end inclusive.

    Raises:  RuntimeError: steps is negative
    """
    dtype = np.dtype(dtype or get_default_dtype())
    start, end = number("linspace", start), number("linspace", end)
    if steps < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {steps}")
    kind = (dtype if dtype.kind == "f" and dtype.itemsize > 2 else np.dtype(np.float64)).type
    place = np.arange(steps, dtype=kind)
    distance = kind(end - start) / kind(max(steps - 1, 1))
    # From both ends, so that each is met exactly.
    first_half = place < steps // 2 if steps > 1 else place < steps
    values = np.where(first_half, kind(start) + distance * place, kind(end) - distance * (steps - 1 - place))
    return finish(values, dtype, device, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `steps` numbers from base**start to base**end inclusive, their exponents at equal distances."""
    exponents = linspace(start, end, steps, dtype=np.float64).array
    return finish(float(base) ** exponents, dtype or get_default_dtype(), device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an n x m matrix (default n x n) with ones on its diagonal.

    Raises:  RuntimeError: a size is negative
    """
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye: sizes must be greater or equal to 0, got {n} and {m}")
    return finish(np.eye(n, m, dtype=dtype or get_default_dtype()), None, device, requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """Return the places of the lower triangle of a row x col matrix, row by row: (2, N)."""
    return _triangle("tril_indices", np.tri(max(row, 0), max(col, 0), offset), row, col, dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """Return the places of the upper triangle of a row x col matrix, row by row: (2, N)."""
    below = np.tri(max(row, 0), max(col, 0), offset - 1)
    return _triangle("triu_indices", 1 - below, row, col, dtype, device)


def _triangle(name: str, mask: np.ndarray, row: int, col: int, dtype: Any, device: Any) -> Tensor:
    if row < 0 or col < 0:
        raise RuntimeError(f"{name}: sizes must be non-negative, got {row} and {col}")
    return finish(np.stack(np.nonzero(mask)), dtype, device, False)


def empty_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return a tensor of the shape, dtype, device and memory order of the input, its values undefined."""
    return _like("empty_like", input, dtype, device, requires_grad, memory_format)


def zeros_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return zeros of the shape, dtype, device and memory order of the input."""
    return _like("zeros_like", input, dtype, device, requires_grad, memory_format)


def ones_like(
    input: Tensor,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return ones of the shape, dtype, device and memory order of the input."""
    return _like("ones_like", input, dtype, device, requires_grad, memory_format)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Tensor:
    """Return a tensor of the shape, dtype, device and memory order of the input, filled with a value."""
    value = number("full_like", fill_value)
    if isinstance(input, Tensor):
        value = fit("full_like", value, input.array.dtype if dtype is None else dtype)
    return _like("full_like", input, dtype, device, requires_grad, memory_format, value)


def _like(
    name: str, x: Tensor, dtype: Any, device: Any, requires_grad: bool, memory_format: Any, *value: Any
) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(x).__name__}")
    make: Callable[..., Array] = getattr(array_module(x.array), name)
    order = "C" if 0 in x.array.strides else "K"  # the order of an expanded axis means nothing
    array = make(x.array, *value, dtype=dtype or x.array.dtype, order=order)
    if memory_format is not preserve_format:
        array = _in_format(array, memory_format)
    return finish(array, None, device, requires_grad)


def _in_format(array: Array, memory_format: Any) -> Array:
    """Return an array that was just made in the order of a memory format."""
    if memory_format is channels_last:
        return Tensor(array).contiguous(memory_format=channels_last).array
    return array_module(array).ascontiguousarray(array) if array.ndim else array
