"""Tensor: an array, whether its gradient is wanted, and the operation that made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinynet import autograd, ops
from tinynet.backend import Array, asnumpy, device, device_of, is_array
from tinynet.default_dtype import get_default_dtype
from tinynet.tensor import printing
from tinynet.tensor.activation import ActivationMethods
from tinynet.tensor.arithmetic import ArithmeticMethods
from tinynet.tensor.comparison import ComparisonMethods
from tinynet.tensor.conversion import ConversionMethods
from tinynet.tensor.creation import CreationMethods
from tinynet.tensor.elementwise import ElementwiseMethods
from tinynet.tensor.elementwise_inplace import ElementwiseInPlaceMethods
from tinynet.tensor.hooks import HookMethods
from tinynet.tensor.index import IndexMethods
from tinynet.tensor.inplace import InPlaceMethods
from tinynet.tensor.linear import LinearMethods
from tinynet.tensor.reduce import ReduceMethods
from tinynet.tensor.sampling import SamplingMethods
from tinynet.tensor.shape import ShapeMethods
from tinynet.tensor.size import Size
from tinynet.tensor.sorting import SortingMethods


class Counter(list[int]):
    """How often some memory has changed in place, [count], and what follows such changes (autograd/views.py)."""

    links: Sequence[Any] = ()


class Tensor(
    ActivationMethods,
    ArithmeticMethods,
    ComparisonMethods,
    ConversionMethods,
    CreationMethods,
    ElementwiseInPlaceMethods,
    ElementwiseMethods,
    HookMethods,
    IndexMethods,
    InPlaceMethods,
    LinearMethods,
    ReduceMethods,
    SamplingMethods,
    ShapeMethods,
    SortingMethods,
):
    """A NumPy or CuPy array that remembers how it was computed.

    Where it differs from torch's: the memory is `.array`, of either library, and `.data` is, as in torch, a Tensor
    that shares it; dtypes are NumPy's dtype objects. As in torch, Tensor(2, 3) makes an uninitialised tensor of that
    size; `tinynet.tensor` is the usual way to make one of values.

    Args:    array: ndarray of either library (no subclass stays one), or anything numpy.asarray takes; not copied
             requires_grad: whether backward shall leave the gradient in `.grad`
    Raises:  RuntimeError: a gradient is asked for of a dtype that is not floating point
    """

    __array_priority__ = 1000  # ndarray + Tensor calls Tensor.__radd__
    __hash__ = object.__hash__

    # The state of a tensor without history; an instance holds only what differs.
    array: Array
    _grad: Tensor | None = None
    output_index = 0
    """Which output of grad_fn the tensor is."""
    _grad_fn: Any = None
    _requires_grad = False
    _counter: Counter | None = None
    """How often the memory has changed in place: one list for all tensors that share the memory; None: never yet."""
    _view: Any = None
    """How it was made from a tensor that shares its memory (autograd/views.py)."""
    _made: Any = None
    """The same of a view that was made with recording off: for its order in memory alone."""
    _channels_last = False
    """Whether the user asked for this order in memory, as against the results of convolutions."""
    _own_memory = False
    """Whether a gradient on its way has memory that nothing else refers to."""
    _accumulator: Any = None
    """Weak reference to the node that adds to `.grad`."""

    def __init__(self, array: Any = (), requires_grad: Any = False, *sizes: int) -> None:
        if type(array) is np.ndarray:
            self.array = array
        elif type(array) is int:
            # Tensor(2, 3): what stands in the place of requires_grad is a size, unless it is a bool.
            sizes = (requires_grad, *sizes) if type(requires_grad) is int else sizes
            self.array, requires_grad = np.empty((array, *sizes), np.float32), requires_grad is True
        elif isinstance(array, Tensor | list | tuple):
            self.array = _of_values(array)
        else:
            self.array = np.asarray(array) if isinstance(array, np.ndarray) or not is_array(array) else array
        if requires_grad:
            self.requires_grad_()

    # What it is

    @property
    def shape(self) -> Size:
        """Sizes of the axes."""
        return Size(self.array.shape)

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
    def is_cuda(self) -> bool:
        """Whether the array lives on a GPU."""
        return self.device.type == "cuda"

    def is_floating_point(self) -> bool:
        """Return whether the elements are real numbers, so that a gradient exists."""
        return self.array.dtype.kind == "f"

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one axis.

        Raises:  IndexError: there is no such axis
        """
        if dim is None:
            return Size(self.array.shape)
        return self.array.shape[ops.reduce.normalize_dim(dim, self.array.ndim)]

    def dim(self) -> int:
        """Return the number of axes."""
        return self.array.ndim

    def numel(self) -> int:
        """Return the number of elements."""
        return int(self.array.size)

    ndimension, nelement = dim, numel

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).array.any())

    def __repr__(self) -> str:
        array, notes = asnumpy(self.array), []
        if self.device.type != "cpu":
            notes.append(f"device='{self.device}'")
        if array.size == 0 and array.ndim != 1:
            notes.append(f"size={array.shape}")
        if array.dtype not in (
            (get_default_dtype(), np.int64, np.bool_) if array.size else (get_default_dtype(),)
        ):
            notes.append(f"dtype={array.dtype}")
        if self.grad_fn is not None:
            notes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            notes.append("requires_grad=True")
        return f"tensor({printing.text(array, len('tensor('), notes)})"

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.ndim:
            raise TypeError(f"unsupported format string {spec!r} of a tensor of shape {list(self.shape)}")
        return format(self.item(), spec)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled, and shared by copy.copy: as in torch, the values and whether they require a gradient.

        Neither gradient nor history, nor who else shares the memory.
        """
        state = {k: v for k, v in self.__dict__.items() if not k.startswith("_") and k != "output_index"}
        return state | ({"_requires_grad": True} if self.requires_grad else {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """Copy a leaf with its gradient.

        Raises:  RuntimeError: not a leaf
        """
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user support the deepcopy protocol")
        if id(self) not in memo:
            array = self.array.copy(order="K")  # first: a delayed tensor becomes an ordinary one by it
            copied = type(self).__new__(type(self))
            memo[id(self)] = copied
            copied.__dict__.update({k: v for k, v in self.__dict__.items() if not k.startswith("_")})
            copied.array, copied._requires_grad = array, self._requires_grad
            copied.grad = None if self.grad is None else self.grad.detach().clone()
        return memo[id(self)]

    # The graph

    @property
    def grad_fn(self) -> Any:
        """The node that made it, None for a leaf."""
        if self._view is not None:
            autograd.views.refresh(self)
        return self._grad_fn

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has left in a leaf; assigning another replaces it.

        Raises:  TypeError: no Tensor; RuntimeError: of another shape, dtype or device
        """
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            for what in ("shape", "dtype", "device"):
                mine, other = getattr(self, what), getattr(value, what)
                if mine != other:
                    raise RuntimeError(
                        f"attempting to assign a gradient of {what} {other} to a tensor of {what} {mine}"
                    )
        self._grad = value

    @property
    def output_nr(self) -> int:
        """Which output of grad_fn it is."""
        return self.output_index

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is wanted of it, or of something it was made of; can be set on leaves."""
        if self._view is not None:
            autograd.views.refresh(self)
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether a leaf's gradient is wanted, and return it.

        Raises:  RuntimeError: not a leaf, or not floating point
        """
        if requires_grad and not self.is_floating_point():
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, not {self.dtype}"
            )
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self.grad_fn is None

    def attach(self, node: Any, index: int) -> None:
        """Make the tensor an output of a node."""
        self._grad_fn, self.output_index, self._requires_grad = node, index, True

    @property
    def _version(self) -> int:
        """How often the memory has changed in place."""
        return 0 if self._counter is None else self._counter[0]

    def version_counter(self) -> Counter:
        """Return the counter of in-place changes, to be shared with other tensors of the same memory."""
        if self._counter is None:
            self._counter = Counter([0])
        return self._counter

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor outside the graph, its changes not noticed; assigning replaces the memory."""
        return Tensor(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        self.array = other.array

    def detach(self) -> Tensor:
        """Return a tensor that shares the memory and has no history."""
        y = Tensor(self.array)
        y._counter = self.version_counter()
        return y

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """Return a copy through which gradients flow."""
        copied: Any = ops.clone(self)
        return copied if memory_format is None else copied.contiguous(memory_format=memory_format)

    def detach_(self) -> Tensor:
        """Forget the history, and return the tensor itself: a leaf from now on."""
        self._grad_fn, self.output_index, self._requires_grad, self._view = None, 0, False, None
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add to `.grad` of every leaf below the gradient of <self, gradient>; see `autograd.backward`."""
        autograd.backward(self, gradient, retain_graph, create_graph, inputs)


def _of_values(values: Any) -> Array:
    """Return a Tensor's own array, or that of numbers in float32, as torch.Tensor([1, 2]) has it."""
    return values.array if isinstance(values, Tensor) else np.array(values, np.float32)


class _Variable(type):
    """Makes isinstance(x, Variable) hold for every Tensor."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Tensor, requires_grad: bool = False, volatile: Any = None) -> Tensor:
        return data.detach().requires_grad_() if requires_grad else data


class Variable(metaclass=_Variable):
    """torch's former name of a Tensor in the graph: Variable(x) is x."""
