"""Differentiable operations on Tensors: a Function and a public function of each."""

from tinynet.ops.activation import log_softmax, relu, softmax
from tinynet.ops.conv import conv2d
from tinynet.ops.elementwise import (
    abs,
    add,
    cast,
    clone,
    compare,
    div,
    exp,
    log,
    mul,
    neg,
    pow,
    sigmoid,
    sqrt,
    sub,
    tanh,
    to_device,
    where,
)
from tinynet.ops.linear import matmul
from tinynet.ops.norm import batch_norm
from tinynet.ops.pool import avg_pool2d, max_pool2d
from tinynet.ops.reduce import amax, argmax, mean, sum, sum_to
from tinynet.ops.shape import (
    cat,
    expand,
    flatten,
    getitem,
    pad,
    permute,
    reshape,
    squeeze,
    stack,
    transpose,
    unsqueeze,
)

__all__ = [name for name in dir() if not name.startswith("_")]
