"""Other dtypes, devices and memory orders, as methods of Module: in place, the parameters stay the same objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from tinynet.grad_mode import no_grad
from tinynet.tensor import Tensor
from tinynet.tensor.conversion import named_type, split_target


class ConversionMethods:
    """Conversions of every parameter, its gradient and every buffer."""

    def _apply(self: Any, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replace the memory of every parameter, gradient and buffer by that of fn(tensor), and return the module."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for tensor in (*self._parameters.values(), *self._buffers.values()):
            for part in () if tensor is None else (tensor, tensor.grad):
                if part is not None:
                    with no_grad():
                        part.data = fn(part)
        return self

    def to(
        self,
        *target: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        memory_format: Any = None,
    ) -> Self:
        """Move parameters and buffers to a device, and those of floating point to a dtype; in place.

        Called as to(device), to(dtype), to(device, dtype), to(tensor) or to(memory_format=...).

        Args:    non_blocking: accepted; copies on a stream are ordered anyway
                 memory_format: the order in memory of tensors of four axes
        Raises:  TypeError: the dtype is not floating point; BackendUnavailable: the device is not there
        """
        dtype, place = split_target(target, dtype, device)
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got {np.dtype(dtype)}")

        def convert(tensor: Tensor) -> Tensor:
            converted = tensor.to(dtype=dtype if tensor.is_floating_point() else None, device=place)
            if memory_format is not None and tensor.ndim == 4:
                converted = converted.to(memory_format=memory_format)
            return converted

        return self._apply(convert)

    def type(self, dst_type: Any) -> Self:
        """Convert every parameter and buffer, also those of whole numbers, to a dtype or a type named as torch does."""
        dtype = named_type(dst_type)
        return self._apply(lambda tensor: tensor.to(dtype))

    def cpu(self) -> Self:
        """Move parameters and buffers to main memory."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Self:
        """Move parameters and buffers to the GPU, the first one if none is named.

        Raises:  BackendUnavailable: there is none
        """
        return self.to("cuda" if device is None else device)

    def half(self) -> Self:
        """Convert parameters and buffers of floating point to float16."""
        return self.to(np.float16)

    def float(self) -> Self:
        """Convert parameters and buffers of floating point to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert parameters and buffers of floating point to float64."""
        return self.to(np.float64)
