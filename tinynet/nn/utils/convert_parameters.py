"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tinynet import ops
from tinynet.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of all parameters, one after the other, in one axis; gradients flow through it.

    Raises:  RuntimeError: no parameters, or on different devices
    """
    return ops.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let each parameter be the next part of the vector, sharing its memory.

    Raises:  TypeError: vec is no Tensor; RuntimeError: it has too few elements
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    values, start = vec.detach(), 0
    for parameter in parameters:
        end = start + parameter.numel()
        if end > values.numel():
            raise RuntimeError(
                f"the vector has {values.numel()} elements, too few for a parameter of shape {list(parameter.shape)} "
                f"at {start}"
            )
        parameter.data = values[start:end].reshape(parameter.shape)
        start = end
