"""Initial values of parameters, written into the tensor's memory.

Random values are drawn on the host in float64, from a new counter-based stream for each call (purpose
"init"), and rounded to the tensor's dtype: the same seed gives the same network on every device, and in
every precision up to rounding. A generator, tinynet's or NumPy's, may be given instead.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.autograd import delayed
from tinynet.backend import device_of, to_device
from tinynet.generator import Source, stream_of
from tinynet.tensor import Tensor

_UNIT_GAINS = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor on the standard deviation that keeps a signal's size through a nonlinearity.

    Args:    nonlinearity: its name in nn.functional; param: slope of leaky_relu below zero, 0.01 if None
    Raises:  ValueError: an unknown nonlinearity, or a slope that is no number
    Source:  He et al. 2015 (arXiv 1502.01852) for the rectifiers; torch's table for tanh and selu
    """
    if nonlinearity in _UNIT_GAINS:
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs feed one output of a weight (O, I, ...), and how many outputs one input feeds.

    Raises:  ValueError: fewer than two dimensions
    """
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"got shape {tuple(tensor.shape)}"
        )
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    fans = dict(zip(("fan_in", "fan_out"), _calculate_fan_in_and_fan_out(tensor), strict=True))
    if mode.lower() not in fans:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(fans)}")
    return fans[mode.lower()]


def _write_(tensor: Tensor, values: Any) -> Tensor:
    """Copy host values into the tensor's memory, rounded to its dtype, outside any graph."""
    array = np.asarray(values).astype(tensor.dtype)
    return _fill_(tensor, to_device(array, device_of(tensor.array)))


def _fill_(tensor: Tensor, values: Any) -> Tensor:
    delayed.settle(tensor.array)
    tensor.array[...] = values
    tensor.version_counter()[0] += 1
    return tensor


