"""Convolution and transposed convolution of signals (one axis) and images (two)."""

from __future__ import annotations

import contextlib
from typing import Any

from tinynet import ops
from tinynet.autograd.delayed import outline
from tinynet.kernels.generic.im2col import output_size
from tinynet.nn.functional.arguments import (
    Pair,
    Size2,
    as_given,
    check_output,
    check_tensor,
    images,
    plane,
    sizes,
)
from tinynet.ops.conv import Geometry
from tinynet.tensor import Tensor

__all__ = [
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
]

Size1 = int | tuple[int]


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size1 = 1,
    padding: Size1 | str = 0,
    dilation: Size1 = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate signals `input` with `weight`.

    Shapes:  input (N, C, W) or (C, W); weight (O, C/groups, KW); bias (O,) or None
             returns (N, O, OW), OW = (W + 2*PW - DW*(KW-1) - 1) // SW + 1
    Args:    stride, padding, dilation: int or (int,); padding also "valid" or "same" (stride 1)
    Raises:  RuntimeError: channels, groups or dtypes do not fit; OW < 1
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size2 = 1,
    padding: Size2 | str = 0,
    dilation: Size2 = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate `input` with `weight`.

    Shapes:  input (N, C, H, W) or (C, H, W); weight (O, C/groups, KH, KW); bias (O,) or None
             returns (N, O, OH, OW), OH = (H + 2*PH - DH*(KH-1) - 1) // SH + 1
    Args:    stride, padding, dilation: int or (int, int), pixels; padding also "valid" or "same" (stride 1)
    Raises:  RuntimeError: channels, groups or dtypes do not fit; OH or OW < 1
    """
    known = _known_geometry(input, weight, bias, (stride, padding, dilation, groups))
    if known is not None:
        return ops.conv2d(input, weight, bias, known)
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size1 = 1,
    padding: Size1 = 0,
    output_padding: Size1 = 0,
    groups: int = 1,
    dilation: Size1 = 1,
) -> Tensor:
    """Return signals whose convolution with `weight` has the shape of `input`: the adjoint of conv1d.

    Shapes:  input (N, C, W) or (C, W); weight (C, O/groups, KW); bias (O,) or None
             returns (N, O, OW), OW = (W - 1)*SW - 2*PW + DW*(KW-1) + output_padding + 1
    Raises:  RuntimeError: as conv1d; output_padding is not smaller than stride or dilation
    """
    return _transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size2 = 1,
    padding: Size2 = 0,
    output_padding: Size2 = 0,
    groups: int = 1,
    dilation: Size2 = 1,
) -> Tensor:
    """Return images whose convolution with `weight` has the shape of `input`: the adjoint of conv2d.

    Shapes:  input (N, C, H, W) or (C, H, W); weight (C, O/groups, KH, KW); bias (O,) or None
             returns (N, O, OH, OW), OH = (H - 1)*SH - 2*PH + DH*(KH-1) + output_padding + 1
    Raises:  RuntimeError: as conv2d; output_padding is not smaller than stride or dilation
    Source:  Dumoulin, Visin 2016, arXiv 1603.07285, section 4
    """
    return _transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolve(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """Convolve over the last 1 or 2 axes; a signal is an image of one row."""
    function, given = f"conv{axes}d", (stride, padding, dilation, groups)
    x, single = images(input, function, axes)
    kernel = _check_weight(function, axes, weight)
    O, CG = weight.shape[:2]
    stride, dilation = plane(stride, "stride", axes, 1), plane(dilation, "dilation", axes, 1)
    if isinstance(padding, str):
        x, padding = _string_padding(x, padding, kernel, stride, dilation)
    else:
        padding = plane(padding, "padding", axes, missing=0)
    if groups < 1 or O % groups:
        raise RuntimeError(
            f"groups must be positive and divide the output channels: got groups={groups}, weight of size "
            f"{list(weight.shape)}"
        )
    _check_channels(input, weight, groups, x.shape[1], CG * groups)
    _check_bias_and_dtypes(function, x, weight, bias, O)
    image = x.shape[2], x.shape[3]
    check_output(function, image, output_size(image, kernel, stride, padding, dilation), kernel)
    geometry = Geometry(stride, padding, dilation, groups)
    if x is input and axes == 2:
        _remember(geometry, input, weight, bias, given)
    return as_given(ops.conv2d(x, _four_axes(weight), bias, geometry), single, axes)


_checked: dict[Any, Geometry] = {}
"""Geometries of calls on images that have passed all checks, by the shapes, dtypes and arguments given."""


def _known_geometry(input: Any, weight: Any, bias: Any, given: tuple[Any, ...]) -> Geometry | None:
    """Return the geometry of a call that has been checked before with the same shapes, dtypes and arguments.

    A training step makes the same calls over and over, and the checks take longer than starting the kernel.
    """
    if not isinstance(input, Tensor) or not isinstance(weight, Tensor):
        return None
    try:
        return _checked.get(_key(input, weight, bias, given))
    except (TypeError, AttributeError):  # a list among the arguments, or something that is no Tensor
        return None


def _key(input: Tensor, weight: Tensor, bias: Tensor | None, given: tuple[Any, ...]) -> Any:
    x, w = outline(input), weight.array
    shift = None if bias is None else (bias.array.shape, bias.array.dtype)
    return x.shape, x.dtype, w.shape, w.dtype, shift, given


def _remember(
    geometry: Geometry, input: Tensor, weight: Tensor, bias: Tensor | None, given: tuple[Any, ...]
) -> None:
    if len(_checked) >= 4096:  # a program of ever new sizes
        _checked.clear()
    with contextlib.suppress(TypeError):  # a list among the arguments
        _checked[_key(input, weight, bias, given)] = geometry


def _transpose(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """Apply the adjoint of the convolution over the last 1 or 2 axes."""
    function = f"conv_transpose{axes}d"
    x, single = images(input, function, axes)
    kernel = _check_weight(function, axes, weight)
    stride, dilation = plane(stride, "stride", axes, 1), plane(dilation, "dilation", axes, 1)
    padding = plane(padding, "padding", axes, missing=0)
    extra = plane(output_padding, "output_padding", axes, missing=0)
    C, OG = weight.shape[:2]
    if groups < 1 or C % groups:
        raise RuntimeError(
            f"groups must be positive and divide the input channels: got groups={groups}, weight of size "
            f"{list(weight.shape)}"
        )
    _check_channels(input, weight, groups, x.shape[1], C)
    _check_bias_and_dtypes(function, x, weight, bias, OG * groups)
    if any(e >= max(s, d) and e for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got output_padding={output_padding}, "
            f"stride={stride[-axes:]}, dilation={dilation[-axes:]}"
        )
    whole = tuple(
        (n - 1) * s + d * (k - 1) + 1
        for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)
    )
    size = tuple(n - 2 * p + e for n, p, e in zip(whole, padding, extra, strict=True))
    if min(size) < 1:
        raise RuntimeError(
            f"Given input size {list(input.shape)} and kernel size {list(kernel)[-axes:]}. "
            f"Calculated output size {list(size)[-axes:]} is too small"
        )
    four = _four_axes(weight)
    if all(e < s for e, s in zip(extra, stride, strict=True)):
        y = ops.conv_transpose2d(x, four, Geometry(stride, padding, dilation, groups), (size[0], size[1]))
    else:  # the convolution of an image so large would have more rows than x: cut it out of the whole
        y = ops.conv_transpose2d(x, four, Geometry(stride, (0, 0), dilation, groups), (whole[0], whole[1]))
        (PH, PW), (EH, EW) = padding, extra
        y = ops.pad(y, (-PW, EW - PW, -PH, EH - PH))
    return as_given(_shifted(y, bias), single, axes)


def _check_weight(function: str, axes: int, weight: Tensor) -> Pair:
    """Return the height and width of the window."""
    check_tensor(weight, function, "weight")
    if weight.ndim != axes + 2:
        raise RuntimeError(
            f"expected {axes + 2}-dimensional weight for {function}, but got weight of size {list(weight.shape)}"
        )
    return plane(tuple(weight.shape[2:]), "kernel size", axes, 1)


def _check_channels(input: Tensor, weight: Tensor, groups: int, found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(input.shape)} to have "
            f"{expected} channels, but got {found} channels instead"
        )


def _check_bias_and_dtypes(function: str, x: Tensor, weight: Tensor, bias: Tensor | None, O: int) -> None:
    if bias is not None and bias.shape != (O,):
        raise RuntimeError(
            f"{function}: bias must have shape [{O}] for weight of size {list(weight.shape)}, got {list(bias.shape)}"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.dtype != x.dtype:
            raise RuntimeError(f"Input type ({x.dtype}) and {name} type ({value.dtype}) should be the same")


def _four_axes(weight: Tensor) -> Tensor:
    return weight if weight.ndim == 4 else weight.unsqueeze(2)


def _shifted(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def same_padding(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return, of each axis, how much "same" pads before and after."""
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)


