"""Wrappers for several GPUs, as far as one is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinynet.backend import cuda_is_available
from tinynet.nn.module import Module


class DataParallel(Module):
    """A module that calls the one it wraps, `module`, on the device where that is.

    Differs from torch: without device_ids one GPU is used, not all of them.

    Raises:  NotImplementedError: several device_ids and a GPU
    """

    def __init__(
        self, module: Any, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1 and cuda_is_available():
            raise NotImplementedError(f"DataParallel: one GPU only, got device_ids={list(device_ids)}")
        self.module, self.dim, self.output_device = module, dim, output_device
        self.device_ids = [] if device_ids is None else list(device_ids)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return the module's output."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Training in several processes, which is not supported: every constructor call raises NotImplementedError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("DistributedDataParallel: training in several processes is not supported")
