"""Convolution."""

from __future__ import annotations

from tinynet import ops
from tinynet.kernels.generic.im2col import output_size
from tinynet.nn.functional.arguments import Pair, Size2, check_output, images, pair
from tinynet.ops.conv import Geometry
from tinynet.tensor import Tensor


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
    x, single = images(input, "conv2d")
    if weight.ndim != 4:
        raise RuntimeError(
            f"expected 4-dimensional weight for conv2d, but got weight of size {list(weight.shape)}"
        )
    O, CG, KH, KW = weight.shape
    stride, dilation = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
    if isinstance(padding, str):
        x, padding = _string_padding(x, padding, (KH, KW), stride, dilation)
    else:
        padding = pair(padding, "padding")
    if groups < 1 or O % groups:
        raise RuntimeError(
            f"groups must be positive and divide the output channels: got groups={groups}, weight of size "
            f"{list(weight.shape)}"
        )
    if x.shape[1] != CG * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{CG * groups} channels, but got {x.shape[1]} channels instead"
        )
    if bias is not None and bias.shape != (O,):
        raise RuntimeError(
            f"conv2d: bias must have shape [{O}] for weight of size {list(weight.shape)}, got {list(bias.shape)}"
        )
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.dtype != x.dtype:
            raise RuntimeError(f"Input type ({x.dtype}) and {name} type ({value.dtype}) should be the same")
    image = x.shape[2], x.shape[3]
    check_output("conv2d", image, output_size(image, (KH, KW), stride, padding, dilation), (KH, KW))
    y = ops.conv2d(x, weight, Geometry(stride, padding, dilation, groups))
    if bias is not None:
        y = y + bias.reshape(1, O, 1, 1)
    return y.squeeze(0) if single else y


def _string_padding(x: Tensor, name: str, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[Tensor, Pair]:
    """Resolve "valid" and "same"; where "same" needs one more row or column after than before, pad x by it here."""
    if name == "valid":
        return x, (0, 0)
    if name != "same":
        raise RuntimeError(f"Invalid padding string {name!r}, should be one of 'valid', 'same'")
    if stride != (1, 1):
        raise RuntimeError(f"padding='same' is not supported for strided convolutions, got stride {stride}")
    total_h, total_w = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    if total_h % 2 or total_w % 2:
        x = ops.pad(x, (0, total_w % 2, 0, total_h % 2))
    return x, (total_h // 2, total_w // 2)
