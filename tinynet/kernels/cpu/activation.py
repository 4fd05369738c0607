"""ReLU forward and backward as streaming kernels."""

from __future__ import annotations

from tinynet.backend import Array
from tinynet.kernels.cpu.fused import elementwise, flat
from tinynet.kernels.generic import activation as generic
from tinynet.kernels.registry import accelerates
from tinynet.memory import laid_out_like


@accelerates(generic.relu, device="cpu", when=flat)
def relu(x: Array) -> Array:
    """Write the positive part."""
    return elementwise("relu", x, x, x)


@accelerates(generic.relu_backward, device="cpu", when=lambda grad_y, y: flat(y, grad_y))
def relu_backward(grad_y: Array, y: Array) -> Array:
    """Write grad_y where y > 0, laid out as y."""
    return elementwise("masked", laid_out_like(grad_y, y), y, y)
