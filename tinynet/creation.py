"""Tensors from sizes and values, with torch's signatures, and the names of the dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet import random
from tinynet.backend import array_module, is_array, to_device
from tinynet.tensor import Tensor

float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
int32, int64, uint8, bool_ = np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.uint8), np.dtype(np.bool_)


def _finish(array: np.ndarray, device: Any, requires_grad: bool) -> Tensor:
    return Tensor(array if device is None else to_device(array, device), requires_grad)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    """Accept f(2, 3) and f((2, 3)) alike."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int | np.integer) else size
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a leaf tensor with a copy of `data` (numbers, nested sequences, arrays or a Tensor).

    Python floats become float32 and integers int64, arrays keep their dtype.
    """
    if isinstance(data, Tensor):
        data = data.array
    if is_array(data):
        array = data.astype(data.dtype if dtype is None else dtype, copy=True)
    else:
        from_numpy_scalar = isinstance(data, np.generic)
        array = np.array(data, dtype=dtype)
        if dtype is None and array.dtype == float64 and not from_numpy_scalar:
            array = array.astype(float32)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"cannot make a tensor of {type(data).__name__} {data!r}: rows differ in length or are no numbers"
            )
    if device is not None:
        array = to_device(array, device)
    return Tensor(array, requires_grad)


def empty(*size: Any, dtype: Any = float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of the given size, its values undefined."""
    return _finish(np.empty(_shape(size), dtype), device, requires_grad)


def zeros(*size: Any, dtype: Any = float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of zeros."""
    return _finish(np.zeros(_shape(size), dtype), device, requires_grad)


def ones(*size: Any, dtype: Any = float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of ones."""
    return _finish(np.ones(_shape(size), dtype), device, requires_grad)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor filled with a value; its dtype follows the value: float32, int64 or bool."""
    if dtype is None:
        dtype = float32 if isinstance(fill_value, float) else np.asarray(fill_value).dtype
    return _finish(np.full(_shape((size,)), fill_value, dtype), device, requires_grad)


def arange(*bounds: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return start, start + step, ... below end: arange(end), arange(start, end) or arange(start, end, step)."""
    if dtype is None and any(isinstance(bound, float) for bound in bounds):
        dtype = float32
    return _finish(np.arange(*bounds, dtype=dtype), device, requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: Any = float32, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return an n x m matrix (default n x n) with ones on its diagonal."""
    return _finish(np.eye(n, m, dtype=dtype), device, requires_grad)


def rand(*size: Any, dtype: Any = float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return uniform random numbers in [0, 1), from the seed set by manual_seed."""
    numbers = random.next_generator("rand").random(_shape(size), np.float64)
    # Rounding to a narrower dtype may give exactly 1: step back below it.
    below_one = np.nextafter(np.dtype(dtype).type(1), np.dtype(dtype).type(0))
    return _finish(np.minimum(numbers.astype(dtype), below_one), device, requires_grad)


def randn(*size: Any, dtype: Any = float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return random numbers of mean 0 and variance 1, from the seed set by manual_seed."""
    return _finish(
        np.asarray(random.next_generator("randn").standard_normal(_shape(size))).astype(dtype),
        device,
        requires_grad,
    )


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor that shares the array's memory.

    Raises:  TypeError: not a NumPy array
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return Tensor(array)


def zeros_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape, dtype and device of x."""
    return Tensor(array_module(x.array).zeros_like(x.array, dtype=dtype), requires_grad)


def ones_like(x: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape, dtype and device of x."""
    return Tensor(array_module(x.array).ones_like(x.array, dtype=dtype), requires_grad)


def full_like(x: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of the shape, dtype and device of x, filled with a value."""
    return Tensor(array_module(x.array).full_like(x.array, fill_value, dtype=dtype), requires_grad)
