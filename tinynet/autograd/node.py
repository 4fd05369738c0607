"""Node: what is kept of an applied function until backward has passed it."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.autograd import delayed
from tinynet.grad_mode import is_grad_enabled, thread
from tinynet.tensor.core import Tensor

creation_order = itertools.count()

Edge = tuple["Node", int]
"""Where the gradient of one input goes: a node, and which of its outputs the input was."""


class Node:
    """One applied function: what it saved, and where the gradients of its inputs go. Also its `ctx`.

    Class attributes are the state of a node that has recorded nothing; an instance holds only what differs.
    """

    needs_input_grad: tuple[bool, ...] = ()
    edges: tuple[Edge | None, ...] = ()
    outputs: tuple[tuple[Any, Any] | None, ...] = ()
    """Shape and dtype that the gradient of each output must have; None for an output without gradient."""
    order = -1
    """When it was recorded: larger than that of every node its edges lead to."""
    non_differentiable: tuple[Any, ...] = ()
    dirty: tuple[Any, ...] = ()
    materialize_grads = True
    hooks: dict[int, dict[int, Callable[[Tensor], Any]]] | None = None
    """Of each output, by number, the hooks on its gradient."""
    retained: dict[int, Any] | None = None
    """Weak references to the output tensors that want their gradient in `.grad`."""
    called_at: str | None = None
    """In anomaly mode, the lines of the program that applied the function."""
    affine: Any = None
    """How an output that was delayed follows from an input (autograd/delayed.py); refers to its memory."""
    _to_save: tuple[Any, ...] = ()
    _saved: tuple[Any, ...] | None = ()

    def __init__(self, function: Any) -> None:
        self.function = function

    def name(self) -> str:
        """Return the function's name as torch prints it, "MulBackward" for `Mul`."""
        return f"{self.function.__name__}Backward"

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """List, for each argument of forward, the node and output its gradient goes to; (None, 0) if nowhere."""
        return tuple((None, 0) if edge is None else edge for edge in self.edges)

    # For use inside forward, as torch's ctx

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs of forward (or None) until backward has used them."""
        self._to_save = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Declare outputs that have no gradient, an index for example."""
        self.non_differentiable = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Declare inputs that forward has changed in place and returns."""
        self.dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether backward gets zeros (True) or None for an output that nothing used."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """Return what forward saved, connected to the graph so that it can be differentiated again.

        Raises:  RuntimeError: backward has passed here before and released it; or one has changed in place since
        """
        if self._saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: {self.name()} has released the tensors "
                "it saved. Specify retain_graph=True in the first backward."
            )
        return tuple([saved.unpack(self) for saved in self._saved])

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """Return `saved_tensors`, under the name that old code has for it."""
        warnings.warn(
            "'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2
        )
        return self.saved_tensors

    def record(self, args: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Connect the outputs to this node, and this node to the tensors among the arguments."""
        edges: list[Edge | None] = []
        for arg, need in zip(args, self.needs_input_grad, strict=False):
            edge = edge_of(arg) if need else None
            if edge is not None and type(edge[0]) is AccumulateGrad:
                edge[0].uses += 1
            edges.append(edge)
        self.edges = tuple(edges)
        self.order = next(creation_order)
        metas: list[tuple[Any, Any] | None] = []
        constant = [id(y) for y in self.non_differentiable]
        for index, y in enumerate(outputs):
            meta = None
            if isinstance(y, Tensor) and id(y) not in constant:
                array = delayed.outline(y)
                if array.dtype.kind == "f":
                    y._grad_fn, y.output_index, y._requires_grad = self, index, True
                    meta = array.shape, array.dtype
            metas.append(meta)
        self.outputs = tuple(metas)
        if self._to_save:
            hooks = thread.state.saved_tensors_hooks
            self._saved = tuple([_saved(tensor, outputs, hooks) for tensor in self._to_save])
            self._to_save = ()
        if constant:
            self.non_differentiable = ()

    def release(self) -> None:
        """Let go of the saved tensors."""
        if self._saved:
            self._saved = None
        if self.affine is not None:
            self.affine = None

    def saved_before_change(self, x: Tensor) -> None:
        """Make sure that what was saved of x survives the change of x's memory by this very node: copy it."""
        saved = self._saved or ()
        if any(type(s) is _SavedInput and s.tensor is x for s in saved):
            old = Tensor(x.array.copy())
            if x.requires_grad:
                edge = edge_of(x)
                old.attach(*edge)
            kept = _SavedInput(old, 0)
            self._saved = tuple([kept if type(s) is _SavedInput and s.tensor is x else s for s in saved])

    def saved_after_change(self, result: Tensor, x: Tensor) -> None:
        """Let what was saved of the output `result` be x, whose memory now holds the same values."""
        for saved in self._saved or ():
            if (
                type(saved) is _SavedOutput
                and saved.array is result.array
                and x.array.dtype == result.array.dtype
            ):
                saved.array, saved.counter = x.array, x.version_counter()
                saved.version = saved.counter[0]


