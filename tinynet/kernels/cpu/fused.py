"""Batch normalisation, ReLU and sums as kernels that stream once over rows of channels (codegen/rows.py)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinynet.backend import Array
from tinynet.kernels.cpu.available import FLOAT32, LEAST, all_float32, has_compiler, in_rows, pays
from tinynet.kernels.generic import fused as generic
from tinynet.kernels.generic import normalization
from tinynet.kernels.registry import accelerates
from tinynet.memory import laid_out_like


@functools.cache
def _plans() -> Any:
    """Return codegen/rows_plan.py, which is imported with the compiler when it is first needed."""
    from tinynet.kernels.cpu.codegen import rows_plan

    return rows_plan


def _rows(x: Array, *others: Any, **named: Any) -> bool:
    """Return whether x lies in rows of channels, and all arrays are float32."""
    return x.size >= LEAST and in_rows(x) and all_float32((x, *others, *named.values())) and has_compiler()


def _rows_of_a_layer(x: Array, weight: Array, bias: Array, eps: float, *running: Any) -> bool:
    """Return whether x lies in rows of channels, all arrays are float32, and running statistics have no gaps."""
    for array in running[:2]:
        if array is not None and not (array.dtype is FLOAT32 and array.flags.c_contiguous):
            return False
    return _rows(x, weight, bias)


@accelerates(generic.batch_norm_coefficients, device="cpu", when=_rows_of_a_layer, ahead=True)
def batch_norm_coefficients(
    x: Array,
    weight: Array,
    bias: Array,
    eps: float,
    running_mean: Array | None,
    running_var: Array | None,
    momentum: float,
    unbiased: float,
) -> tuple[Array, ...]:
    """Sum x - k and its square over blocks of rows, k the first row of each, and finish in double precision.

    NumPy would move the running statistics as fast, but would have to wait for those of the batch.
    """
    running = () if running_mean is None or running_var is None else (running_mean, running_var)
    weight, bias = np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    found = _plans().coefficients(x, weight, bias, eps, running, momentum, unbiased)
    return found[0], found[1], found[2], found[3], found[4]


@accelerates(generic.channel_sum, device="cpu", when=_rows)
def channel_sum(x: Array) -> Array:
    """Return the sums of the channels, those of blocks of rows added up in double precision."""
    return _plans().channel_sum(x)


@accelerates(generic.channel_affine, device="cpu", when=_rows, ahead=True)
def channel_affine(
    x: Array,
    *,
    scale: Array,
    shift: Array,
    other: Array | None,
    other_scale: Array | None,
    other_shift: Array | None,
    relu: bool,
) -> Array:
    """Write the whole chain in one pass."""
    return _plans().affine(
        x,
        scale=np.ascontiguousarray(scale),
        shift=np.ascontiguousarray(shift),
        other=None if other is None else laid_out_like(other, x),
        other_scale=None if other_scale is None else np.ascontiguousarray(other_scale),
        other_shift=None if other_shift is None else np.ascontiguousarray(other_shift),
        relu=relu,
    )


@accelerates(normalization.batch_norm, device="cpu", when=_rows)
def batch_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, Array, Array, Array]:
    """Take the statistics in one pass, and scale and shift in another."""
    mean, var, invstd, scale, shift = batch_norm_coefficients(x, weight, bias, eps, None, None, 0.0, 1.0)
    y = channel_affine(
        x, scale=scale, shift=shift, other=None, other_scale=None, other_shift=None, relu=False
    )
    return y, mean, var, invstd


@accelerates(normalization.batch_norm_backward, device="cpu", when=_rows)
def batch_norm_backward(
    grad_y: Array, x: Array, weight: Array, *, mean: Array, invstd: Array
) -> tuple[Array, Array, Array]:
    """Sum in one pass, and write grad_x in another."""
    options: dict[str, Any] = dict.fromkeys(("other", "y", "scale", "shift"))
    found = batch_norm_backward_behind_relu(
        grad_y, x, weight, mean=mean, invstd=invstd, **options, keep=False
    )
    return found[0], found[1], found[2]


def _x_in_rows(grad: Array, x: Array, *others: Any, **named: Any) -> bool:
    """Return the same where the gradient comes first."""
    return _rows(x, grad, *others, **named)


@accelerates(generic.batch_norm_backward_behind_relu, device="cpu", when=_x_in_rows, ahead=True)
def batch_norm_backward_behind_relu(
    grad: Array,
    x: Array,
    weight: Array,
    *,
    mean: Array,
    invstd: Array,
    other: Array | None,
    y: Array | None,
    scale: Array | None,
    shift: Array | None,
    keep: bool,
) -> tuple[Array, Array, Array, Array | None]:
    """Sum in one pass, which also writes g if it is wanted, and write grad_x in another."""
    return _plans().backward(
        laid_out_like(grad, x),
        x,
        np.ascontiguousarray(weight),
        mean=np.ascontiguousarray(mean),
        invstd=np.ascontiguousarray(invstd),
        other=None if other is None else laid_out_like(other, x),
        y=None if y is None else laid_out_like(y, x),
        scale=scale,
        shift=shift,
        keep=keep,
    )


def flat(x: Array, *others: Any, **named: Any) -> bool:
    """Return whether x lies without gaps, and all arrays are float32 and have its shape."""
    arrays = [a for a in (*others, *named.values()) if isinstance(a, np.ndarray)]
    dense = pays(x) and (x.flags.c_contiguous or in_rows(x))
    return dense and all_float32(arrays) and all(a.shape == x.shape for a in arrays)


def elementwise(kind: str, x: Array, other: Array, y: Array) -> Array:
    """Compute codegen/rows.py's kernel of that kind; all arrays have one shape, and the result lies as x."""
    return _plans().elementwise(kind, x, laid_out_like(other, x), laid_out_like(y, x))


@accelerates(
    generic.masked_sum,
    device="cpu",
    when=lambda grad, *, other, y: flat(y, grad, *(() if other is None else (other,))),
    ahead=True,
)
def masked_sum(grad: Array, *, other: Array | None, y: Array) -> Array:
    """Write the sum where y > 0, laid out as y."""
    grad = laid_out_like(grad, y)
    return elementwise("masked" if other is None else "masked_sum", grad, grad if other is None else other, y)


@accelerates(generic.sum_of_two, device="cpu", when=flat, ahead=True)
def sum_of_two(x: Array, *, other: Array) -> Array:
    """Write the sum."""
    return elementwise("sum", x, other, x)
