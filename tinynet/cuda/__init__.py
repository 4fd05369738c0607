"""The GPU: whether there is one, which one is in use, its memory.

Questions are answered without a GPU too; what needs one raises BackendUnavailable.
"""

from __future__ import annotations

from typing import Any

from tinynet.backend import _cupy, cuda_is_available, device, require_device
from tinynet.backend import synchronize as _synchronize
from tinynet.cuda import amp
from tinynet.dtypes import TensorType

HalfTensor, FloatTensor, DoubleTensor = (
    TensorType(f"{n}Tensor", "cuda") for n in ("Half", "Float", "Double")
)
ByteTensor, IntTensor, LongTensor = (TensorType(f"{n}Tensor", "cuda") for n in ("Byte", "Int", "Long"))


def is_available() -> bool:
    """Return whether CuPy is installed and a GPU answers."""
    return cuda_is_available()


def device_count() -> int:
    """Return the number of GPUs."""
    return int(_cupy().cuda.runtime.getDeviceCount()) if is_available() else 0


def current_device() -> int:
    """Return the number of the GPU in use."""
    require_device("cuda")
    return int(_cupy().cuda.runtime.getDevice())


def set_device(device: Any) -> None:
    """Use another GPU from now on; a negative number changes nothing."""
    number = _number(device)
    if number >= 0:
        require_device(f"cuda:{number}")
        _cupy().cuda.Device(number).use()


def get_device_name(device: Any = None) -> str:
    """Return what the GPU is called."""
    return _properties(device)["name"].decode()


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Return the GPU's compute capability, (9, 0) for example."""
    properties = _properties(device)
    return int(properties["major"]), int(properties["minor"])


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has finished all it was given."""
    require_device("cuda")
    _synchronize(f"cuda:{_number(device)}")


def manual_seed(seed: int) -> None:
    """Change nothing: random numbers are drawn on the host, from the seed of tinynet.manual_seed, for every device."""


def manual_seed_all(seed: int) -> None:
    """Change nothing: see manual_seed."""


def empty_cache() -> None:
    """Give memory that is reserved but not in use back to the system."""
    if is_available():
        _cupy().get_default_memory_pool().free_all_blocks()


def memory_allocated(device: Any = None) -> int:
    """Return the bytes in use by arrays, 0 without a GPU."""
    return int(_cupy().get_default_memory_pool().used_bytes()) if is_available() else 0


def memory_reserved(device: Any = None) -> int:
    """Return the bytes taken from the system, in use or not, 0 without a GPU."""
    return int(_cupy().get_default_memory_pool().total_bytes()) if is_available() else 0


def max_memory_allocated(device: Any = None) -> int:
    """Return 0 without a GPU.

    Raises:  NotImplementedError: there is a GPU; CuPy does not record the peak, memory_reserved() is close to it
    """
    if is_available():
        raise NotImplementedError("CuPy does not record the peak of its memory: use memory_reserved()")
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Change nothing: no peak is recorded."""


def is_bf16_supported() -> bool:
    """Return False: there is no bfloat16."""
    return False


def _number(place: Any) -> int:
    """Return the number of a GPU given as a number, a device, its name, or None for the one in use."""
    if place is None:
        return current_device()
    if isinstance(place, int):
        return place
    named = device(place)
    if named.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {named}")
    return current_device() if named.index is None else named.index


def _properties(place: Any) -> dict[str, Any]:
    require_device("cuda")
    return _cupy().cuda.runtime.getDeviceProperties(_number(place))