def _string_padding(x: Tensor, name: str, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[Tensor, Pair]:
    """Resolve "valid" and "same"; where "same" needs one more row or column after than before, pad x by it here."""
    if name == "valid":
        return x, (0, 0)
    if name != "same":
        raise RuntimeError(f"Invalid padding string {name!r}, should be one of 'valid', 'same'")
    if stride != (1, 1):
        raise RuntimeError(f"padding='same' is not supported for strided convolutions, got stride {stride}")
    (top, bottom), (left, right) = same_padding(kernel, dilation)
    if bottom > top or right > left:
        x = ops.pad(x, (0, right - left, 0, bottom - top))
    return x, (top, left)


def padding_of_output_size(
    output_size: Any,
    input: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the output_padding by which a transposed convolution reaches `output_size`.

    Args:    output_size: the last axes, or all axes, of the output wanted
    Raises:  ValueError: it has another number of axes, or no output_padding below the stride reaches it
    """
    axes = len(kernel)
    wanted = [int(n) for n in output_size]
    if len(wanted) == input.ndim and input.ndim > axes:
        wanted = wanted[-axes:]
    if len(wanted) != axes:
        raise ValueError(
            f"ConvTranspose{axes}d: for {input.ndim}D input, output_size must have {axes} or {input.ndim} elements "
            f"(got {len(wanted)})"
        )
    least = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, k, s, p, d in zip(input.shape[-axes:], kernel, stride, padding, dilation, strict=True)
    ]
    most = [low + s - 1 for low, s in zip(least, stride, strict=True)]
    if any(not low <= n <= high for n, low, high in zip(wanted, least, most, strict=True)):
        raise ValueError(
            f"requested an output size of {wanted}, but valid sizes range from {least} to {most} "
            f"(for an input of {list(input.shape[-axes:])})"
        )
    return sizes([n - low for n, low in zip(wanted, least, strict=True)], "output_padding", axes)
