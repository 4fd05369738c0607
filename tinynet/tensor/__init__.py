"""Tensor: an array, whether its gradient is wanted, and the operation that made it."""

from tinynet.tensor.core import Tensor, split_target
