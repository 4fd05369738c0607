"""Files of the safetensors package."""

from __future__ import annotations

from itertools import accumulate
from operator import mul
from pathlib import Path

from tinynet.errors import DataError
from tinynet.weights.stored import AGAIN, DType, Storage, StoredFile, StoredTensor

_DTYPES = {
    **{f"I{bits}": DType(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": DType(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"F{bits}": DType(f"float{bits}") for bits in (16, 32, 64)},
    **{"BF16": DType("bfloat16"), "C64": DType("complex64"), "BOOL": DType("bool")},
}


def read(path: Path, content: bytes) -> StoredFile:
    """Read a file whose content this is. Raises DataError: damaged, or a dtype that NumPy has not."""
    from safetensors import SafetensorError, deserialize  # its own reader of arrays lacks bfloat16

    try:
        entries = deserialize(content)
    except SafetensorError as error:
        raise DataError(f"{path} is not a readable safetensors file: {error}; {AGAIN}") from error
    tensors, storages = {}, {}
    for name, entry in entries:
        if entry["dtype"] not in _DTYPES:
            raise DataError(f"{path}: tensor {name!r} is of {entry['dtype']}; known are {', '.join(_DTYPES)}")
        dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
        strides = tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()
        storages[name] = entry["data"]
        tensors[name] = StoredTensor(Storage(name, dtype, 0, len(entry["data"])), dtype, 0, shape, strides)
    return StoredFile(path, tensors, storages)
