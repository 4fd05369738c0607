"""Gradients kept within bounds, in place and without waiting for the device."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynet.autograd import delayed
from tinynet.backend import Array, array_module, sum_dtype
from tinynet.tensor import Tensor


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all elements of the tensors together, 0-d and on their device.

    Args:    norm_type: its order, any number; inf for the largest absolute value
             error_if_nonfinite: raise if it is NaN or infinite, for which the host has to wait for the device
             foreach: accepted; it chooses between implementations in torch
    Raises:  RuntimeError: the norm is not finite and error_if_nonfinite is True
    """
    arrays = [tensor.array for tensor in _as_list(tensors)]
    if not arrays:
        return Tensor(0.0).float()
    norm = _norm(arrays, float(norm_type))
    if error_if_nonfinite and not math.isfinite(float(norm)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return Tensor(norm)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients of the parameters by max_norm / total_norm where that is less than 1."""
    norm = total_norm.array
    with np.errstate(all="ignore"):  # inf * 0 makes NaN, as in torch
        factor = array_module(norm).minimum(float(max_norm) / (norm + 1e-6), 1.0)
        for gradient in _gradients(_as_list(parameters)):
            delayed.settle(gradient.array)
            gradient.array *= factor
            gradient.version_counter()[0] += 1


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients, seen as one vector, to a norm of at most max_norm; return the norm they had.

    Args, Raises:  as get_total_norm
    Source:  Pascanu, Mikolov, Bengio 2013 (arXiv 1211.5063, algorithm 1)
    """
    owners = _as_list(parameters)
    total = get_total_norm(_gradients(owners), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(owners, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Call clip_grad_norm_, whose former name this is."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Put every element of the gradients within -clip_value..clip_value."""
    bound = float(clip_value)
    for gradient in _gradients(_as_list(parameters)):
        xp = array_module(gradient.array)
        delayed.settle(gradient.array)
        gradient.array[...] = xp.maximum(xp.minimum(gradient.array, bound), -bound)
        gradient.version_counter()[0] += 1


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@np.errstate(all="ignore")
def _norm(arrays: list[Array], order: float) -> Any:
    """Return the norm of all elements together, added up array by array."""
    xp = array_module(*arrays)
    total: Any = None
    for array in arrays:
        if math.isinf(order):
            largest = xp.maximum if order > 0 else xp.minimum
            part = abs(array).max() if order > 0 else abs(array).min()
            total = part if total is None else largest(total, part)
        else:
            dtype = sum_dtype(array.dtype)
            part = _sum_of_powers(array.astype(dtype, copy=False), order)
            total = part if total is None else total + part
    if math.isinf(order) or order == 0:
        return xp.asarray(total)
    return xp.asarray(xp.sqrt(total) if order == 2 else total ** (1 / order))


def _sum_of_powers(array: Array, order: float) -> Any:
    if order == 0:  # torch takes the norm of the arrays' norms: how many of them are not zero
        return (array != 0).any().astype(array.dtype)
    if order == 2:
        return (array * array).sum()
    return (abs(array) if order == 1 else abs(array) ** order).sum()
