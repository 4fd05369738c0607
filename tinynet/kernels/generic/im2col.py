"""Sliding windows over images, and the sum that undoes them.

Images come and go as (N, C, H, W); the windows are laid out (N, OH, OW, KH, KW, C), channels last, so that one
window's channels lie side by side and a convolution is one matrix product.
"""

from __future__ import annotations

import functools

from tinynet.backend import Array, array_module, sum_dtype

Pair = tuple[int, int]


@functools.lru_cache(4096)
def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return (OH, OW) = floor((size + 2*padding - dilation*(kernel-1) - 1) / stride) + 1."""
    (H, W), (KH, KW), (SH, SW), (PH, PW), (DH, DW) = size, kernel, stride, padding, dilation
    return (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1


def pad_channels_last(x: Array, padding: Pair, value: float = 0, extra: Pair = (0, 0)) -> Array:
    """Return x (N, C, H, W) as (N, PH+H+PH+extra, PW+W+PW+extra, C) with `value` around the image."""
    N, C, H, W = x.shape
    (PH, PW), (EH, EW) = padding, extra
    image = x.transpose(0, 2, 3, 1)
    if PH == PW == EH == EW == 0:
        return image
    padded = array_module(x).full((N, H + 2 * PH + EH, W + 2 * PW + EW, C), value, x.dtype)
    padded[:, PH : PH + H, PW : PW + W] = image
    return padded


def windows(padded: Array, kernel: Pair, stride: Pair, dilation: Pair, size: Pair) -> Array:
    """Return a view (N, OH, OW, KH, KW, C) of every window of `padded` (N, H, W, C); nothing is copied."""
    (KH, KW), (SH, SW), (DH, DW), (OH, OW) = kernel, stride, dilation, size
    N, _, _, C = padded.shape
    sn, sh, sw, sc = padded.strides
    shape = (N, OH, OW, KH, KW, C)
    strides = (sn, sh * SH, sw * SW, sh * DH, sw * DW, sc)
    return array_module(padded).lib.stride_tricks.as_strided(padded, shape, strides)


def window_slices(kernel: Pair, stride: Pair, dilation: Pair, size: Pair) -> list[tuple[slice, slice]]:
    """List, for each place (kh, kw) of the window in turn, the rows and columns of the padded image it visits."""
    (KH, KW), (SH, SW), (DH, DW), (OH, OW) = kernel, stride, dilation, size
    return [
        (
            slice(kh * DH, kh * DH + (OH - 1) * SH + 1, SH),
            slice(kw * DW, kw * DW + (OW - 1) * SW + 1, SW),
        )
        for kh in range(KH)
        for kw in range(KW)
    ]


def im2col(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Return the windows of x (N, C, H, W) as (N, OH, OW, KH, KW, C)."""
    size = output_size(x.shape[2:], kernel, stride, padding, dilation)
    return windows(pad_channels_last(x, padding), kernel, stride, dilation, size)


def col2im(columns: Array, image: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Sum windows (N, OH, OW, KH, KW, C) back into images (N, C, H, W): the adjoint of im2col.

    Half precision is summed in float32.
    """
    N, OH, OW, KH, KW, C = columns.shape
    (H, W), (PH, PW) = image, padding
    padded = array_module(columns).zeros((N, H + 2 * PH, W + 2 * PW, C), sum_dtype(columns.dtype))
    columns = columns.reshape(N, OH, OW, KH * KW, C)
    for k, (rows, cols) in enumerate(window_slices((KH, KW), stride, dilation, (OH, OW))):
        padded[:, rows, cols] += columns[:, :, :, k]
    image_sum = padded[:, PH : PH + H, PW : PW + W].transpose(0, 3, 1, 2)
    return image_sum.astype(columns.dtype, copy=False)
