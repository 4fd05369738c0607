"""Tensor: an array, whether its gradient is wanted, and the operation that made it."""

from tinynet.tensor.conversion import split_target
from tinynet.tensor.core import Tensor
from tinynet.tensor.size import Size
