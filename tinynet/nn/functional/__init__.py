"""Functions of layers, with torch's signatures. Arguments are checked here, once, with torch's vocabulary."""

from tinynet.nn.functional.activation import relu
from tinynet.nn.functional.conv import conv2d
from tinynet.nn.functional.dropout import dropout
from tinynet.nn.functional.linear import linear
from tinynet.nn.functional.loss import cross_entropy
from tinynet.nn.functional.norm import batch_norm
from tinynet.nn.functional.pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from tinynet.ops import log_softmax, pad, softmax

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "dropout",
    "linear",
    "log_softmax",
    "max_pool2d",
    "pad",
    "relu",
    "softmax",
]
