"""Read weights from files: safetensors, and PyTorch's own, without torch and without executing pickle.

The kind of a file is told by its first bytes, not by its name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tinynet.errors import DataError
from tinynet.pickle_reader import ForeignGlobals
from tinynet.weights import pytorch, safetensors
from tinynet.weights.stored import ADVICE, AGAIN, DType, Storage, StoredFile, StoredTensor, describe

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_DEEPEST = 4
_COUNTER = "num_batches_tracked"


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read named arrays from a .safetensors file or a PyTorch file of any age (.pt, .pth, .th, .bin).

    A state dict under "state_dict", "model_state_dict", "model" or "net" of another dictionary is found, the
    prefix "module." of DataParallel is removed where every name has it, and files from before PyTorch 0.4.1
    gain the `num_batches_tracked` that they lack, 0 beside each running_mean.

    Returns: arrays of their own: C-contiguous, writable, in the machine's byte order; dtypes as in the file, but
             bfloat16, which NumPy has not, is widened to float32, exactly
    Raises:  DataError: missing, damaged, of another kind, or anything but tensors by name; says what it holds
    """
    file = _open(path)
    found = _unwrap(file.value)
    entries = found.items() if isinstance(found, dict) else ()
    if not entries or not all(isinstance(name, str) and isinstance(x, StoredTensor) for name, x in entries):
        raise DataError(f"{path} holds no state_dict, tensors by name, but {describe(found)}; {ADVICE}")
    prefix = "module." if all(name.startswith("module.") for name in found) else ""
    state = {name.removeprefix(prefix): file.array(tensor, name) for name, tensor in entries}
    if not any(name.endswith(_COUNTER) for name in state):
        for name in [name for name in state if name.rpartition(".")[2] == "running_mean"]:
            state[name.removesuffix("running_mean") + _COUNTER] = np.zeros((), np.int64)
    return state


def rename(state: Mapping[str, Any], rule: str) -> dict[str, Any]:
    """Replace the beginning of names by another: "linear=fc" makes fc.weight of linear.weight.

    Raises:  DataError: no name begins so, or the rule has no "="
    """
    old, equals, new = rule.partition("=")
    if not equals or not any(name.startswith(old) for name in state):
        wrong = f"no name begins with {old!r}" if equals else f"--rename {rule}: must be OLD=NEW"
        starts = dict.fromkeys(name.split(".")[0] for name in state)
        raise DataError(f"{wrong}; the names begin with {', '.join(starts)}")
    return {
        new + name.removeprefix(old) if name.startswith(old) else name: value for name, value in state.items()
    }


def read_file(
    path: str | os.PathLike[str] | BinaryIO, make: Callable[[np.ndarray], Any] = lambda array: array
) -> Any:
    """Read all that such a file holds, as it is: dicts, lists, tuples and plain values around the tensors.

    Args:    path: or a file that is open for reading bytes
             make: called with the array of each tensor, as of `read_state_dict`; its result takes the tensor's place
    Raises:  DataError: missing, damaged, of another kind, or anything but tensors and plain values
    """
    file = _open(path)
    done: dict[int, Any] = {}  # what is shared stays shared, and what contains itself comes to an end

    def rebuild(value: Any, name: str) -> Any:
        if id(value) in done:
            return done[id(value)]
        result: Any
        if isinstance(value, dict):
            result = done[id(value)] = {}
            for key, item in value.items():
                result[key] = rebuild(item, f"{name}.{key}" if name else str(key))
        elif isinstance(value, list):
            result = done[id(value)] = []
            result.extend(rebuild(item, f"{name}[{i}]") for i, item in enumerate(value))
        elif isinstance(value, tuple):
            result = tuple(rebuild(item, f"{name}[{i}]") for i, item in enumerate(value))
        elif isinstance(value, StoredTensor):
            result = make(file.array(value, name))
        elif callable(value) or isinstance(value, DType | Storage):
            raise DataError(f"{path}: {name or 'the object'} is neither a tensor nor a plain value; {ADVICE}")
        else:
            return value
        done[id(value)] = result
        return result

    try:
        return rebuild(file.value, "")
    except RecursionError as error:
        raise DataError(f"{path} nests its objects too deeply; {ADVICE}") from error


def _unwrap(value: Any) -> Any:
    """Return the innermost dictionary under the usual names."""
    for _ in range(_DEEPEST):
        inner = [
            value[key] for key in _WRAPPERS if isinstance(value, dict) and isinstance(value.get(key), dict)
        ]
        if not inner:
            break
        value = inner[0]
    return value


def _open(source: str | os.PathLike[str] | BinaryIO) -> StoredFile:
    """Read a file of any kind."""
    if not isinstance(source, str | os.PathLike):
        with tempfile.TemporaryFile() as file:  # for what is asked of a file and not every stream can answer
            shutil.copyfileobj(source, file)
            file.seek(0)
            return _read(Path(str(getattr(source, "name", "the stream"))), file)
    path = Path(source)
    if path.is_dir():
        raise DataError(f"{path} is a folder: give the file of weights in it")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is not a regular file")
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _read(path: Path, file: BinaryIO) -> StoredFile:
    """Read an open file of any kind; path: its name in messages."""
    head = file.read(64)
    file.seek(0)
    try:
        # First of all safetensors: the length that begins such a file may look like another beginning.
        if head[8:9] == b"{":
            return safetensors.read(path, file.read())
        if head.startswith(b"PK"):
            return pytorch.read_zip(path, file)
        if head.startswith(b"\x80"):
            return pytorch.read_legacy(path, file.read())
    except ForeignGlobals as error:
        raise DataError(f"{error}. It holds Python objects, perhaps a whole model: {ADVICE}") from None
    kind = "neither safetensors nor a file of torch.save"
    if not head:
        kind = f"empty; {AGAIN}"
    elif head.lstrip().startswith(b"<"):
        kind = "a page of text (HTML), perhaps what a web site answered in its place; download it again"
    elif head.startswith(b"version https://git-lfs"):
        kind = "a pointer of Git LFS; fetch the file itself with git lfs pull"
    raise DataError(f"{path} is {kind}")
