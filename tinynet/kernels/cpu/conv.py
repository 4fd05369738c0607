"""The gradient of a convolution's input as another convolution, instead of a product and a scattered sum.

With stride 1, grad_x is grad_y padded by D*(K-1) - P and cross-correlated with the weight turned by half a turn, its
input and output channels exchanged within each group. The generic kernel multiplies first and then adds KH*KW
shifted slices into the image (col2im), reading and writing the whole image each time; here im2col copies each window
once and one matrix product a group does all the adding.

Source:  Dumoulin, Visin 2016, A guide to convolution arithmetic for deep learning, arXiv 1603.07285, section 4
"""

from __future__ import annotations

from typing import Any

from tinynet.backend import Array
from tinynet.kernels.generic import conv as generic
from tinynet.kernels.generic.im2col import Pair
from tinynet.kernels.registry import accelerates


def _stride_one(
    grad_y: Array, weight: Array, *, stride: Pair, padding: Pair, dilation: Pair, **_: Any
) -> bool:
    """Return whether the stride is 1, the padding lies within the window, and the window is more than a pixel."""
    kernel = weight.shape[2:]
    inside = all(p <= d * (k - 1) for p, d, k in zip(padding, dilation, kernel, strict=True))
    return stride == (1, 1) and inside and kernel != (1, 1)


@accelerates(generic.conv2d_grad_input, device="cpu", when=_stride_one)
def conv2d_grad_input(
    grad_y: Array, weight: Array, *, image: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    """Return the gradient of x by convolving grad_y (N, O, OH, OW) with the turned weight (O, C/groups, KH, KW)."""
    O, CG, KH, KW = weight.shape
    turned = weight[:, :, ::-1, ::-1].reshape(groups, O // groups, CG, KH, KW).transpose(0, 2, 1, 3, 4)
    full = (dilation[0] * (KH - 1) - padding[0], dilation[1] * (KW - 1) - padding[1])
    return generic.conv2d(
        grad_y,
        turned.reshape(groups * CG, O // groups, KH, KW),
        stride=stride,
        padding=full,
        dilation=dilation,
        groups=groups,
    )
