"""Batch normalisation, ReLU and sums as kernels that stream once over rows of channels (codegen/rows.py)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinynet.backend import Array
from tinynet.kernels.cpu.available import in_rows, pays
from tinynet.kernels.generic import fused as generic
from tinynet.kernels.generic import normalization
from tinynet.kernels.registry import accelerates
from tinynet.memory import empty_like, laid_out_like


def _rows(x: Array, *others: Any, **named: Any) -> bool:
    """Return whether x lies in rows of channels, and all arrays are float32."""
    return pays(x) and in_rows(x) and _all_float32(*others, *named.values())


def _all_float32(*values: Any) -> bool:
    return all(value.dtype == np.float32 for value in values if isinstance(value, np.ndarray))


def _size(x: Array) -> tuple[int, int, int, bool, int]:
    """Return rows, channels, and of the kernel the panel and whether a vector is only partly filled; and the blocks."""
    from tinynet.kernels.cpu.codegen import rows
    from tinynet.kernels.cpu.codegen.program import lanes

    C = x.shape[1]
    count = x.size // C
    return count, C, rows.panel(C), C % lanes() != 0, -(-count // rows.BLOCK)


@accelerates(generic.batch_norm_coefficients, device="cpu", when=_rows)
def batch_norm_coefficients(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, ...]:
    """Sum x - k and its square over blocks of rows, k the first row of x, and finish in double precision."""
    from tinynet.kernels.cpu.codegen import rows as kernels
    from tinynet.kernels.cpu.codegen.program import run, step

    rows, C, P, tail, blocks = _size(x)
    weight, bias = np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    sums, found = np.empty((blocks, 2, C), np.float32), np.empty((5, C), np.float32)
    run(
        step(kernels.statistics(P, tail), x, sums, rows, C),
        step(kernels.finish_statistics(), x, sums, weight, bias, _number(eps), found, rows, C, blocks),
    )
    return tuple(found)


@functools.cache
def _number(value: float) -> Array:
    """Return a float32 number in memory, where kernels read it."""
    return np.array([value], np.float32)


@accelerates(generic.channel_sum, device="cpu", when=_rows)
def channel_sum(x: Array) -> Array:
    """Return the sums of the channels, those of blocks of rows added up in double precision."""
    from tinynet.kernels.cpu.codegen import rows as kernels
    from tinynet.kernels.cpu.codegen.program import run, step

    rows, C, P, tail, blocks = _size(x)
    sums = np.empty((blocks, 2, C), np.float32)
    run(step(kernels.channel_sums(P, tail), x, sums, rows, C))
    return sums[:, 0].sum(0, np.float64).astype(np.float32)


@accelerates(generic.channel_affine, device="cpu", when=_rows)
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
    from tinynet.kernels.cpu.codegen import rows as kernels
    from tinynet.kernels.cpu.codegen.program import run, step

    rows, C, P, tail, _ = _size(x)
    other = None if other is None else laid_out_like(other, x)
    added = "" if other is None else "plain" if other_scale is None else "affine"
    parts = [scale, shift] if other_scale is None else [scale, shift, other_scale, other_shift]
    coefficients, y = np.concatenate(parts), empty_like(x)
    kernel = kernels.apply(P, tail, added, relu)
    run(step(kernel, x, x if other is None else other, y, coefficients, rows, C))
    return y


@accelerates(normalization.batch_norm, device="cpu", when=_rows)
def batch_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, Array, Array, Array]:
    """Take the statistics in one pass, and scale and shift in another."""
    mean, var, invstd, scale, shift = batch_norm_coefficients(x, weight, bias, eps=eps)
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


@accelerates(generic.batch_norm_backward_behind_relu, device="cpu", when=_x_in_rows)
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
    from tinynet.kernels.cpu.codegen import rows as kernels
    from tinynet.kernels.cpu.codegen.program import run, step

    grad, other, y = (None if a is None else laid_out_like(a, x) for a in (grad, other, y))
    rows, C, P, tail, blocks = _size(x)
    mask, two = "affine" if scale is not None else "" if y is None else "y", other is not None
    coefficients = np.empty((6, C), np.float32)
    if scale is not None:
        coefficients[0], coefficients[1] = scale, shift
    coefficients[2] = mean
    weight, invstd = np.ascontiguousarray(weight), np.ascontiguousarray(invstd)
    g = empty_like(x) if keep else None
    e, result = (grad if other is None else other), (x if y is None else y)
    sums = np.empty((blocks, 2, C), np.float32)
    grad_weight, grad_bias, grad_x = np.empty(C, np.float32), np.empty(C, np.float32), empty_like(x)
    arrays = (x, grad, e, result, x if g is None else g, coefficients, sums)
    if g is None:
        again, final = (x, grad, e, result), kernels.backward_apply(P, tail, mask, two)
    else:
        again, final = (x, g, g, g), kernels.backward_apply(P, tail, "", False)
    finish = (sums, weight, invstd, coefficients, grad_weight, grad_bias, rows, C, blocks)
    run(
        step(kernels.backward_sums(P, tail, mask, two, keep), *arrays, rows, C),
        step(kernels.finish_backward(), *finish),
        step(final, *again, grad_x, coefficients, rows, C),
    )
    return grad_x, grad_weight, grad_bias, g


def flat(x: Array, *others: Any, **named: Any) -> bool:
    """Return whether x lies without gaps, and all arrays are float32 and have its shape."""
    arrays = [a for a in (*others, *named.values()) if isinstance(a, np.ndarray)]
    dense = pays(x) and (x.flags.c_contiguous or in_rows(x))
    return dense and _all_float32(*arrays) and all(a.shape == x.shape for a in arrays)


def elementwise(kind: str, x: Array, other: Array, y: Array) -> Array:
    """Compute codegen/rows.py's kernel of that kind; all arrays have one shape, and the result lies as x."""
    from tinynet.kernels.cpu.codegen import rows as kernels
    from tinynet.kernels.cpu.codegen.program import run, step

    out, other, y = empty_like(x), laid_out_like(other, x), laid_out_like(y, x)
    run(step(kernels.elementwise(kind), x, other, y, out, x.size))
    return out


@accelerates(
    generic.masked_sum, device="cpu", when=lambda grad, *, other, y: flat(y, grad, *(() if other is None else (other,)))
)
def masked_sum(grad: Array, *, other: Array | None, y: Array) -> Array:
    """Write the sum where y > 0, laid out as y."""
    grad = laid_out_like(grad, y)
    return elementwise("masked" if other is None else "masked_sum", grad, grad if other is None else other, y)


@accelerates(generic.sum_of_two, device="cpu", when=flat)
def sum_of_two(x: Array, *, other: Array) -> Array:
    """Write the sum."""
    return elementwise("sum", x, other, x)
