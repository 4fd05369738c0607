"""Linear maps along the axes of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import device, to_device
from tinynet.kernels.generic import resample as kernels
from tinynet.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Taps:
    """A linear map along one axis: of each tap (source, target, weight), y[target] += weight * x[source]."""

    before: int
    after: int
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    @cached_property
    def adjoint(self) -> Taps:
        """The same taps the other way round."""
        there_and_back = Taps(self.after, self.before, self.target, self.source, self.weight)
        there_and_back.__dict__["adjoint"] = self
        return there_and_back

    @cached_property
    def _passes(self) -> list[tuple[Any, np.ndarray, np.ndarray]]:
        """The taps in passes that name every target at most once; a slice stands for all targets in order."""
        order = np.argsort(self.target, kind="stable")
        target = self.target[order]
        rank = np.arange(len(target)) - np.searchsorted(target, target)
        picked = [order[rank == k] for k in range(np.max(rank, initial=-1) + 1)]
        return [
            (
                slice(None) if len(taps) == self.after else self.target[taps],
                self.source[taps],
                self.weight[taps],
            )
            for taps in picked
        ]

    def passes(self, place: device) -> kernels.Passes:
        """Return the taps in passes that name every target at most once, their arrays on a device."""
        return [
            (
                target if isinstance(target, slice) else to_device(target, place),
                to_device(source, place),
                to_device(weight, place),
            )
            for target, source, weight in self._passes
        ]


class Resample(Function):
    """One map along the rows of images and another along their columns."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Taps, cols: Taps) -> Tensor:
        ctx.rows, ctx.cols = rows, cols
        passes = {"rows": rows.passes(x.device), "cols": cols.passes(x.device)}
        return Tensor(kernels.resample(x.array, **passes, size=(rows.after, cols.after)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return Resample.apply(grad, ctx.rows.adjoint, ctx.cols.adjoint), None, None


def resample(x: Tensor, rows: Taps, cols: Taps) -> Tensor:
    """Apply one map to the rows of x (N, C, H, W), another to its columns; arguments are checked in nn.functional."""
    return Resample.apply(x, rows, cols)
