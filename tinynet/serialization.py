"""Save tensors, and plain values around them, to files that PyTorch reads too, and read PyTorch's."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tinynet.backend import asnumpy, to_device
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor

if TYPE_CHECKING:
    from tinynet.weights.pytorch_writer import Part

__all__ = ["load", "save"]


def save(
    obj: Any,
    f: str | os.PathLike[str] | BinaryIO,
    pickle_module: Any = None,
    pickle_protocol: Any = None,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write tensors, numbers, strings, None, and dicts, lists and tuples of them, in the zip format of torch.save.

    torch.load reads it, with weights_only too. A file is replaced whole or not at all. Tensors lie row by row in it,
    without history; views of one tensor become tensors of their own.

    Args:    f: a path, or a file that is open for writing bytes
             pickle_module, pickle_protocol, _use_new_zipfile_serialization: accepted; there is one format
    Raises:  TypeError: the object holds anything else, such as a whole model; names its place
             ValueError: it contains itself; OSError: the file cannot be written
    """
    from tinynet.weights.pytorch_writer import write_zip

    if not isinstance(f, str | os.PathLike):
        content = io.BytesIO()  # a stream may lack seek
        write_zip(obj, content, _part)
        f.write(content.getbuffer())
        return
    path = Path(f)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            write_zip(obj, file, _part)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load(
    f: str | os.PathLike[str] | BinaryIO,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Return what a file of torch.save or safetensors holds; no pickle is executed.

    Dicts, lists, tuples and plain values around tensors are read, a whole pickled model is refused. bfloat16 becomes
    float32.

    Args:    f: a path, or a file that is open for reading bytes
             map_location: device to put the tensors on
             pickle_module, weights_only, mmap, pickle_load_args: accepted; there is one way to read
    Raises:  NotImplementedError: a map_location that is no device
             DataError: missing, damaged, of another kind, or holding anything else
    """
    check_location("load", map_location)
    from tinynet.weights import read_file

    return read_file(f, lambda x: Tensor(x if map_location is None else to_device(x, map_location)))


def check_location(function: str, map_location: Any) -> None:
    """Refuse what torch takes for a map_location besides a device. Raises NotImplementedError."""
    if map_location is not None and (callable(map_location) or isinstance(map_location, dict)):
        raise NotImplementedError(f"{function}: map_location must be a device")


def _part(value: Any) -> Part | None:
    from tinynet.weights.pytorch_writer import Part

    if not isinstance(value, Tensor):
        return None
    return Part(asnumpy(value.array), value.requires_grad, isinstance(value, Parameter))
