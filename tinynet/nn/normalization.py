"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from tinynet.creation import int64, ones, zeros
from tinynet.nn import functional as F
from tinynet.nn.module import Module, Parameter
from tinynet.tensor import Tensor


class BatchNorm2d(Module):
    """Normalise each channel of images over the batch, then scale by weight and shift by bias.

    In training with the statistics of the batch, which also move running_mean and running_var (unbiased) by `momentum`;
    with momentum None those are averages over all batches. In evaluation with the running statistics, if there are any.

    Shapes:  input and output (N, C, H, W), C = num_features; parameters and buffers (C,)
    Raises:  ValueError: the input is not 4D, or training on one value a channel
    Source:  Ioffe, Szegedy 2015, arXiv 1502.03167
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
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

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        if input.ndim != 4:
            raise ValueError(f"expected 4D input (got {input.ndim}D input of size {list(input.shape)})")
        use_batch = self.training or self.running_mean is None
        momentum: Any = self.momentum
        update = self.training and self.track_running_stats and self.running_mean is not None
        if update:
            self.num_batches_tracked.array += 1
            if momentum is None:
                momentum = 1 / self.num_batches_tracked.array  # stays on the device: to read it would wait
        return F.batch_norm(
            input,
            self.running_mean if update or not use_batch else None,
            self.running_var if update or not use_batch else None,
            self.weight,
            self.bias,
            use_batch,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )
