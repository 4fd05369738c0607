"""Variances, norms and the logarithm of a sum of exponentials, over axes."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module
from tinynet.default_dtype import get_default_dtype
from tinynet.ops.arithmetic import pow
from tinynet.ops.comparison import where
from tinynet.ops.elementwise import abs, exp
from tinynet.ops.extremes import amax, amin
from tinynet.ops.numpy_names import numpy_names
from tinynet.ops.reduce import Dim, count_along, mean, reduced_axes, sum
from tinynet.ops.rounding import sign
from tinynet.ops.shape import reshape
from tinynet.tensor import Tensor

__all__ = ["dist", "logsumexp", "norm", "std", "std_mean", "var", "var_mean"]


class Root(Function):
    """The p-th root; its slope at 0, which is infinite, counts as 0: a norm or deviation of 0 pulls nowhere."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        y = Tensor(array_module(x.array).sqrt(x.array) if p == 2 else x.array ** (1 / p))
        ctx.p = p
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, y = ctx.saved_tensors
        zero = Tensor(x.array == 0)
        return where(zero, 0, grad * y / (ctx.p * where(zero, 1, x))), None


class LogSumExp(Function):
    """log(sum(exp(x))) over axes, which stay."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        xp, array = array_module(x.array), x.array
        largest = array.max(axis=axes, keepdims=True) if array.size else array.dtype.type(0)
        largest = xp.where(xp.isfinite(largest), largest, array.dtype.type(0))  # inf - inf would be NaN
        y = Tensor(xp.log(xp.exp(array - largest).sum(axis=axes, keepdims=True)) + largest)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        x, y = ctx.saved_tensors
        return grad * exp(x - y), None


@numpy_names
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the variance over the axes `dim`: the sum of squared deviations from the mean / (count - correction).

    Args:    unbiased: torch's former way to say correction=1, which is the default, or 0; may stand in place of dim
    Raises:  RuntimeError: not floating point; IndexError: there is no such axis
             TypeError: both correction and unbiased are given
    """
    return _variance(input, dim, unbiased, keepdim, correction)[0]


@numpy_names
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the standard deviation over the axes `dim`, the root of `var`; where it is 0 its gradient is 0."""
    return Root.apply(_variance(input, dim, unbiased, keepdim, correction)[0], 2)


@numpy_names
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the variance, as `var`, and the mean."""
    return _variance(input, dim, unbiased, keepdim, correction)


@numpy_names
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation, as `std`, and the mean."""
    variance, average = _variance(input, dim, unbiased, keepdim, correction)
    return Root.apply(variance, 2), average


@numpy_names
def norm(input: Tensor, p: Any = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return sum(abs(x)**p)**(1/p) over the axes `dim`: for p=0 the count of what is not 0, for p=inf the maximum.

    Where the gradient does not exist, at 0, it counts as 0.

    Args:    p: a number; "fro" is 2
             dtype: what the elements are converted to first
    Raises:  RuntimeError: not floating point, p is unknown, or nothing to take the maximum of
             NotImplementedError: p is "nuc", which needs singular values
    """
    if p == "nuc":
        raise NotImplementedError("norm(): p='nuc', the sum of singular values, is not implemented")
    if p is None or p == "fro":
        p = 2
    if not isinstance(p, int | float):
        raise RuntimeError(f"norm(): order {p} not supported, expected a number or 'fro'")
    if not input.is_floating_point():
        raise RuntimeError(f"norm(): expected a floating point tensor as input, got {input.dtype}")
    axes = reduced_axes(dim, input.ndim)
    if (p < 0 or p == math.inf) and not count_along(input, axes):
        raise RuntimeError(
            f"norm(): cannot compute the {p} norm of nothing: dim {dim} of shape {list(input.shape)} is empty"
        )
    x = input if dtype is None else input.to(dtype)
    if x.array.itemsize < 4:
        return _norm(x.to(np.float32), p, axes, keepdim).to(x.dtype)
    return _norm(x, p, axes, keepdim)


def _norm(x: Tensor, p: float, axes: tuple[int, ...], keepdim: bool) -> Tensor:
    if p == 2:
        return Root.apply(sum(x * x, axes, keepdim), 2)
    if p == 1:
        return sum(abs(x), axes, keepdim)
    if p == 0:
        return sum(abs(sign(x)), axes, keepdim)
    if math.isinf(p):
        return (amax if p > 0 else amin)(abs(x), axes, keepdim)
    zero = Tensor(x.array == 0)
    powers = where(zero, 0.0 if p > 0 else math.inf, pow(where(zero, 1, abs(x)), p))
    return Root.apply(sum(powers, axes, keepdim), p)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference of two tensors, which broadcast."""
    return norm(input - other, p)


@numpy_names
def logsumexp(input: Tensor, dim: Dim, keepdim: bool = False) -> Tensor:
    """Return log(sum(exp(x))) over the axes `dim`, safe from overflow; whole numbers count as floating point.

    Raises:  IndexError: there is no such axis; TypeError: dim is not whole numbers
    """
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' must be an axis or a tuple of axes, not None")
    x = input if input.is_floating_point() else input.to(get_default_dtype())
    axes = reduced_axes(dim, x.ndim)
    y = LogSumExp.apply(x, axes)
    return y if keepdim or not axes else reshape(y, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def _variance(
    input: Tensor, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None:
        if correction is not None:
            raise TypeError(f"var(): give correction={correction} or unbiased={unbiased}, not both")
        correction = int(unbiased)
    if not input.is_floating_point():
        raise RuntimeError(f"std and var only support floating point dtypes, got {input.dtype}")
    axes = reduced_axes(dim, input.ndim)
    x = input if input.array.itemsize >= 4 else input.to(np.float32)
    average = mean(x, axes, keepdim=True)
    deviation = x - average
    freedom = max(0, count_along(x, axes) - (1 if correction is None else correction))
    if freedom == 0:
        warnings.warn(
            f"var(): degrees of freedom is <= 0: correction {1 if correction is None else correction} for dim {dim} "
            f"of shape {list(input.shape)}",
            stacklevel=4,
        )
    spread = sum(deviation * deviation, axes, keepdim) / freedom
    if not keepdim:
        average = reshape(average, spread.array.shape)
    return spread.to(input.dtype), average.to(input.dtype)
