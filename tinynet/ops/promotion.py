"""How two operands meet: one dtype, and shapes that broadcast.

Either side may be a Python number, which takes the tensor's dtype if that can hold its kind. Two tensors of different
dtypes meet as in torch: floating point before whole numbers before bool, then the wider; a tensor without axes
yields to one of its kind that has some.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.default_dtype import get_default_dtype
from tinynet.tensor import Tensor

RANK = {"b": 0, "u": 1, "i": 1, "f": 2}  # dtype.kind: of two kinds the higher wins


def result_type(x: np.dtype, y: np.dtype) -> np.dtype:
    """Return the dtype in which two tensors meet, if both or neither have axes."""
    rank_x, rank_y = RANK[x.kind], RANK[y.kind]
    if rank_x != rank_y:
        return x if rank_x > rank_y else y
    return np.promote_types(x, y)


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Bring two operands to one dtype, and check that their shapes broadcast.

    Raises:  TypeError: one is neither a Tensor nor a number; RuntimeError: the shapes do not broadcast
    """
    if isinstance(x, Tensor):
        if isinstance(y, Tensor):
            a, b = x.array, y.array
            if a.shape != b.shape:
                check_broadcast(a.shape, b.shape)
            return (x, y) if a.dtype == b.dtype else _to_one_dtype(x, y)
        return with_number(x, y)
    if isinstance(y, Tensor):
        y, x = with_number(y, x)
        return x, y
    raise TypeError(f"expected a Tensor among the operands, got {type(x).__name__} and {type(y).__name__}")


def refuse_bools(name: str, x: Any, y: Any) -> None:
    """Refuse two operands of which there are none but truth values.

    Raises:  NotImplementedError: names the operation
    """
    if (x if isinstance(x, Tensor) else y).array.dtype.kind == "b":
        raise NotImplementedError(f"{name}: not implemented for bool; convert an operand with .to(...)")


def _to_one_dtype(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    a, b = x.array, y.array
    if (a.ndim == 0) != (b.ndim == 0) and RANK[a.dtype.kind] == RANK[b.dtype.kind]:
        dtype = a.dtype if a.ndim else b.dtype
    else:
        dtype = result_type(a.dtype, b.dtype)
    return x.to(dtype), y.to(dtype)


def with_number(x: Tensor, number: Any) -> tuple[Tensor, Any]:
    """Return the tensor in a dtype that can hold the number's kind, and the number without a dtype of its own.

    Raises:  TypeError: not a number
    """
    kind = x.array.dtype.kind
    if kind == "f" and type(number) in (float, int):
        return x, number
    if isinstance(number, np.generic) or (isinstance(number, np.ndarray) and number.ndim == 0):
        number = number.item()
    if not isinstance(number, bool | int | float):
        raise TypeError(f"unsupported operand: expected a Tensor or a number, got {type(number).__name__}")
    if kind == "f":
        return x, float(number)
    if isinstance(number, float):
        return x.to(get_default_dtype()), number
    if kind == "b" and not isinstance(number, bool):
        return x.to(np.int64), number
    if kind != "b" and not np.iinfo(x.dtype).min <= number <= np.iinfo(x.dtype).max:
        number = int(np.asarray(number).astype(x.dtype))  # wraps around, as in torch
    return x, number


def check_broadcast(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    """Refuse two shapes that do not broadcast to one.

    Raises:  RuntimeError: two sizes of the same axis, counted from the last, differ and neither is 1
    """
    for i in range(1, min(len(x), len(y)) + 1):
        if x[-i] != y[-i] and 1 not in (x[-i], y[-i]):
            raise RuntimeError(
                f"The size of tensor a ({x[-i]}) must match the size of tensor b ({y[-i]}) at non-singleton "
                f"dimension {max(len(x), len(y)) - i}: shapes {list(x)} and {list(y)}"
            )


def check_tensors(name: str, **arguments: Any) -> None:
    """Raise a TypeError if an argument is no Tensor."""
    for word, value in arguments.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{word}' must be Tensor, not {type(value).__name__}")


def fit(function: str, value: Any, dtype: Any) -> Any:
    """Return a value that a dtype can hold: below zero a whole number wraps around in an unsigned one, as in torch.

    Raises:  RuntimeError: a whole number that a dtype of whole numbers cannot hold
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu" or type(value) is not int:
        return value
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if not (low or -high) <= value <= high:
        raise RuntimeError(f"{function}: value {value!r} cannot be converted to {dtype} without overflow")
    return value if value >= low else value + high + 1


def array_of(value: Any) -> Any:
    """Return a Tensor's array, and a number as it is."""
    return value.array if isinstance(value, Tensor) else value


def shape_of(value: Any) -> tuple[int, ...]:
    """Return a Tensor's shape, and () of a number."""
    return value.array.shape if isinstance(value, Tensor) else ()
