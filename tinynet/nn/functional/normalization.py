"""Normalisation by statistics of the batch, of a layer, of groups of channels, and by norms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.autograd import delayed, quietly
from tinynet.autograd.delayed import DelayedTensor
from tinynet.backend import array_module, sum_dtype
from tinynet.grad_mode import is_grad_enabled
from tinynet.kernels.generic.normalization import coefficients
from tinynet.nn.functional.arguments import check_floating, check_tensor
from tinynet.nn.functional.pool import avg_pool2d
from tinynet.ops.normalization import RunningStatistics, finish_later
from tinynet.tensor import Tensor

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel (axis 1) to mean 0 and variance 1, then scale by `weight` and shift by `bias`.

    In training with the batch's mean and biased variance, and the running statistics, if given, are replaced by
    (1 - momentum) * running + momentum * batch, the variance unbiased; else with the running statistics.

    Shapes:  input (N, C, ...); the others (C,)
             of an empty batch the running statistics stay as they are
    Raises:  ValueError: training on one value a channel
             RuntimeError: sizes or dtypes differ, input is not floating point, or no running statistics to use
    Source:  Ioffe, Szegedy 2015, arXiv 1502.03167
    """
    check_tensor(input, "batch_norm")
    x = delayed.outline(input)
    if x.ndim < 2:
        raise RuntimeError(f"batch_norm: expected input (N, C, ...), got input of size {list(x.shape)}")
    if x.dtype.kind != "f":
        check_floating(input, "batch_norm")
    C, dtype = x.shape[1], x.dtype
    alike = _check_parameters(
        "batch_norm", input, (C,),
        {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias},
    )  # fmt: skip
    if weight is None:
        weight = Tensor(array_module(input.array).ones(C, dtype))
    if bias is None:
        bias = Tensor(array_module(input.array).zeros(C, dtype))
    if training:
        return _batch_norm_training(input, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is None or running_var is None:
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    recording = is_grad_enabled()
    if recording and any(t.requires_grad for t in (weight, bias, running_mean, running_var)):
        scale = weight / ops.sqrt(running_var + eps)
        shift = bias - running_mean * scale
    else:  # the same, but for what it takes to record it
        factor, term, statistics = weight.array, bias.array, (running_mean.array, running_var.array, eps)
        later = finish_later(input, factor, term, statistics) if alike and not recording else None
        if later is not None:
            return later
        scale, shift = map(Tensor, quietly(coefficients, factor, term, *statistics))
    y = ops.channel_affine(input, scale, shift)
    return y if y.dtype == dtype else y.to(dtype)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last axes to mean 0 and variance 1, then scale by `weight` and shift by `bias`.

    Shapes:  input (..., *normalized_shape); weight, bias normalized_shape
    Raises:  TypeError: normalized_shape is no sequence; RuntimeError: the last axes of input, or weight or bias, have
             another shape; dtypes differ, or input is not floating point
    Source:  Ba, Kiros, Hinton 2016, arXiv 1607.06450
    """
    shape, axes = _last_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    y = _wide(input)
    if y.numel():
        y, _, _ = ops.standardize(y, axes, eps)
    return _affine(y, weight, bias, shape).to(input.dtype)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last axes, then scale by `weight`.

    Shapes:  input (..., *normalized_shape); weight normalized_shape
    Args:    eps: added to the mean square; default the distance from 1 to the next number of the dtype
    Raises:  as layer_norm
    Source:  Zhang, Sennrich 2019, arXiv 1910.07467
    """
    shape, axes = _last_axes("rms_norm", input, normalized_shape, weight=weight)
    x = _wide(input)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    if x.numel():
        x = x / ops.sqrt(ops.mean(x * x, axes, keepdim=True) + eps)
    return _affine(x, weight, None, shape).to(input.dtype)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each group of channels of each image to mean 0 and variance 1, then scale and shift each channel.

    Shapes:  input (N, C, ...); weight, bias (C,)
    Raises:  RuntimeError: C is not divisible by num_groups, sizes or dtypes differ, or input is not floating point
             ValueError: there is only one value to normalise
    Source:  Wu, He 2018, arXiv 1803.08494
    """
    if input.ndim < 2:
        raise RuntimeError(f"group_norm: expected input (N, C, ...), got input of size {list(input.shape)}")
    check_floating(input, "group_norm")
    N, C = input.shape[:2]
    if num_groups < 1 or C % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    _check_parameters("group_norm", input, (C,), {"weight": weight, "bias": bias})
    if input.numel() == num_groups:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(input.shape)} and "
            f"num_groups={num_groups}"
        )
    y = _wide(input)
    if y.numel():
        y, _, _ = ops.standardize(y.reshape(N, num_groups, -1), (2,), eps)
    return _affine(y.reshape(input.shape), weight, bias, _channels(input)).to(input.dtype)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image to mean 0 and variance 1, then scale and shift each channel.

    With use_input_stats by the statistics of that channel, whose means over the batch move the running statistics, if
    given, as in batch_norm; else by the running statistics.

    Shapes:  input (N, C, ...); the others (C,)
    Raises:  ValueError: use_input_stats with one value in each channel
             RuntimeError: sizes or dtypes differ, input is not floating point, or no running statistics to use
    Source:  Ulyanov, Vedaldi, Lempitsky 2016, arXiv 1607.08022
    """
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {list(input.shape)}"
        )
    check_floating(input, "instance_norm")
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_parameters("instance_norm", input, (input.shape[1],), named)
    y = _wide(input)
    if y.numel():
        y, mean, var = ops.standardize(y, tuple(range(2, y.ndim)), eps)
        mean, var = (statistic.array.reshape(*y.shape[:2]).mean(0) for statistic in (mean, var))
        RunningStatistics(running_mean, running_var, momentum, count / (count - 1)).move(mean, var)
    return _affine(y, weight, bias, _channels(input)).to(input.dtype)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide by (k + alpha * the mean square over `size` neighbouring channels) ** beta.

    Shapes:  input (N, C, W, ...)
    Raises:  ValueError: input has less than 3 axes; RuntimeError: size < 1
    Source:  Krizhevsky, Sutskever, Hinton 2012, ImageNet classification with deep convolutional neural networks, 3.3
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    if input.numel() == 0:
        return input
    x = _wide(input)
    N, C = x.shape[:2]
    squares = ops.pad((x * x).reshape(N, 1, C, -1), (0, 0, size // 2, (size - 1) // 2))
    mean = avg_pool2d(squares, (size, 1), 1).reshape(x.shape)
    return (x / (mean * alpha + k) ** beta).to(input.dtype)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the p-norm along `dim`, by eps where the norm is smaller.

    Raises:  IndexError: there is no such axis; RuntimeError: input is not floating point
    """
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps)


def _wide(x: Tensor) -> Tensor:
    """Return x in the dtype in which its statistics are taken."""
    return x.to(sum_dtype(x.dtype))


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Return x * weight + bias, both reshaped to `shape`."""
    if weight is not None:
        x = x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


def _channels(x: Tensor) -> tuple[int, ...]:
    """Return the shape in which values (C,) broadcast over x (N, C, ...)."""
    return (1, x.shape[1], *(1,) * (x.ndim - 2))


def _check_parameters(
    function: str, x: Tensor, shape: tuple[int, ...], named: dict[str, Tensor | None]
) -> bool:
    """Refuse statistics and parameters of another shape or dtype; return whether all have the dtype of x.

    Raises:  RuntimeError: names the one that does not fit
    """
    dtype, alike = delayed.outline(x).dtype, True
    for name, value in named.items():
        if value is None:
            continue
        array = delayed.outline(value) if type(value) is DelayedTensor else value.array
        if array.shape == shape and array.dtype is dtype:
            continue  # the usual case
        if value.shape != shape:
            wanted = f"{shape[0]} elements" if len(shape) == 1 else f"elements of shape {list(shape)}"
            raise RuntimeError(
                f"{name} should contain {wanted} not {list(value.shape)}, for input of size {list(x.shape)}"
            )
        # Half precision may keep its parameters and statistics in float32, as in torch.
        if value.dtype not in (dtype, sum_dtype(dtype)):
            raise RuntimeError(f"{function}: input is {dtype}, but {name} is {value.dtype}")
        alike = alike and value.dtype == dtype
    return alike


def _last_axes(
    function: str, x: Tensor, normalized_shape: Any, **named: Tensor | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return normalized_shape as a tuple, and the numbers of the axes it stands for."""
    if not isinstance(normalized_shape, tuple | list):
        raise TypeError(
            f"{function}(): argument 'normalized_shape' must be tuple of ints, not {type(normalized_shape).__name__}"
        )
    shape = tuple(int(n) for n in normalized_shape)
    if not shape:
        raise RuntimeError(f"{function}: expected normalized_shape to have at least one size, got []")
    if x.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {str(list(shape))[1:]}, but got "
            f"input of size {list(x.shape)}"
        )
    check_floating(x, function)
    _check_parameters(function, x, shape, named)
    return shape, tuple(range(x.ndim - len(shape), x.ndim))


def _batch_norm_training(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    momentum: Any,
    eps: float,
) -> Tensor:
    """Normalise with the statistics of the batch; `momentum` is a number, or an array on the device of x."""
    outline = delayed.outline(x)
    if outline.size == 0:
        return _affine(x, weight, bias, _channels(x)).to(x.dtype)
    count = outline.size // outline.shape[1]
    if count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(x.shape)}"
        )
    running = None
    if running_mean is not None or running_var is not None:
        running = RunningStatistics(running_mean, running_var, momentum, count / (count - 1))
    return ops.batch_norm(x, weight, bias, eps, running)
