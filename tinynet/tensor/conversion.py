"""From a tensor to another dtype or device, to NumPy and to Python, as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import autograd, memory, ops
from tinynet.backend import asnumpy, device

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor

TYPE_NAMES = {
    "HalfTensor": np.float16,
    "FloatTensor": np.float32,
    "DoubleTensor": np.float64,
    "CharTensor": np.int8,
    "ByteTensor": np.uint8,
    "ShortTensor": np.int16,
    "IntTensor": np.int32,
    "LongTensor": np.int64,
    "BoolTensor": np.bool_,
}
"""torch's names of its tensor types, as `Tensor.type()` gives them after "torch."."""


class ConversionMethods:
    """Other dtypes, devices and libraries."""

    def to(
        self: Any,
        *target: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        copy: bool = False,
        memory_format: Any = None,
    ) -> Tensor:
        """Return the tensor in another dtype or on another device (given in any order), itself if it fits.

        Args:    non_blocking: accepted; copies on a stream are ordered anyway; copy: never return itself
                 memory_format: see `contiguous`
        """
        dtype, place = split_target(target, dtype, device)
        result = self
        if (
            place is not None
            and place != self.device
            and not (place.type == self.device.type == "cuda" and place.index is None)
        ):
            result = ops.to_device(result, place)
        if dtype is not None and dtype != self.array.dtype:
            result = ops.cast(result, np.dtype(dtype))
        if memory_format is not None:
            result = result.contiguous(memory_format=memory_format)
        return result.clone() if copy and result is self else result

    def cpu(self: Any) -> Tensor:
        """Return the tensor in main memory."""
        return self.to("cpu")

    def cuda(self: Any, device: Any = None, non_blocking: bool = False) -> Tensor:
        """Return the tensor on the GPU, the first one if none is named."""
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    def half(self: Any) -> Tensor:
        """Return the tensor in float16."""
        return self.to(np.float16)

    def float(self: Any) -> Tensor:
        """Return the tensor in float32."""
        return self.to(np.float32)

    def double(self: Any) -> Tensor:
        """Return the tensor in float64."""
        return self.to(np.float64)

    def byte(self: Any) -> Tensor:
        """Return the tensor in uint8."""
        return self.to(np.uint8)

    def short(self: Any) -> Tensor:
        """Return the tensor in int16."""
        return self.to(np.int16)

    def int(self: Any) -> Tensor:
        """Return the tensor in int32."""
        return self.to(np.int32)

    def long(self: Any) -> Tensor:
        """Return the tensor in int64."""
        return self.to(np.int64)

    def bool(self: Any) -> Tensor:
        """Return the tensor in bool: whether each element is not 0."""
        return self.to(np.bool_)

    def type(self: Any, dtype: Any = None, non_blocking: Any = False) -> Any:
        """Return torch's name of the tensor's type, or the tensor in another dtype, given by dtype or by such a name.

        Raises:  ValueError: an unknown name
        """
        if dtype is not None:
            return self.to(getattr(dtype, "dtype", None) or named_type(dtype))
        name = next(n for n, t in TYPE_NAMES.items() if self.array.dtype == t)
        return f"torch.cuda.{name}" if self.is_cuda else f"torch.{name}"

    def type_as(self: Any, other: Tensor) -> Tensor:
        """Return the tensor in the dtype and on the device of another."""
        return self.to(other)

    def numpy(self: Any, *, force: Any = False) -> np.ndarray:
        """Return the array, sharing memory; with force detached and copied from the GPU as needed.

        Raises:  RuntimeError: the tensor requires a gradient; TypeError: it is on a GPU
        """
        _hand_out(self.array)
        if force:
            return asnumpy(self.array)
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if self.device.type != "cpu":
            raise TypeError(f"can't convert {self.device} tensor to numpy. Use tensor.cpu() first.")
        return self.array

    def __array__(self: Any, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __dlpack__(self: Any, **options: Any) -> Any:
        """Return a DLPack capsule that shares the memory.

        Raises:  BufferError: the tensor requires a gradient
        """
        if self.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        _hand_out(self.array)
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self: Any) -> Any:
        """Return the DLPack type and number of the device."""
        return self.array.__dlpack_device__()

    def item(self: Any) -> Any:
        """Return the only element as a Python number.

        Raises:  RuntimeError: there is not exactly one element
        """
        if self.array.size != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
        return self.array.item()

    def tolist(self: Any) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.array.tolist()

    def __float__(self: Any) -> Any:
        return float(self.item())

    def __int__(self: Any) -> Any:
        return int(self.item())

    def __index__(self: Any) -> Any:
        if self.array.dtype.kind not in "biu" or self.array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __bool__(self: Any) -> Any:
        if self.array.size != 1:
            count = "more than one value" if self.array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {count} is ambiguous")
        return bool(self.array.item())

    def element_size(self: Any) -> Any:
        """Return the bytes of one element."""
        return self.array.dtype.itemsize

    @property
    def itemsize(self: Any) -> Any:
        """Bytes of one element."""
        return self.array.dtype.itemsize

    @property
    def nbytes(self: Any) -> Any:
        """Bytes of all elements."""
        return self.array.nbytes

    def data_ptr(self: Any) -> Any:
        """Return the address of the first element."""
        _hand_out(self.array)
        return self.array.ctypes.data if isinstance(self.array, np.ndarray) else self.array.data.ptr

    def get_device(self: Any) -> Any:
        """Return the number of the GPU, -1 in main memory."""
        return self.device.index if self.is_cuda else -1


def _hand_out(array: Any) -> None:
    """Let an array leave the library: what waits for its values is computed now, and nothing waits for it later."""
    autograd.delayed.settle(array)
    memory.show(array)


def named_type(name: Any) -> Any:
    """Return the dtype of one of torch's tensor type names; a dtype as it is.

    Raises:  ValueError: an unknown name
    """
    if not isinstance(name, str):
        return np.dtype(name)
    last = name.rpartition(".")[2]
    if last not in TYPE_NAMES:
        raise ValueError(f"invalid type: {name!r}; known are {', '.join(TYPE_NAMES)}")
    return np.dtype(TYPE_NAMES[last])


def split_target(target: tuple[Any, ...], dtype: Any, place: Any) -> tuple[Any, Any]:
    """Sort the arguments of `to` into a dtype and a device.

    Raises:  RuntimeError: a string names neither
    """
    for value in target:
        if isinstance(value, device) or (
            isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")
        ):
            place = value
        elif hasattr(value, "array") and hasattr(value, "grad_fn"):
            dtype, place = value.dtype, value.device
        elif isinstance(value, int) and not isinstance(value, bool):
            place = f"cuda:{value}"
        elif isinstance(value, str) and not _names_dtype(value):
            raise RuntimeError(
                f"Expected a device 'cpu', 'cuda' or 'cuda:INDEX', or a dtype, but got {value!r}"
            )
        elif value is not None and not isinstance(value, bool):
            dtype = value
    return dtype, None if place is None else device(place)


def _names_dtype(name: str) -> bool:
    try:
        np.dtype(name)
    except TypeError:
        return False
    return True