def _generator_for(tensor: Tensor, generator: Source) -> np.random.Generator:
    """Return the stream to draw from, having checked that the tensor can hold real numbers."""
    if not tensor.is_floating_point():
        raise RuntimeError(f"random initialisation needs a floating-point tensor, got {tensor.dtype}")
    return stream_of(generator, "init")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Source = None) -> Tensor:
    """Fill the tensor with values uniform between `a` and `b`, and return it.

    Raises:  RuntimeError: a > b, or the tensor is not floating point
    """
    if not a <= b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    return _write_(tensor, _generator_for(tensor, generator).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Source = None) -> Tensor:
    """Fill the tensor with normal values, and return it.

    Raises:  RuntimeError: std < 0, or the tensor is not floating point
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _write_(tensor, _generator_for(tensor, generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Source = None,
) -> Tensor:
    """Fill the tensor with values of a normal distribution cut off outside [a, b], and return it.

    Raises:  ValueError: std <= 0 or a >= b; RuntimeError: the tensor is not floating point
    """
    if not (std > 0 and a < b):
        raise ValueError(f"trunc_normal_ needs std > 0 and a < b, got std={std}, a={a}, b={b}")
    stream = _generator_for(tensor, generator)
    inside = (math.erf((b - mean) / (std * math.sqrt(2))) - math.erf((a - mean) / (std * math.sqrt(2)))) / 2
    nearest = min(max(mean, a), b)  # where the density in [a, b] is highest

    def propose(count: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw candidates and which to keep: from the normal, unless most would fall outside."""
        if inside > 0.3:
            values = stream.normal(mean, std, count)
            return values, (values >= a) & (values <= b)
        values = stream.uniform(a, b, count)
        excess = ((values - mean) ** 2 - (nearest - mean) ** 2) / (2 * std**2)
        return values, stream.random(count) < np.exp(-excess)

    result = np.empty(tensor.numel())
    missing = np.arange(result.size)
    while missing.size:
        values, keep = propose(missing.size)
        result[missing[keep]] = values[keep]
        missing = missing[~keep]
    return _write_(tensor, result.reshape(tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill the tensor with `val`, and return it."""
    return _fill_(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill the tensor with ones, and return it."""
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill the tensor with zeros, and return it."""
    return constant_(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity, cut or padded with zeros where it is not square, and return it.

    Raises:  ValueError: not two dimensions
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tuple(tensor.shape)}")
    rows, columns = tensor.shape
    return _write_(tensor, np.eye(rows, columns))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight (O, I, ...) so that it passes on as many channels as it can, and return it.

    Raises:  ValueError: not three to five dimensions, or O is no multiple of groups
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(
            f"Only tensors with 3, 4, or 5 dimensions are supported, got shape {tuple(tensor.shape)}"
        )
    out_channels, in_channels, *kernel = tensor.shape
    if out_channels % groups:
        raise ValueError(
            f"dim 0 must be divisible by groups, got shape {tuple(tensor.shape)}, groups {groups}"
        )
    size = out_channels // groups
    channel = np.arange(out_channels)
    passing = channel[channel % size < in_channels] if size else channel
    values = np.zeros(tensor.shape)
    centre: tuple[Any, ...] = tuple(n // 2 for n in kernel)
    values[(passing, passing % max(size, 1), *centre)] = 1
    return _write_(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Source = None) -> Tensor:
    """Fill a weight with uniform values of standard deviation gain * sqrt(2 / (fan_in + fan_out)).

    Raises:  ValueError: fewer than two dimensions
    Source:  Glorot, Bengio 2010 (equation 16)
    """
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Source = None) -> Tensor:
    """Fill a weight with normal values of standard deviation gain * sqrt(2 / (fan_in + fan_out)).

    Raises:  ValueError: fewer than two dimensions
    Source:  Glorot, Bengio 2010
    """
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return normal_(tensor, 0.0, std, generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Source = None,
) -> Tensor:
    """Fill a weight with uniform values of standard deviation gain / sqrt(fan).

    Args:    a: slope of leaky_relu below zero
             mode: "fan_in" keeps the size of activations, "fan_out" that of gradients
    Raises:  ValueError: fewer than two dimensions, unknown mode or nonlinearity
    Source:  He et al. 2015 (arXiv 1502.01852, equations 10 and 14)
    """
    if 0 in tensor.shape:
        return _nothing_to_do(tensor)
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Source = None,
) -> Tensor:
    """Fill a weight with normal values of standard deviation gain / sqrt(fan).

    Args:    a: slope of leaky_relu below zero
             mode: "fan_in" keeps the size of activations, "fan_out" that of gradients
    Raises:  ValueError: fewer than two dimensions, unknown mode or nonlinearity
    Source:  He et al. 2015 (arXiv 1502.01852, equations 10 and 14)
    """
    if 0 in tensor.shape:
        return _nothing_to_do(tensor)
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Source = None) -> Tensor:
    """Fill a weight, seen as a matrix (O, rest), with `gain` times orthonormal rows (or columns if fewer).

    Raises:  ValueError: fewer than two dimensions
    Source:  Saxe, McClelland, Ganguli 2014 (arXiv 1312.6120); Mezzadri 2007 (math-ph/0609050) for the signs
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported, got shape {tuple(tensor.shape)}"
        )
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    gaussian = _generator_for(tensor, generator).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(gaussian)
    # The factorisation chooses signs of its own; undone, every orthogonal matrix is equally likely.
    q *= np.sign(np.diag(r))
    matrix = q.T if rows < columns else q
    return _write_(tensor, gain * matrix.reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Source = None) -> Tensor:
    """Fill a matrix with normal values, a share `sparsity` (0..1) of each column zero, and return it.

    Raises:  ValueError: not two dimensions
    Source:  Martens 2010, "Deep learning via Hessian-free optimization"
    """
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tuple(tensor.shape)}")
    stream = _generator_for(tensor, generator)
    values = stream.normal(0, std, tensor.shape)
    order = stream.random(tensor.shape).argsort(axis=0)  # of each column, its rows in random order
    np.put_along_axis(values, order[: math.ceil(sparsity * tensor.shape[0])], 0, axis=0)
    return _write_(tensor, values)


def _nothing_to_do(tensor: Tensor) -> Tensor:
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return tensor


def _old_name(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the function under the name it had before torch 0.4, without the underscore."""
    new = function.__name__

    @functools.wraps(function)
    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{new[:-1]}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    old.__name__ = new[:-1]
    return old


uniform, normal, constant = _old_name(uniform_), _old_name(normal_), _old_name(constant_)
eye, dirac, sparse = _old_name(eye_), _old_name(dirac_), _old_name(sparse_)
orthogonal = _old_name(orthogonal_)
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)
