"""Tensors as a file tells of them, and the arrays made of them once what it tells is checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tinynet.errors import DataError

ADVICE = "save the weights alone, where torch and the model's code are: torch.save(model.state_dict(), path)"
AGAIN = "download or copy it again"

CODES = {
    **{f"int{8 * size}": f"i{size}" for size in (1, 2, 4, 8)},
    **{f"uint{8 * size}": f"u{size}" for size in (1, 2, 4, 8)},
    **{f"float{8 * size}": f"f{size}" for size in (2, 4, 8)},
    **{f"complex{8 * size}": f"c{size}" for size in (8, 16)},
    "bfloat16": "u2",
    "bool": "u1",
}
"""The name of each dtype, to the NumPy code of its elements as they lie in a file."""

_MOST_DIMENSIONS = 64  # of a NumPy array
# Tensors may share bytes, or repeat them by stride 0, so that arrays are larger than the file: at most by this.
_FREE_BYTES, _MOST_TIMES = 256 * 2**20, 16


@dataclass(frozen=True)
class DType:
    """A dtype, or the class of PyTorch's storages of it."""

    name: str

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return np.dtype(CODES[self.name]).itemsize


@dataclass(frozen=True)
class Storage:
    """Bytes that tensors may read: `size` from `begin` on, of those that the file has under `key`."""

    key: str
    dtype: DType
    begin: int
    size: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the file tells of it, unchecked; offset and strides count elements."""

    storage: Storage
    dtype: DType
    offset: Any
    shape: Any
    strides: Any
    conjugate: bool = False
    negative: bool = False


class StoredFile:
    """What a file holds: its object, in which tensors are `StoredTensor`, and the bytes by the storages' keys."""

    def __init__(
        self,
        path: Path,
        value: Any,
        storages: Mapping[str, bytes | bytearray | memoryview],
        byte_order: Literal["<", ">"] = "<",
    ) -> None:
        self.path, self.value = path, value
        self._storages, self._byte_order = storages, byte_order
        self._bytes_left = _FREE_BYTES + _MOST_TIMES * sum(map(len, storages.values()))

    def array(self, tensor: StoredTensor, name: str) -> np.ndarray:
        """Copy the elements of a tensor.

        Returns: C-contiguous, writable, in the machine's byte order; bfloat16 as float32
        Raises:  DataError: the elements do not lie in the storage, or the storage not in the file; names the tensor
        """
        where, storage, itemsize = f"{self.path}: tensor {name!r}", tensor.storage, tensor.dtype.size
        raw = self._storages.get(storage.key)
        if raw is None or storage.begin + storage.size > len(raw):
            there = "is not in the file" if raw is None else f"has only {len(raw):,} bytes in the file"
            raise DataError(f"{where}: its storage {storage.key!r} {there}, which is damaged; {AGAIN}")
        offset, shape, strides = tensor.offset, tensor.shape, tensor.strides
        if not all(map(are_sizes, ((offset,), shape, strides))) or len(shape) != len(strides):
            raise DataError(f"{where}: its offset, size or stride is not that of an array; {AGAIN}")
        place = f"offset {offset}, size {shape}, stride {strides}"
        count = math.prod(shape)
        end = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) + 1
        if count and end * itemsize > storage.size:
            raise DataError(
                f"{where} reads outside its storage of {storage.size:,} bytes: {place}, {itemsize} bytes an element; "
                f"the file is damaged, or made to do harm"
            )
        self._bytes_left -= count * (4 if tensor.dtype.name == "bfloat16" else itemsize)
        if self._bytes_left < 0:
            raise DataError(
                f"{where}, {place}: with it the tensors repeat the bytes of the file more than {_MOST_TIMES} times; "
                f"refused. Save them without expand(): tensor.contiguous()"
            )
        code = np.dtype(CODES[tensor.dtype.name]).newbyteorder(self._byte_order)
        steps = tuple(step * itemsize if n > 1 else 0 for n, step in zip(shape, strides, strict=True))
        try:
            if count:
                view = np.ndarray(shape, code, raw, storage.begin + offset * itemsize, steps)
            else:
                view = np.empty(shape, code)
            result = _decode(view, tensor.dtype.name)
            result = np.conjugate(result, out=result) if tensor.conjugate else result
            return np.negative(result, out=result) if tensor.negative else result
        except (ValueError, TypeError) as error:
            raise DataError(f"{where} is no array: {place}: {error}; {AGAIN}") from error


def are_sizes(values: Any) -> bool:
    """Say whether these are few whole numbers of 0 or more."""
    if not isinstance(values, tuple) or len(values) > _MOST_DIMENSIONS:
        return False
    return all(type(value) is int and 0 <= value < 2**63 for value in values)


def describe(value: Any) -> str:
    """Say in a few words what an object is."""
    if not isinstance(value, dict):
        return "a tensor" if isinstance(value, StoredTensor) else f"an object of type {type(value).__name__}"
    kinds = {key: "tensor" if isinstance(x, StoredTensor) else type(x).__name__ for key, x in value.items()}
    items = [f"{key!r:.60} ({kind})" for key, kind in list(kinds.items())[:5]]
    return f"a dictionary of {', '.join(items) or 'nothing'}{', ...' if len(value) > 5 else ''}"


def _decode(view: np.ndarray, name: str) -> np.ndarray:
    """Return the elements as they are used, copied in C order and the machine's byte order."""
    if name == "bfloat16":
        wide = view.astype(np.uint32, order="C")
        wide <<= 16  # it is the upper half of a float32
        return wide.view(np.float32)
    return view.astype(bool if name == "bool" else view.dtype.newbyteorder("="), order="C")
