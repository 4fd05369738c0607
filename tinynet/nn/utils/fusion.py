"""Batch normalisation folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from tinynet import ops
from tinynet.grad_mode import no_grad
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """Return a copy of a convolution that computes bn(conv(x)) in evaluation; transpose: its weight is (I, O, ...).

    Raises:  RuntimeError: one of the two is in training mode, or bn has no running statistics
    """
    return _fused(conv, bn, 1 if transpose else 0)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """Return a copy of a linear layer that computes bn(linear(x)) in evaluation.

    Raises:  RuntimeError: as fuse_conv_bn_eval; ValueError: bn has another number of features than linear returns
    """
    if bn.num_features not in (linear.out_features, 1):
        raise ValueError(
            f"To fuse, linear.out_features == bn.num_features or bn.num_features == 1, but they are "
            f"{linear.out_features} and {bn.num_features}"
        )
    return _fused(linear, bn, 0)


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of a convolution with the normalisation folded in.

    Shapes:  conv_w (O, I, ...), or (I, O, ...) if transpose; all others (O,)
    """
    return _fold(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """Return weight and bias of a linear layer with the normalisation folded in.

    Shapes:  linear_w (O, I); all others (O,)
    """
    return _fold(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused(layer: Any, bn: Any, axis: int) -> Any:
    if layer.training or bn.training:
        raise RuntimeError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise RuntimeError("a BatchNorm without running statistics cannot be folded into the layer before it")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = _fold(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, axis
    )
    return fused


def _fold(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    var: Tensor,
    eps: float,
    scale: Tensor | None,
    shift: Tensor | None,
    axis: int,
) -> tuple[Parameter, Parameter]:
    """Multiply the output channels along `axis` of the weight, and move the bias."""
    with no_grad():
        factor = 1 / ops.sqrt(var + eps)
        factor = factor if scale is None else factor * scale
        moved = -mean if bias is None else bias - mean
        moved = moved * factor
        moved = moved if shift is None else moved + shift
        shape = [1] * weight.ndim
        shape[axis] = -1
        scaled = (weight * factor.reshape(shape)).to(weight.dtype)
        dtype = weight.dtype if bias is None else bias.dtype
    return Parameter(scaled, weight.requires_grad), Parameter(
        moved.to(dtype), weight.requires_grad if bias is None else bias.requires_grad
    )
