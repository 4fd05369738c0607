"""Tensors from numbers, nested sequences and arrays, with torch's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend import Array, is_array
from tinynet.default_dtype import get_default_dtype
from tinynet.ops.creation import finish, named
from tinynet.tensor import Tensor

__all__ = ["as_tensor", "asarray", "from_numpy", "tensor"]


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a leaf with a copy of `data`: numbers, nested sequences of numbers or tensors of one element, an array.

    Python's floats get the default dtype and whole numbers int64; arrays, NumPy's scalars and tensors keep their dtype.

    Raises:  TypeError: not numbers; ValueError: rows differ in length, a tensor in a list has several elements, a
             number is beyond int64; RuntimeError: a number does not fit the dtype, or there is no dtype for the data
    """
    if isinstance(data, Tensor):
        data = data.array
    if is_array(data):
        _check_dtype(data)
        return finish(data.copy(), dtype, device, requires_grad)
    return finish(_from_values(data, dtype), dtype, device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return `data` as a tensor that shares its memory where dtype and device allow it; a Tensor keeps its history.

    Raises:  as `tensor`
    """
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=named(device))
    if is_array(data):
        _check_dtype(data)
        return finish(data, dtype, device, False)
    return tensor(data, dtype=dtype, device=device)


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return `obj` as a tensor, as `as_tensor`; with copy=True in memory of its own."""
    y = as_tensor(obj, dtype, device)
    return y.clone() if copy and (y is obj or is_array(obj)) else y


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Return a tensor that shares the array's memory.

    Raises:  TypeError: not a NumPy array, or of a dtype that tensors cannot have
             ValueError: a stride is negative, or the byte order is not this machine's
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    _check_dtype(ndarray)
    if any(step < 0 for step in ndarray.strides):
        raise ValueError(f"a stride of the NumPy array is negative: {ndarray.strides}; use array.copy()")
    return Tensor(ndarray)


def _check_dtype(array: Array) -> None:
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(
            f"can't convert an array of dtype {array.dtype}: only bool, integers and real floating point of at most "
            "64 bits are supported"
        )
    if not array.dtype.isnative:
        raise ValueError(f"the array's byte order differs from this machine's: dtype {array.dtype.str}")


def _from_values(data: Any, dtype: Any) -> np.ndarray:
    """Return the array of a number, or of nested sequences of them, in torch's dtype for it."""
    if isinstance(data, str | bytes):
        raise TypeError(f"tensor(): invalid data type {type(data).__name__}")
    if data is None or isinstance(data, dict | set):
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    own: list[np.dtype] = []
    plain = _plain(data, own)
    try:
        array = np.array(plain)
    except ValueError as error:
        raise ValueError(f"tensor(): expected sequences of equal length: {error}") from error
    if array.dtype.kind in "US":
        raise ValueError(f"tensor(): cannot make numbers of {data!r}")
    if array.dtype.kind == "u" or (array.dtype.kind == "O" and isinstance(plain, int)):
        if not own:
            raise ValueError(f"tensor(): {data!r} overflows int64")
    elif array.dtype.kind not in "bif":
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__} {data!r}")
    if dtype is not None:
        return _fitting(array, np.dtype(dtype))
    if not array.size and not own:
        return array.astype(get_default_dtype())
    if own and array.dtype.kind == "f":
        # Numbers with a dtype of their own decide; Python's floats among them count as the default dtype.
        floats = [d for d in own if d.kind == "f"]
        return array.astype(np.result_type(*floats) if floats else get_default_dtype())
    return array if own or array.dtype.kind != "f" else array.astype(get_default_dtype())


def _plain(data: Any, own: list[np.dtype]) -> Any:
    """Return nested sequences with numbers in place of tensors, and note the dtypes that elements bring along."""
    if isinstance(data, Tensor):
        if data.numel() != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars, got shape {list(data.shape)}"
            )
        own.append(data.dtype)
        return data.item()
    if isinstance(data, np.ndarray | np.generic):
        own.append(data.dtype)
        return data
    if isinstance(data, list | tuple):
        if {int, float, bool}.issuperset(map(type, data)):
            return data
        return [_plain(part, own) for part in data]
    return list(data) if hasattr(data, "__len__") and hasattr(data, "__getitem__") else data


def _fitting(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(all="ignore"):
        result = array.astype(dtype)
    if dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise RuntimeError(
                f"value {array.min()} or {array.max()} cannot be converted to {dtype} without overflow"
            )
    return result
