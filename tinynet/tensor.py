"""Tensor: an array, whether its gradient is wanted, and the operation that made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet import autograd, ops
from tinynet.backend import Array, asnumpy, device, device_of, is_array


class Tensor:
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

    # Arithmetic

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __pow__(self, exponent: Any) -> Tensor:
        return ops.pow(self, exponent)

    def __rpow__(self, base: Any) -> Tensor:
        return ops.pow(base, self)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return ops.compare("equal", self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return ops.compare("not_equal", self, other)

    def __lt__(self, other: Any) -> Tensor:
        return ops.compare("less", self, other)

    def __le__(self, other: Any) -> Tensor:
        return ops.compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Tensor:
        return ops.compare("greater", self, other)

    def __ge__(self, other: Any) -> Tensor:
        return ops.compare("greater_equal", self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    def __iadd__(self, other: Any) -> Tensor:
        return ops.in_place(self, self + other)

    def __isub__(self, other: Any) -> Tensor:
        return ops.in_place(self, self - other)

    def __imul__(self, other: Any) -> Tensor:
        return ops.in_place(self, self * other)

    def __itruediv__(self, other: Any) -> Tensor:
        return ops.in_place(self, self / other)

    add, sub, mul, div = __add__, __sub__, __mul__, __truediv__
    pow, neg, matmul = __pow__, __neg__, __matmul__
    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__

    # Elementwise functions

    def exp(self) -> Tensor:
        """Return e to the power of each element."""
        return ops.exp(self)

    def log(self) -> Tensor:
        """Return the natural logarithm of each element."""
        return ops.log(self)

    def sqrt(self) -> Tensor:
        """Return the square root of each element."""
        return ops.sqrt(self)

    def abs(self) -> Tensor:
        """Return the absolute value of each element."""
        return ops.abs(self)

    def tanh(self) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        """Return 1 / (1 + exp(-x)) of each element x."""
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        """Return max(x, 0) of each element x."""
        return ops.relu(self)

    # Reductions: dim is an axis, a tuple of axes, or None for all

    def sum(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return the sum over the axes `dim`."""
        return ops.sum(self, dim, keepdim)

    def mean(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return the mean over the axes `dim`."""
        return ops.mean(self, dim, keepdim)

    def amax(self, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the largest element over the axes `dim`; ties share the gradient."""
        return ops.amax(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the index of the largest element along an axis, or of the flattened tensor."""
        return ops.argmax(self, dim, keepdim)

    # Shape

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return self.permute(*reversed(range(self.ndim)))

    def reshape(self, *shape: Any) -> Tensor:
        """Return the elements in another shape; one size may be -1."""
        return ops.reshape(self, _flat(shape))

    def view(self, *shape: Any) -> Tensor:
        """Return the elements in another shape, as `reshape`: it copies where torch would refuse."""
        return self.reshape(*shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Join the axes from start_dim to end_dim into one."""
        return ops.flatten(self, start_dim, end_dim)

    def permute(self, *dims: Any) -> Tensor:
        """Return the tensor with its axes in the order `dims`."""
        return ops.permute(self, _flat(dims))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Return the tensor with two axes exchanged."""
        return ops.transpose(self, dim0, dim1)

    def squeeze(self, dim: int | None = None) -> Tensor:
        """Drop axes of size 1: all of them, or the one named if it has size 1."""
        return ops.squeeze(self, dim)

    def unsqueeze(self, dim: int) -> Tensor:
        """Insert an axis of size 1 before axis `dim`."""
        return ops.unsqueeze(self, dim)

    def expand(self, *sizes: Any) -> Tensor:
        """Broadcast axes of size 1 to larger sizes; -1 keeps a size."""
        return ops.expand(self, _flat(sizes))


def _flat(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Accept f(2, 3) and f((2, 3)) alike."""
    return tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int | np.integer) else sizes


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
