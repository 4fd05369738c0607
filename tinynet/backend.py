"""The one module that knows NumPy and CuPy both exist.

Everything above it asks `array_module(x)` for the library that owns `x` and writes one code for both.
CuPy is imported on first need, so a machine without it pays nothing.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from tinynet import memory

Array: TypeAlias = Any  # numpy.ndarray or cupy.ndarray

INSTALL_HINT = (
    "install CuPy for your CUDA version with pip install -e '.[cuda13]' or pip install -e '.[cuda12]', "
    "check the driver with nvidia-smi, or run with --backend numpy"
)


class BackendUnavailable(RuntimeError):
    """Say that the GPU was asked for and cannot be used, why, and what to install."""


class device:
    """Name where an array lives: "cpu" (NumPy), "cuda" or "cuda:1" (CuPy).

    Raises:  RuntimeError: an unknown device type or an index that is not a whole number
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, name: str | device, index: int | None = None) -> None:
        if isinstance(name, device):
            self.type, self.index = name.type, name.index if index is None else index
            return
        kind, _, number = name.partition(":")
        if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
            raise RuntimeError(f"Expected a device 'cpu', 'cuda' or 'cuda:INDEX', but got {name!r}")
        self.type = kind
        self.index = int(number) if number else index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        inner = f"type={self.type!r}" + ("" if self.index is None else f", index={self.index}")
        return f"device({inner})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device | str) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


CPU = device("cpu")


def _cupy() -> ModuleType:
    try:
        import cupy
    except ImportError as error:
        raise BackendUnavailable(f"CuPy is not installed ({error}): {INSTALL_HINT}") from error
    return cupy


def require_device(name: str | device) -> device:
    """Return the device, having checked that arrays can be made on it.

    Raises:  BackendUnavailable: CuPy is missing, or no GPU answers; the message says what to install
    """
    wanted = device(name)
    if wanted.type == "cuda":
        cupy = _cupy()
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except Exception as error:
            raise BackendUnavailable(f"CuPy found no usable GPU ({error}): {INSTALL_HINT}") from error
        if count <= (wanted.index or 0):
            raise BackendUnavailable(f"{wanted} was asked for, but CuPy sees {count} GPUs: {INSTALL_HINT}")
    return wanted


def cuda_is_available() -> bool:
    """Return whether CuPy is installed and a GPU answers."""
    try:
        require_device("cuda")
    except BackendUnavailable:
        return False
    return True


def is_array(value: object) -> bool:
    """Return whether `value` is a NumPy or CuPy array (scalars of NumPy are not arrays)."""
    if isinstance(value, np.ndarray):
        return True
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


def array_module(*arrays: Array) -> Any:
    """Return `cupy` if any of the arrays is CuPy's, else `numpy`."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(array, cupy.ndarray) for array in arrays):
        return cupy
    return np


def sum_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which to add up numbers of `dtype`: half precision in float32, whole numbers in int64."""
    if dtype.kind == "f":
        return np.dtype(np.float32) if dtype.itemsize < 4 else dtype
    return np.dtype(np.int64)


def device_of(array: Array) -> device:
    """Return the device on which `array` lives."""
    if isinstance(array, np.ndarray):
        return CPU
    return device("cuda", int(array.device.id))


def to_device(array: Array, target: str | device) -> Array:
    """Return `array` on the target device, itself if it is there already."""
    target = device(target)
    if target.type == "cpu":
        return asnumpy(array)
    cupy = _cupy()
    with cupy.cuda.Device(target.index or 0):
        return cupy.asarray(array)


def asnumpy(array: Array) -> np.ndarray:
    """Return `array` as a NumPy array, waiting for the device if it is CuPy's."""
    return array if isinstance(array, np.ndarray) else np.asarray(_cupy().asnumpy(array))


def _switch_of_warnings() -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return two functions: NumPy's floating-point warnings off, and back to what the first one returned.

    `with numpy.errstate(all="ignore")` does the same in a microsecond, a tenth of a whole small operation. It only
    sets a context variable; where NumPy's own name of that variable is not found, errstate does it after all.
    """
    try:
        umath = importlib.import_module("numpy._core.umath")
        variable, off = umath._extobj_contextvar, umath._make_extobj(all="ignore")
    except (ImportError, AttributeError):  # another version of NumPy

        def enter() -> Any:
            state = np.errstate(all="ignore")
            state.__enter__()
            return state

        return enter, lambda state: state.__exit__(None, None, None)
    return functools.partial(variable.set, off), variable.reset


warnings_off, warnings_back = _switch_of_warnings()


def empty_like(x: Array, shape: tuple[int, ...] | None = None) -> Array:
    """Return an array with the dtype and the memory order of x, of its shape or another with as many axes."""
    if isinstance(x, np.ndarray):
        return memory.empty_like(x, shape)
    return _cupy().empty_like(x, shape=x.shape if shape is None else shape)


def synchronize(target: str | device = "cuda") -> None:
    """Wait until the device has finished all it was given; nothing to do on the CPU."""
    target = device(target)
    if target.type == "cuda":
        cupy = _cupy()
        with cupy.cuda.Device(target.index or 0):
            cupy.cuda.get_current_stream().synchronize()


def scatter_add_(target: Array, index: Any, values: Array) -> None:
    """Add `values` into `target[index]`, every duplicate index counted (NumPy's `add.at`)."""
    array_module(target).add.at(target, index, values)


def check_on_host(array: Array) -> np.ndarray | None:
    """Return `array` if its values can be looked at for free, None if that would stall a GPU.

    Public functions validate values (class labels, indices) through this: on the CPU always, on a GPU never,
    where the data loader has already checked them on the host.
    """
    return array if isinstance(array, np.ndarray) else None
