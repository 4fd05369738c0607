"""Parameter and Buffer: tensors that a Module lists among its state when they are assigned to an attribute."""

from __future__ import annotations

from typing import Any

from tinynet.backend import is_array
from tinynet.tensor import Tensor


class Parameter(Tensor):
    """A leaf Tensor that a Module lists among its parameters; shares the memory of `data`."""

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        super().__init__(_memory(data), requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Copy the values; the gradient stays behind, as in torch."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.array.copy(order="K"), self.requires_grad)
        return memo[id(self)]


class Buffer(Tensor):
    """A Tensor that a Module lists among its buffers; shares the memory of `data`.

    Args:    persistent: whether state_dict lists it
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        super().__init__(_memory(data))
        self.persistent = persistent


def _memory(data: Any) -> Any:
    """Return the array of a Tensor, or the one given; no elements for None.

    Raises:  TypeError: something else
    """
    if data is None:
        return Tensor([]).array
    if isinstance(data, Tensor):
        return data.array
    if not is_array(data):
        raise TypeError(f"Parameter data must be a Tensor, got {type(data).__name__}")
    return data
