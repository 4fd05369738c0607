"""Write the zip format of torch.save, opcode by opcode: plain values around tensors, and nothing else.

The pickle names functions of torch that put a tensor together; torch.load, also with weights_only, and tinynet's own
reader know them. A tensor lies row by row in a storage of its own; the same memory, saved twice, is written once.

Source: torch/serialization.py (`_save`) and torch/_utils.py (`_rebuild_*`) of PyTorch 2.13; CPython's pickletools
"""

from __future__ import annotations

import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

STORAGES = {
    "bool": "Bool",
    "uint8": "Byte",
    **{"int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"},
    **{"float16": "Half", "float32": "Float", "float64": "Double"},
}
"""The name of each dtype, to what PyTorch calls a storage of it."""


class Part(NamedTuple):
    """What is saved of a tensor: its values, on the host, and what it is besides."""

    array: np.ndarray
    requires_grad: bool = False
    is_parameter: bool = False


def write_zip(value: Any, file: BinaryIO, find: Callable[[Any], Part | None]) -> None:
    """Write a value.

    Args:    find: returns what is to be saved of a tensor, None of anything else
    Raises:  TypeError: something is neither a tensor nor plain; names its place
             ValueError: a container contains itself
    """
    writer = _Writer(find)
    try:
        writer.write(value, "")
    except RecursionError as error:
        raise ValueError("save: the object contains itself, or is nested too deeply") from error
    pickled = b"\x80\x02" + b"".join(writer.code) + b"."
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {"data.pkl": pickled, "byteorder": b"little", "version": b"3\n"}.items():
            archive.writestr(f"archive/{name}", content)
        for key, array in enumerate(writer.storages.values()):
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            with archive.open(zipfile.ZipInfo(f"archive/data/{key}"), "w", force_zip64=True) as member:
                member.write(np.ascontiguousarray(little).reshape(-1).view(np.uint8).data)


class _Writer:
    """Collects opcodes, and the arrays that become storages."""

    def __init__(self, find: Callable[[Any], Part | None]) -> None:
        self.find, self.code = find, list[bytes]()
        self.storages: dict[Any, np.ndarray] = {}
        self._numbers: dict[Any, int] = {}

    def write(self, value: Any, place: str) -> None:
        """Add what pushes a value; `place` says where in the whole it stands."""
        part = self.find(value)
        if part is not None:
            self._tensor(part, place)
        elif isinstance(value, Mapping):
            self._mapping(value, place)
        elif isinstance(value, list | tuple):
            self.code.append(b"](" if isinstance(value, list) else b"(")
            for i, item in enumerate(value):
                self.write(item, f"{place}[{i}]")
            self.code.append(b"e" if isinstance(value, list) else b"t")
        else:
            self._plain(value.item() if isinstance(value, np.generic) else value, place)

    def _plain(self, value: Any, place: str) -> None:
        if value is None or isinstance(value, bool):
            self.code.append({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif isinstance(value, int):
            self._whole(int(value), place)
        elif isinstance(value, float):
            self.code.append(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            text = value.encode("utf-8", "surrogatepass")
            self.code.append(b"X" + struct.pack("<I", len(text)) + text)
        else:
            raise TypeError(
                f"save: {place or 'the object'} is a {type(value).__name__}, and only tensors, numbers, strings, None, "
                "and dicts, lists and tuples of them can be saved; of a model save model.state_dict()"
            )

    def _whole(self, number: int, place: str) -> None:
        if -(2**31) <= number < 2**31:
            self.code.append(b"J" + struct.pack("<i", number))
            return
        size = number.bit_length() // 8 + 1
        if size > 255:
            raise TypeError(f"save: {place or 'the object'} is a whole number of {size} bytes: at most 255")
        self.code.append(b"\x8a" + bytes([size]) + number.to_bytes(size, "little", signed=True))

    def _name(self, module: str, name: str) -> None:
        self.code.append(f"c{module}\n{name}\n".encode())

    def _mapping(self, value: Mapping[Any, Any], place: str) -> None:
        if isinstance(value, OrderedDict):
            self._empty_ordered()
        elif type(value) is dict:
            self.code.append(b"}")
        else:
            self._plain(value, place)  # refuses it
        self.code.append(b"(")
        for key, item in value.items():
            self.write(key, f"a key of {place or 'the object'}")
            self.write(item, f"{place}.{key}" if place else str(key))
        self.code.append(b"u")

    def _empty_ordered(self) -> None:
        self._name("collections", "OrderedDict")
        self.code.append(b")R")

    def _tensor(self, part: Part, place: str) -> None:
        array = part.array
        if array.dtype.name not in STORAGES:
            raise TypeError(
                f"save: {place or 'the object'} is of dtype {array.dtype}: give one of {', '.join(STORAGES)}"
            )
        if part.is_parameter:
            self._name("torch._utils", "_rebuild_parameter")
            self.code.append(b"(")
        self._name("torch._utils", "_rebuild_tensor_v2")
        self.code.append(b"((")
        self._plain("storage", place)
        self._name("torch", f"{STORAGES[array.dtype.name]}Storage")
        for each in (str(self._key(array)), "cpu", array.size):
            self._plain(each, place)
        self.code.append(b"tQ")
        steps = tuple(int(np.prod(array.shape[axis + 1 :])) for axis in range(array.ndim))
        for what in (0, array.shape, steps, part.requires_grad and not part.is_parameter):
            self.write(what, place)
        self._empty_ordered()
        self.code.append(b"tR")
        if part.is_parameter:
            self._plain(part.requires_grad, place)
            self._empty_ordered()
            self.code.append(b"tR")

    def _key(self, array: np.ndarray) -> int:
        """Return the number of the storage of an array."""
        where = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.name
        if where not in self._numbers:
            self._numbers[where] = len(self.storages)
            self.storages[where] = array
        return self._numbers[where]
