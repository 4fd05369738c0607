"""torch's names of the dtypes, which are NumPy's, and its former names of tensors of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.tensor import Tensor
from tinynet.tensor.conversion import TYPE_NAMES

float16 = half = np.dtype(np.float16)
float32 = float = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = short = np.dtype(np.int16)
int32 = int = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
bool = np.dtype(np.bool_)
dtype = np.dtype


class TensorType:
    """torch.FloatTensor and its like: makes tensors of its dtype, and names it for `Tensor.type`."""

    def __init__(self, name: str, device: str = "cpu") -> None:
        self.name, self.dtype, self.device = name, np.dtype(TYPE_NAMES[name]), device

    def __call__(self, data: Any = (), *sizes: Any) -> Tensor:
        """Return a tensor of the values in a sequence, or an uninitialised one of the given size."""
        return Tensor(data, *sizes).to(self.device, dtype=self.dtype)

    def __instancecheck__(self, instance: Any) -> Any:
        """Return whether a value is a tensor of the dtype, on the device."""
        return isinstance(instance, Tensor) and (instance.dtype, instance.device.type) == (
            self.dtype,
            self.device,
        )

    def __repr__(self) -> str:
        return f"tinynet.{self.name}" if self.device == "cpu" else f"tinynet.cuda.{self.name}"


HalfTensor, FloatTensor, DoubleTensor = (TensorType(f"{n}Tensor") for n in ("Half", "Float", "Double"))
CharTensor, ByteTensor, ShortTensor = (TensorType(f"{n}Tensor") for n in ("Char", "Byte", "Short"))
IntTensor, LongTensor, BoolTensor = (TensorType(f"{n}Tensor") for n in ("Int", "Long", "Bool"))

__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "bool",
    "double",
    "dtype",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "long",
    "short",
    "uint8",
]