class AccumulateGrad(Node):
    """Where the gradient of a leaf goes: into its `.grad`. Lives as long as a graph that uses the leaf."""

    uses = 0
    """How many recorded functions have had the leaf as an argument."""

    def __init__(self, variable: Tensor) -> None:
        self.function, self.variable = AccumulateGrad, variable
        self.order = next(creation_order)
        self.outputs = ((variable.array.shape, variable.array.dtype),)

    def name(self) -> str:
        """Return torch's name of it."""
        return "AccumulateGrad"

    def accumulate(self, gradient: Tensor, owned: bool) -> None:
        """Add to the leaf's `.grad`, which is an array of its own: nothing else may see it change."""
        leaf = self.variable
        # Into _grad: to check what fits would wait for it.
        if is_grad_enabled():
            leaf._grad = gradient.clone() if leaf.grad is None else leaf.grad + gradient
        elif leaf._grad is not None:
            delayed.settle(leaf._grad.array)
            leaf._grad.array += gradient.array
        elif owned:
            delayed.unfinished(gradient)  # its kernels, if not asked for yet
            leaf._grad = gradient
        else:
            leaf._grad = Tensor(gradient.array.copy(order="K"))


def edge_of(tensor: Tensor) -> Edge:
    """Return where the gradient of a tensor goes."""
    grad_fn = tensor._grad_fn if tensor._view is None else tensor.grad_fn
    if grad_fn is not None:
        return grad_fn, tensor.output_index
    accumulator = None if tensor._accumulator is None else tensor._accumulator()
    if accumulator is None:
        accumulator = AccumulateGrad(tensor)
        # Weak: the accumulator holds the leaf, and a cycle would keep both until the garbage collector comes.
        tensor._accumulator = weakref.ref(accumulator)
    return accumulator, 0


class _SavedInput:
    """A tensor that forward saved, and how often it had changed in place by then; also anything that is no Tensor."""

    __slots__ = ("tensor", "version")

    def __init__(self, tensor: Any, version: int) -> None:
        self.tensor, self.version = tensor, version

    def unpack(self, node: Node) -> Any:
        if isinstance(self.tensor, Tensor):
            counter = self.tensor._counter
            if (0 if counter is None else counter[0]) != self.version:
                raise _changed(self.tensor, node, self.version)
        return self.tensor


class _SavedOutput:
    """A function's own output, saved without its tensor: node -> output -> node would be a cycle."""

    __slots__ = ("array", "counter", "index", "requires_grad", "version")

    def __init__(self, y: Tensor, index: int) -> None:
        self.array, self.index, self.requires_grad = delayed.unfinished(y), index, y._requires_grad
        self.counter = y.version_counter()
        self.version = self.counter[0]

    def unpack(self, node: Node) -> Tensor:
        y = delayed.running(self.array)
        y._counter = self.counter
        if self.requires_grad:
            y.attach(node, self.index)
        if self.counter[0] != self.version:
            raise _changed(y, node, self.version)
        return y


class _SavedByHook:
    """A tensor that a pack hook took into its care; unpacked, it is connected to the graph as it was."""

    __slots__ = ("edge", "leaf", "packed", "unpack_hook")

    def __init__(self, tensor: Tensor, index: int | None, pack: Any, unpack: Any) -> None:
        self.packed, self.unpack_hook = pack(tensor.detach()), unpack
        # Of an output only its number, of a leaf the tensor itself, else the edge: no cycle, no large array.
        self.leaf = tensor if index is None and tensor._requires_grad and tensor.is_leaf else None
        self.edge: Any = index
        if index is None and self.leaf is None and tensor.requires_grad:
            self.edge = edge_of(tensor)

    def unpack(self, node: Node) -> Tensor:
        tensor = Tensor(self.unpack_hook(self.packed).array)
        if self.leaf is not None:
            tensor.attach(*edge_of(self.leaf))
        elif isinstance(self.edge, int):
            tensor.attach(node, self.edge)
        elif self.edge is not None:
            tensor.attach(*self.edge)
        return tensor


def _saved(tensor: Any, outputs: Sequence[Any], hooks: Any) -> Any:
    if not isinstance(tensor, Tensor):
        return _SavedInput(tensor, 0)
    index = None
    for i, y in enumerate(outputs):
        if y is tensor:
            index = i
            break
    if hooks is not None:
        return _SavedByHook(tensor, index, *hooks)
    if index is not None:
        return _SavedOutput(tensor, index)
    counter = tensor._counter
    return _SavedInput(tensor, 0 if counter is None else counter[0])


def _changed(tensor: Tensor, node: Node, version: int) -> RuntimeError:
    made_by = (
        ""
        if tensor.grad_fn is None
        else f", which is output {tensor.output_index} of {tensor.grad_fn.name()},"
    )
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{tensor.dtype} {list(tensor.shape)}]{made_by} saved by {node.name()}, is at version "
        f"{tensor._version}; expected version {version} instead. Change a clone() of it, or before it is used."
    )
