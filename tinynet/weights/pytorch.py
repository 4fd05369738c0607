"""Files of torch.save: a pickle that names storages by persistent ids and tensors as views of them.

Since 1.6 a file is a zip archive of the pickle, data.pkl, and the storages, data/0, data/1, ...; before, it was five
pickles one behind the other (magic number, version, sizes of the machine, object, keys of the storages) and then
the storages. Nothing that a file tells is believed before it is compared with the bytes that are there.

Source: torch/serialization.py (`_save`, `_legacy_save`) and torch/_utils.py (`_rebuild_*`) of PyTorch 2.13
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from tinynet.errors import DataError
from tinynet.pickle_reader import NUMPY_GLOBALS, read_pickle
from tinynet.weights.stored import (
    ADVICE,
    AGAIN,
    CODES,
    DType,
    Storage,
    StoredFile,
    StoredTensor,
    are_sizes,
    describe,
)

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # of the legacy format


def read_zip(path: Path, file: BinaryIO) -> StoredFile:
    """Read the format of 1.6 and later. Raises DataError."""
    records = _read_records(path, file)
    roots = [
        name.removesuffix("/data.pkl")
        for name in records
        if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(roots) != 1:
        members = ", ".join(list(records)[:4]) or "nothing"
        raise DataError(f"{path} is a zip archive of {members}, not a file of torch.save; {ADVICE}")
    (root,) = roots
    if f"{root}/constants.pkl" in records:
        raise DataError(f"{path} is a TorchScript program; {ADVICE}")
    order = records.get(f"{root}/byteorder", b"little")
    if order not in (b"little", b"big"):
        raise DataError(f"{path} is damaged: its byte order is {order[:16]!r}, not little or big; {AGAIN}")
    value = read_pickle(
        records[f"{root}/data.pkl"], source=str(path), known_globals=_GLOBALS, find_persistent=_find_storage
    )
    folder = f"{root}/data/"
    storages = {name.removeprefix(folder): raw for name, raw in records.items() if name.startswith(folder)}
    return StoredFile(path, value, storages, "<" if order == b"little" else ">")


def _read_records(path: Path, file: BinaryIO) -> dict[str, bytes]:
    """Read all members of an archive; zipfile compares their checksums."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            # What is not compressed, and altogether no longer than the file, cannot be a bomb.
            packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
            if not packed and sum(member.file_size for member in members) <= os.fstat(file.fileno()).st_size:
                return {member.filename: archive.read(member) for member in members}
    except (
        *(zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError),
        *(ValueError, LookupError, OverflowError, MemoryError, OSError),
    ) as error:
        raise DataError(f"{path} is damaged or cut off: {error}; {AGAIN}") from error
    if packed:
        raise DataError(
            f"{path} is a compressed archive, which torch.save never writes; refused. Unzip it first"
        )
    raise DataError(f"{path} declares members of more bytes than it has; {AGAIN}")


def read_legacy(path: Path, content: bytes) -> StoredFile:
    """Read the format before 1.6. Raises DataError."""
    stream, source = io.BytesIO(content), str(path)
    magic = read_pickle(stream, source=source, known_globals=_GLOBALS)
    if type(magic) is not int or magic != _MAGIC:
        raise DataError(f"{path} is a pickle, but not of torch.save: it holds {describe(magic)}; {ADVICE}")
    version = read_pickle(stream, source=source)
    if type(version) is not int or version != _VERSION:
        raise DataError(f"{path} is of another version of the format than {_VERSION}; {ADVICE}")
    read_pickle(stream, source=source)  # the sizes of the machine; storages are little-endian on all
    sizes: dict[str, tuple[int, int]] = {}  # elements and bytes an element

    def find(identity: Any) -> Storage:
        storage = _find_storage(identity)
        size = (identity[4], storage.dtype.size)
        if sizes.setdefault(storage.key, size) != size:
            raise ValueError(f"storage {storage.key!r:.60} has two sizes")
        return storage

    value = read_pickle(stream, source=source, known_globals=_GLOBALS, find_persistent=find)
    keys = read_pickle(stream, source=source)
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in sizes for key in keys):
        raise DataError(f"{path} is damaged: its list of storages is not that of its tensors; {AGAIN}")
    whole, position = memoryview(content), stream.tell()
    storages: dict[str, memoryview] = {}
    for key in keys:
        # Each storage is the number of its elements, int64, and the elements.
        (count, itemsize), begin = sizes[key], position + 8
        position = begin + count * itemsize
        if int.from_bytes(whole[begin - 8 : begin], "little") != count or position > len(content):
            raise DataError(
                f"{path} is damaged or cut off: storage {key!r:.60} of {count:,} elements is not in its "
                f"{len(content):,} bytes; {AGAIN}"
            )
        storages[key] = whole[begin:position]
    return StoredFile(path, value, storages)


