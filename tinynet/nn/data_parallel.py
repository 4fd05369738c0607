"""Layers and wrappers for several GPUs, as far as one is enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from tinynet.backend import cuda_is_available
from tinynet.nn.module import Module
from tinynet.nn.normalization import _BatchNorm
from tinynet.tensor import Tensor


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


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of inputs (N, C, ...); in one process there are no other statistics to wait for.

    Raises:  NotImplementedError: process_group is given
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        _require_no_group(process_group)
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = None

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(
                f"expected at least 2D input (got {input.ndim}D input of size {list(input.shape)})"
            )

    @classmethod
    def convert_sync_batchnorm(cls, module: Any, process_group: Any = None) -> Any:
        """Return the module, each batch normalisation in it replaced by one of this class with the same parameters."""
        _require_no_group(process_group)
        if isinstance(module, _BatchNorm):
            return cls._of(module)
        for name, child in module.named_children():
            module.add_module(name, cls.convert_sync_batchnorm(child))
        return module

    @classmethod
    def _of(cls, layer: Any) -> Self:
        new = cls(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
        for name, parameter in layer._parameters.items():
            new.register_parameter(name, parameter)
        for name, buffer in layer._buffers.items():
            new.register_buffer(name, buffer)
        return new.train(layer.training)


def _require_no_group(process_group: Any) -> None:
    if process_group is not None:
        raise NotImplementedError("SyncBatchNorm: training in several processes is not supported")
