"""Differentiable operations on Tensors: a Function and a public function of each."""

from tinynet.ops.activation import log_softmax, relu, softmax
from tinynet.ops.arithmetic import add, compare, div, in_place, mul, neg, pow, sub, where
from tinynet.ops.conv import conv2d
from tinynet.ops.elementwise import abs, cast, clone, exp, log, sigmoid, sqrt, tanh, to_device
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

__all__ = [
    "abs",
    "add",
    "amax",
    "argmax",
    "avg_pool2d",
    "batch_norm",
    "cast",
    "cat",
    "clone",
    "compare",
    "conv2d",
    "div",
    "exp",
    "expand",
    "flatten",
    "getitem",
    "in_place",
    "log",
    "log_softmax",
    "matmul",
    "max_pool2d",
    "mean",
    "mul",
    "neg",
    "pad",
    "permute",
    "pow",
    "relu",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "sum_to",
    "tanh",
    "to_device",
    "transpose",
    "unsqueeze",
    "where",
]