def _find_storage(identity: Any) -> Storage:
    """Read a persistent id: ("storage", type, key, device, elements), legacy with a sixth: None or a view."""
    kind, dtype, key, _, count, *view = identity
    if (
        kind != "storage"
        or not isinstance(dtype, DType)
        or not isinstance(key, str)
        or not are_sizes((count,))
    ):
        raise ValueError(f"{identity!r:.200} does not name a storage")
    begin, size = 0, count
    if view and view[0] is not None:
        _, begin, size = view[0]
        if not are_sizes((begin, size)) or begin + size > count:
            raise ValueError(f"the view {view[0]!r:.200} does not lie in its storage of {count:,} elements")
    return Storage(key, dtype, begin * dtype.size, size * dtype.size)


def _rebuild_tensor(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    grad: Any = None,
    hooks: Any = None,
    metadata: Any = None,
) -> StoredTensor:
    """Stand for `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`."""
    return _rebuild_tensor_v3(storage, offset, size, stride, grad, hooks, storage.dtype, metadata)


def _rebuild_tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, metadata: Any = None
) -> StoredTensor:
    """Stand for `torch._utils._rebuild_tensor_v3`, whose storage has no type of its own."""
    bits = metadata or {}
    if not isinstance(storage, Storage) or not isinstance(dtype, DType) or bits.keys() - {"conj", "neg"}:
        raise ValueError(f"no tensor is made of {storage!r:.200}, {dtype!r:.60} and {bits!r:.200}")
    return StoredTensor(storage, dtype, offset, size, stride, bool(bits.get("conj")), bool(bits.get("neg")))


def _rebuild_parameter(data: Any, grad: Any, hooks: Any, state: Any = None) -> Any:
    """Stand for `_rebuild_parameter` and `_rebuild_parameter_with_state`: a parameter is its tensor."""
    return data


def _ordered_dict() -> dict[Any, Any]:
    """Stand for `collections.OrderedDict`, which is written empty and filled afterwards."""
    return {}


_GLOBALS = {
    **NUMPY_GLOBALS,
    "collections OrderedDict": _ordered_dict,
    "torch._utils _rebuild_tensor": _rebuild_tensor,
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils _rebuild_tensor_v3": _rebuild_tensor_v3,
    "torch._utils _rebuild_parameter": _rebuild_parameter,
    "torch._utils _rebuild_parameter_with_state": _rebuild_parameter,
    **{f"torch {name}": DType(name) for name in CODES},
    "torch.storage UntypedStorage": DType("uint8"),
    **{
        f"torch {kind}Storage": DType(name)
        for kind, name in {
            **{
                "Char": "int8",
                "Short": "int16",
                "Int": "int32",
                "Long": "int64",
                "Byte": "uint8",
                "Bool": "bool",
            },
            **{"Half": "float16", "BFloat16": "bfloat16", "Float": "float32", "Double": "float64"},
            **{"ComplexFloat": "complex64", "ComplexDouble": "complex128"},
        }.items()
    },
}
