"""Tensor: an array, whether its gradient is wanted, and the operation that made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet import autograd, ops
from tinynet.backend import Array, asnumpy, device, device_of, is_array
from tinynet.tensor.arithmetic import ArithmeticMethods
from tinynet.tensor.elementwise import ElementwiseMethods
from tinynet.tensor.index import IndexMethods
from tinynet.tensor.inplace import InPlaceMethods
from tinynet.tensor.linear import LinearMethods
from tinynet.tensor.reduce import ReduceMethods
from tinynet.tensor.shape import ShapeMethods


class Tensor(
    ArithmeticMethods,
    ElementwiseMethods,
    ReduceMethods,
    LinearMethods,
    IndexMethods,
    InPlaceMethods,
    ShapeMethods,
):
    """A NumPy or CuPy array that remembers how it was computed.

    Where it differs from torch's: the memory is `.array`, of either library, and `.data` is, as in torch, a Tensor
    that shares it; dtypes are NumPy's dtype objects.

    Args:    array: ndarray of either library (no subclass stays one), or anything numpy.asarray takes; not copied
             requires_grad: whether backward shall leave the gradient in `.grad`
    Raises:  RuntimeError: a gradient is asked for of a dtype that is not floating point
    """

    __slots__ = ("__weakref__", "array", "grad", "grad_fn", "output_index", "requires_grad")
    __array_priority__ = 1000  # ndarray + Tensor calls Tensor.__radd__
    __hash__ = object.__hash__

    def __init__(self, array: Array, requires_grad: bool = False) -> None:
        self.array = np.asarray(array) if isinstance(array, np.ndarray) or not is_array(array) else array
        self.grad: Tensor | None = None
        self.grad_fn: autograd.Node | None = None
        self.output_index = 0
        self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        """NumPy dtype of the elements."""
        return self.array.dtype

    @property
    def device(self) -> device:
        """Where the array lives."""
        return device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self.grad_fn is None

    def is_floating_point(self) -> bool:
        """Return whether the elements are real numbers, so that a gradient exists."""
        return self.array.dtype.kind == "f"

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[dim]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return self.array.size

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        text = np.array2string(asnumpy(self.array), separator=", ", prefix="tensor(", precision=4)
        notes = "" if self.dtype in (np.float32, np.int64, np.bool_) else f", dtype={self.dtype}"
        if self.device.type != "cpu":
            notes += f", device='{self.device}'"
        if self.grad_fn is not None:
            notes += f", grad_fn=<{self.grad_fn.name()}>"
        elif self.requires_grad:
            notes += ", requires_grad=True"
        return f"tensor({text}{notes})"

    # Out of the graph, and to Python

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor outside the graph; assigning replaces the memory."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        self.array = other.array

    def detach(self) -> Tensor:
        """Return a tensor that shares the memory and has no history."""
        return Tensor(self.array)

    def numpy(self) -> np.ndarray:
        """Return the array, sharing memory.

        Raises:  RuntimeError: the tensor requires a gradient; TypeError: it is on a GPU
        """
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if self.device.type != "cpu":
            raise TypeError(f"can't convert {self.device} tensor to numpy. Use tensor.cpu() first.")
        return self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def item(self) -> Any:
        """Return the only element as a Python number.

        Raises:  RuntimeError: there is not exactly one element
        """
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.array.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.numel() != 1:
            count = "more than one value" if self.numel() else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {count} is ambiguous")
        return bool(self.item())

    # Gradients

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether a leaf's gradient is wanted, and return it.

        Raises:  RuntimeError: not a leaf, or not floating point
        """
        if requires_grad and not self.is_floating_point():
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, not {self.dtype}"
            )
        if not self.is_leaf and not requires_grad:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self.requires_grad = requires_grad
        return self

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add to `.grad` of every leaf below the gradient of <self, gradient>; see `autograd.backward`."""
        autograd.backward(self, gradient, retain_graph, create_graph)

    # Dtype and device

    def to(self, *target: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """Return the tensor in another dtype or on another device (given in any order), itself if it fits."""
        dtype, place = split_target(target, dtype, device)
        result = self
        if (
            place is not None
            and place != self.device
            and not (place.type == self.device.type == "cuda" and place.index is None)
        ):
            result = ops.to_device(result, place)
        if dtype is not None and np.dtype(dtype) != self.dtype:
            result = ops.cast(result, np.dtype(dtype))
        return result

    def cpu(self) -> Tensor:
        """Return the tensor in main memory."""
        return self.to("cpu")

    def cuda(self) -> Tensor:
        """Return the tensor on the GPU."""
        return self.to("cuda")

    def float(self) -> Tensor:
        """Return the tensor in float32."""
        return self.to(np.float32)

    def double(self) -> Tensor:
        """Return the tensor in float64."""
        return self.to(np.float64)

    def long(self) -> Tensor:
        """Return the tensor in int64."""
        return self.to(np.int64)

    def clone(self) -> Tensor:
        """Return a copy through which gradients flow."""
        return ops.clone(self)


def split_target(target: tuple[Any, ...], dtype: Any, place: Any) -> tuple[Any, device | None]:
    """Sort the arguments of `to` into a dtype and a device."""
    for value in target:
        if isinstance(value, device) or (
            isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")
        ):
            place = value
        elif isinstance(value, Tensor):
            dtype, place = value.dtype, value.device
        else:
            dtype = value
    return dtype, None if place is None else device(place)
