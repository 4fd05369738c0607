"""Normalisation layers with statistics of the batch, and those without buffers."""

from __future__ import annotations

import warnings
from typing import Any

from tinynet.autograd import delayed
from tinynet.creation import int64, ones, zeros
from tinynet.nn import functional as F
from tinynet.nn import init
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


class _NormBase(Module):
    """Weight and bias of each channel, running statistics and the text of batch and instance normalisation."""

    _version = 2
    """Since version 2 the state has num_batches_tracked, as torch's has."""
    dims: tuple[int, ...]
    """How many axes the input may have; set by each layer."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        place = {"dtype": dtype or "float32", "device": device}
        self.register_parameter("weight", Parameter(ones(num_features, **place)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(num_features, **place)) if affine and bias else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **place) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **place) if tracked else None)
        self.register_buffer(
            "num_batches_tracked", zeros((), dtype=int64, device=device) if tracked else None
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *args: Any
    ) -> None:
        key = prefix + "num_batches_tracked"
        old = (local_metadata.get("version") or 1) < 2
        if old and self.track_running_stats and key not in state_dict:
            state_dict[key] = zeros((), dtype=int64)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the running variance to 1 and the count of batches to 0."""
        if self.track_running_stats:
            for buffer, value in (
                (self.running_mean, 0),
                (self.running_var, 1),
                (self.num_batches_tracked, 0),
            ):
                delayed.settle(buffer.array)
                buffer.array[...] = value

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0, and reset the running statistics."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self.dims:
            wanted = " or ".join(f"{n}D" for n in self.dims)
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input of size {list(input.shape)})")

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_NormBase):
    """Normalise each channel over the batch, then scale by weight and shift by bias.

    In training with the statistics of the batch, which also move running_mean and running_var (unbiased) by `momentum`;
    with momentum None those are averages over all batches. In evaluation with the running statistics, if there are any.

    Shapes:  input and output (N, C, ...), C = num_features; parameters and buffers (C,)
    Raises:  ValueError: the input has another number of axes, or training on one value a channel
    Source:  Ioffe, Szegedy 2015, arXiv 1502.03167
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        self._check_input_dim(input)
        parameters, buffers = self._parameters, self._buffers
        running_mean = self._tensor(buffers, "running_mean")
        use_batch = self.training or running_mean is None
        momentum: Any = self.momentum
        update = self.training and self.track_running_stats and running_mean is not None
        if update:
            batches = self._tensor(buffers, "num_batches_tracked")
            batches.array += 1
            if momentum is None:
                momentum = 1 / batches.array  # stays on the device: to read it would wait
        return F.batch_norm(
            input,
            running_mean if update or not use_batch else None,
            self._tensor(buffers, "running_var") if update or not use_batch else None,
            self._tensor(parameters, "weight"),
            self._tensor(parameters, "bias"),
            use_batch,
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of rows (N, C) or signals (N, C, W)."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images (N, C, H, W)."""

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of volumes (N, C, D, H, W)."""

    dims = (5,)


class _InstanceNorm(_NormBase):
    """Normalise each channel of each image by itself, then scale by weight and shift by bias.

    With track_running_stats the statistics, averaged over the batch, also move running ones, which evaluation uses.

    Shapes:  input and output (N, C, ...) or (C, ...), C = num_features; parameters and buffers (C,)
    Raises:  ValueError: the input has another number of axes, other channels than an affine layer, or one value in
             each channel
    Source:  Ulyanov, Vedaldi, Lempitsky 2016, arXiv 1607.08022
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        self._check_input_dim(input)
        single = input.ndim < self.dims[1]
        channels = input.shape[0 if single else 1]
        if channels != self.num_features:
            text = f"expected input's size at dim={0 if single else 1} to match num_features ({self.num_features}), "
            if self.affine:
                raise ValueError(f"{text}but got: {channels}.")
            warnings.warn(f"{text}got {channels}; without affine it is not used", stacklevel=2)
        y = F.instance_norm(
            input.unsqueeze(0) if single else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals (N, C, W) or (C, W)."""

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of images (N, C, H, W) or (C, H, W)."""

    dims = (3, 4)


class LayerNorm(Module):
    """Normalise over the last axes, then scale by weight and shift by bias.

    Shapes:  input and output (..., *normalized_shape); weight, bias normalized_shape
    Source:  Ba, Kiros, Hinton 2016, arXiv 1607.06450
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        _register_affine(self, self.normalized_shape, elementwise_affine, bias, device, dtype)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        _reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divide by the root of the mean square over the last axes, then scale by weight.

    Shapes:  input and output (..., *normalized_shape); weight normalized_shape
    Source:  Zhang, Sennrich 2019, arXiv 1910.07467
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        place = {"dtype": dtype or "float32", "device": device}
        weight = Parameter(ones(self.normalized_shape, **place)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        _reset_affine(self.weight, None)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalise each group of channels of each image, then scale by weight and shift by bias.

    Shapes:  input and output (N, C, ...), C = num_channels; weight, bias (C,)
    Raises:  ValueError: num_channels is not divisible by num_groups
    Source:  Wu, He 2018, arXiv 1803.08494
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        _register_affine(self, (num_channels,), affine, bias, device, dtype)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        _reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divide by a power of the mean square over neighbouring channels; as `functional.local_response_norm`."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)


def _register_affine(
    module: Module, shape: tuple[int, ...], affine: bool, bias: bool, device: Any, dtype: Any
) -> None:
    """Give the module a weight of ones and a bias of zeros, or None in their places."""
    place = {"dtype": dtype or "float32", "device": device}
    module.register_parameter("weight", Parameter(ones(shape, **place)) if affine else None)
    module.register_parameter("bias", Parameter(zeros(shape, **place)) if affine and bias else None)


def _reset_affine(weight: Tensor | None, bias: Tensor | None) -> None:
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
