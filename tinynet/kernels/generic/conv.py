"""Convolution as im2col and one matrix product a group, and its two adjoints.

With y = conv2d(x, weight): conv2d_grad_input is its adjoint in x, conv2d_grad_weight in weight. Each of the
three is linear in both its arrays and the derivative of one is another, so they are closed under differentiation.

Shapes:  x (N, C, H, W); weight (O, C/groups, KH, KW); y (N, O, OH, OW), OH = (H + 2*PH - DH*(KH-1) - 1) // SH + 1.
         Results lie channels last in memory (NHWC storage under the NCHW shape).
Source:  Chellapilla, Puri, Simard 2006, High Performance Convolutional Neural Networks for Document Processing
"""

from __future__ import annotations

from typing import Any

from tinynet.backend import Array, array_module
from tinynet.kernels.generic.im2col import Pair, col2im, im2col
from tinynet.kernels.registry import kernel


@kernel
def conv2d(
    x: Array, weight: Array, bias: Array | None, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Cross-correlate x with weight, and add bias (O,) if there is one."""
    columns = im2col(x, weight.shape[2:], stride, padding, dilation)
    y = _by_group(columns, groups) @ _weight_matrices(weight, groups)  # (G, N*OH*OW, O/G)
    y = _to_nchw(y, columns.shape[:3])
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


@kernel
def conv2d_grad_input(
    grad_y: Array, weight: Array, *, image: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of x, of height and width `image`, from that of y."""
    N, _, OH, OW = grad_y.shape
    _, CG, KH, KW = weight.shape
    columns = _rows_by_group(grad_y, groups) @ _weight_matrices(weight, groups).transpose(0, 2, 1)
    columns = columns.reshape(groups, N, OH, OW, KH, KW, CG).transpose(1, 2, 3, 4, 5, 0, 6)
    return col2im(columns.reshape(N, OH, OW, KH, KW, groups * CG), image, stride, padding, dilation)


@kernel
def conv2d_grad_weight(
    x: Array, grad_y: Array, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of weight from x and the gradient of y."""
    (KH, KW), C, O = kernel_size, x.shape[1], grad_y.shape[1]
    columns = _by_group(im2col(x, kernel_size, stride, padding, dilation), groups)  # (G, M, KH*KW*C/G)
    product = _rows_by_group(grad_y, groups).transpose(0, 2, 1) @ columns  # (G, O/G, KH*KW*C/G)
    weight = product.reshape(O, KH, KW, C // groups).transpose(0, 3, 1, 2)
    return array_module(weight).ascontiguousarray(weight)


@kernel
def conv2d_gradients(
    x: Array, grad_y: Array, weight: Array, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Array, Array]:
    """Return the gradients of x and of weight from that of y; a faster version may read grad_y once for both."""
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    grad_x = conv2d_grad_input(grad_y, weight, image=x.shape[2:], **geometry)
    return grad_x, conv2d_grad_weight(x, grad_y, kernel_size=weight.shape[2:], **geometry)


def _by_group(columns: Array, groups: int) -> Array:
    """Return windows (N, OH, OW, KH, KW, C) as matrices (G, N*OH*OW, KH*KW*C/G)."""
    N, OH, OW, KH, KW, C = columns.shape
    rows, width = N * OH * OW, KH * KW * (C // groups)
    if groups == 1:
        return columns.reshape(1, rows, width)
    columns = columns.reshape(rows, KH, KW, groups, C // groups).transpose(3, 0, 1, 2, 4)
    return columns.reshape(groups, rows, width)


def _weight_matrices(weight: Array, groups: int) -> Array:
    """Return weight (O, C/G, KH, KW) as matrices (G, KH*KW*C/G, O/G), rows in the order of _by_group's columns."""
    O, CG, KH, KW = weight.shape
    matrices = weight.reshape(groups, O // groups, CG, KH, KW).transpose(0, 3, 4, 2, 1)
    return matrices.reshape(groups, KH * KW * CG, O // groups)


def _rows_by_group(y: Array, groups: int) -> Array:
    """Return y (N, O, OH, OW) as matrices (G, N*OH*OW, O/G)."""
    N, O, OH, OW = y.shape
    return y.transpose(0, 2, 3, 1).reshape(N * OH * OW, groups, O // groups).transpose(1, 0, 2)


def _to_nchw(y: Array, rows: tuple[int, int, int]) -> Array:
    """Return matrices (G, N*OH*OW, O/G) as (N, O, OH, OW)."""
    groups, _, width = y.shape
    N, OH, OW = rows
    return y.transpose(1, 0, 2).reshape(N, OH, OW, groups * width).transpose(0, 3, 1, 2)
