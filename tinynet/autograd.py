"""Reverse-mode differentiation: recorded functions, and the walk back through them.

Every differentiable operation is a `Function`: `forward` computes, `backward` maps the gradient of its outputs to
the gradients of its inputs, written with operations on Tensors. Applying one leaves a `Node` behind each output.
`backward` hands gradients from node to node, latest created first: an operation is always
created after its inputs, so creation order is a topological order and the walk needs neither recursion nor
a second pass to count uses. Recorded while it runs (`create_graph=True`), it can be differentiated again.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet import tensor as tensor_module
from tinynet.backend import Array, array_module
from tinynet.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "Node",
    "backward",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]

_creation_order = itertools.count()


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the gradient of one input goes: output `index` of a node, or a leaf tensor (index 0)."""

    target: Any  # Node or Tensor
    index: int


@dataclass(frozen=True, slots=True)
class Meta:
    """Shape and dtype that the gradient of an output must have."""

    shape: tuple[int, ...]
    dtype: Any
    module: Any  # numpy or cupy

    def zeros(self) -> Any:
        """Return the gradient of an output that nothing used."""
        return tensor_module.Tensor(self.module.zeros(self.shape, self.dtype))


class Node:
    """One applied function: what it saved, and where the gradients of its inputs go. Also its `ctx`."""

    def __init__(self, function: type[Function]) -> None:
        self.function = function
        self.order = next(_creation_order)
        self.needs_input_grad: tuple[bool, ...] = ()
        self.edges: tuple[Edge | None, ...] = ()
        self.outputs: tuple[Meta | None, ...] = ()  # None for an output without gradient
        self.non_differentiable: tuple[Any, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._saved: tuple[Any, ...] | None = ()

    def name(self) -> str:
        """Return the function's name as torch prints it, "MulBackward" for `Mul`."""
        return f"{self.function.__name__}Backward"

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple[Edge | None, ...]:
        """List, for each argument of forward, the edge its gradient takes; None where it needs none."""
        return self.edges

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs of forward (or None) until backward has used them."""
        self._to_save = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Declare outputs that have no gradient, an index for example."""
        self.non_differentiable = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """Return what forward saved, connected to the graph so that it can be differentiated again.

        Raises:  RuntimeError: backward has passed here before and released it
        """
        if self._saved is None:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: {self.name()} has released the tensors "
                "it saved. Specify retain_graph=True in the first backward."
            )
        return tuple(s.unpack(self) if isinstance(s, _SavedOutput) else s for s in self._saved)

    def record(self, args: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Connect the outputs to this node, and this node to the tensors among the arguments."""
        self.edges = tuple(
            _edge_of(arg) if needed else None for arg, needed in zip(args, self.needs_input_grad, strict=True)
        )
        metas: list[Meta | None] = []
        for index, y in enumerate(outputs):
            if y.is_floating_point() and not any(y is other for other in self.non_differentiable):
                y.requires_grad = True
                y.grad_fn, y.output_index = self, index
                metas.append(Meta(y.shape, y.dtype, array_module(y.array)))
            else:
                metas.append(None)
        self.outputs = tuple(metas)
        self._saved = tuple(_without_cycle(tensor, outputs) for tensor in self._to_save)
        self._to_save = self.non_differentiable = ()

    def release(self) -> None:
        """Let go of the saved tensors."""
        self._saved = None if self._saved else ()


@dataclass(frozen=True, slots=True)
class _SavedOutput:
    """A function's own output, saved without a reference to its tensor: node -> output -> node would be a cycle."""

    array: Array
    index: int
    requires_grad: bool

    def unpack(self, node: Node) -> Any:
        y = tensor_module.Tensor(self.array)
        if self.requires_grad:
            y.requires_grad = True
            y.grad_fn, y.output_index = node, self.index
        return y


def _without_cycle(tensor: Any, outputs: Sequence[Any]) -> Any:
    for index, y in enumerate(outputs):
        if tensor is y:
            return _SavedOutput(y.array, index, y.requires_grad)
    return tensor


def _edge_of(tensor: Any) -> Edge:
    return Edge(tensor, 0) if tensor.grad_fn is None else Edge(tensor.grad_fn, tensor.output_index)


class Function:
    """Base class of differentiable operations, used as torch's `autograd.Function`.

    A subclass has two static methods. `forward(ctx, *args)` gets Tensors and anything else, runs unrecorded, and
    returns one Tensor or a tuple of Tensors. `backward(ctx, *grads)` gets one gradient Tensor an output and
    returns one an argument of forward, None for arguments that are no Tensors or whose
    `ctx.needs_input_grad` is False. It is written with operations on Tensors, so that it has a gradient too.
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Map the gradients of the outputs to those of the arguments."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward on the arguments and record it if a gradient can be asked for.

        Raises:  RuntimeError: the arguments live on different devices
        """
        tensors = [arg for arg in args if isinstance(arg, tensor_module.Tensor)]
        _check_one_device(tensors)
        ctx = Node(cls)
        recording = is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        ctx.needs_input_grad = tuple(
            recording and isinstance(arg, tensor_module.Tensor) and arg.requires_grad for arg in args
        )
        with no_grad(), np.errstate(all="ignore"):  # overflow, x/0 and inf-inf make inf and NaN, as in torch
            result = cls.forward(ctx, *args)
        outputs = result if isinstance(result, tuple) else (result,)
        # An argument handed back unchanged becomes a new tensor, or recording would rewire the argument itself.
        outputs = tuple(y.detach() if any(y is tensor for tensor in tensors) else y for y in outputs)
        if recording:
            ctx.record(args, outputs)
        return outputs if isinstance(result, tuple) else outputs[0]


def _check_one_device(tensors: Sequence[Any]) -> None:
    if len({type(tensor.array) for tensor in tensors}) > 1:
        names = sorted({str(tensor.device) for tensor in tensors})
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {' and '.join(names)}!"
        )


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add to `.grad` of every leaf the gradient of the sum over `tensors` of <tensor, its grad_tensor>.

    Args:    tensors, grad_tensors: a Tensor or a sequence of them; a gradient may be None for a tensor of one element
             retain_graph: keep what was saved, so that backward can pass again; default: create_graph
             create_graph: record backward itself, so that gradients can be differentiated
    Raises:  RuntimeError: a tensor records nothing, a gradient is missing or has another shape
    """
    roots, gradients = _roots(tensors, grad_tensors)
    _walk(roots, gradients, None, create_graph if retain_graph is None else retain_graph, create_graph)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the outputs with respect to the inputs; `.grad` of leaves is not touched.

    Raises:  RuntimeError: as `backward`; an input requires no gradient, or is not used and allow_unused is False
    """
    roots, gradients = _roots(outputs, grad_outputs)
    wanted = _as_sequence(inputs)
    for tensor in wanted:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    edges = [_edge_of(tensor) for tensor in wanted]
    retain = create_graph if retain_graph is None else retain_graph
    found = _walk(roots, gradients, edges, retain, create_graph)
    if not allow_unused and any(gradient is None for gradient in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _as_sequence(value: Any) -> list[Any]:
    return [value] if isinstance(value, tensor_module.Tensor) else list(value)


def _roots(tensors: Any, grad_tensors: Any) -> tuple[list[Any], list[Any]]:
    """Check the tensors that backward starts from, and complete their gradients."""
    roots = _as_sequence(tensors)
    gradients = [None] * len(roots) if grad_tensors is None else _as_sequence(grad_tensors)
    if len(roots) != len(gradients):
        raise RuntimeError(f"got {len(roots)} tensors and {len(gradients)} gradients")
    for i, (root, gradient) in enumerate(zip(roots, gradients, strict=True)):
        if not root.requires_grad:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        if gradient is None:
            if root.numel() != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs, not for shape {list(root.shape)}"
                )
            gradients[i] = tensor_module.Tensor(array_module(root.array).ones_like(root.array))
        elif gradient.shape != root.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {list(gradient.shape)} and output[{i}] "
                f"has a shape of {list(root.shape)}."
            )
        else:
            gradients[i] = gradient.to(root.dtype)
    return roots, gradients


class _Gradient:
    """The sum of the gradients that have arrived at one place, added in place only into an array of its own."""

    __slots__ = ("owned", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.owned = False

    def add(self, value: Any) -> None:
        if self.owned and not is_grad_enabled():
            self.value.array += value.array
        else:
            self.value = self.value + value
            self.owned = True


def _walk(
    roots: list[Any], gradients: list[Any], wanted: list[Edge] | None, retain_graph: bool, create_graph: bool
) -> list[Any]:
    """Pass gradients back from the roots; into `.grad` of leaves, or return those of the wanted edges."""
    leads = None if wanted is None else _leading_to(wanted, roots)
    kept: dict[tuple[int, int], _Gradient] = {}  # of wanted edges, by identity of the target and index
    keys = None if wanted is None else {(id(edge.target), edge.index) for edge in wanted}
    arrived: dict[Node, dict[int, _Gradient]] = {}
    ready: list[tuple[int, Node]] = []

    def send(edge: Edge, gradient: Any) -> None:
        key = (id(edge.target), edge.index)
        if keys is not None and key in keys:
            _collect(kept, key, gradient)
        if isinstance(edge.target, Node):
            if leads is not None and edge.target not in leads:
                return
            if edge.target not in arrived:
                arrived[edge.target] = {}
                heapq.heappush(ready, (-edge.target.order, edge.target))
            _collect(arrived[edge.target], edge.index, gradient)
        elif keys is None:
            _accumulate_into_leaf(edge.target, gradient)

    with set_grad_enabled(create_graph), np.errstate(all="ignore"):
        for root, gradient in zip(roots, gradients, strict=True):
            send(_edge_of(root), gradient)
        while ready:
            _, node = heapq.heappop(ready)
            for edge, gradient in _run(node, arrived.pop(node), leads, keys):
                send(edge, gradient)
            if not retain_graph:
                node.release()
    found = [kept.get((id(edge.target), edge.index)) for edge in wanted or []]
    return [None if gradient is None else gradient.value for gradient in found]


def _collect(place: dict[Any, _Gradient], key: Any, gradient: Any) -> None:
    if key in place:
        place[key].add(gradient)
    else:
        place[key] = _Gradient(gradient)


def _run(
    node: Node, arrived: dict[int, _Gradient], leads: set[Node] | None, keys: set[tuple[int, int]] | None
) -> Iterator[tuple[Edge, Any]]:
    """Run one node's backward for the gradients that are wanted of it, and check what it returns."""
    grads = [
        arrived[i].value if i in arrived else meta and meta.zeros() for i, meta in enumerate(node.outputs)
    ]
    needed = node.needs_input_grad
    if leads is not None and keys is not None:
        node.needs_input_grad = tuple(
            edge is not None and (edge.target in leads or (id(edge.target), edge.index) in keys)
            for edge in node.edges
        )
    try:
        result = node.function.backward(node, *grads)
    finally:
        node.needs_input_grad, needed = needed, node.needs_input_grad
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(node.edges):
        raise RuntimeError(
            f"{node.name()} returned an incorrect number of gradients (expected {len(node.edges)}, got {len(results)})"
        )
    for i, (edge, gradient) in enumerate(zip(node.edges, results, strict=True)):
        if edge is not None and needed[i] and gradient is not None:
            yield edge, _checked(node, i, edge, gradient)


def _checked(node: Node, i: int, edge: Edge, gradient: Any) -> Any:
    meta: Any = edge.target.outputs[edge.index] if isinstance(edge.target, Node) else edge.target
    if gradient.shape != meta.shape:
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient at index {i} - got {list(gradient.shape)} "
            f"but expected shape compatible with {list(meta.shape)}"
        )
    return gradient if gradient.dtype == meta.dtype else gradient.to(meta.dtype)


def _accumulate_into_leaf(leaf: Any, gradient: Any) -> None:
    """Add to the leaf's `.grad`, which is an array of its own: nothing else may see it change."""
    if is_grad_enabled():
        leaf.grad = gradient.clone() if leaf.grad is None else leaf.grad + gradient
    elif leaf.grad is None:
        leaf.grad = tensor_module.Tensor(gradient.array.copy(order="K"))
    else:
        leaf.grad.array += gradient.array


def _leading_to(wanted: list[Edge], roots: list[Any]) -> set[Any]:
    """Return the nodes below the roots from which a wanted edge can be reached, and no others."""
    goals = {(id(edge.target), edge.index) for edge in wanted}
    below: set[Node] = set()
    stack = [root.grad_fn for root in roots if root.grad_fn is not None]
    while stack:
        node = stack.pop()
        if node not in below:
            below.add(node)
            stack.extend(e.target for e in node.edges if e is not None and isinstance(e.target, Node))
    leads: set[Node] = set()
    for node in sorted(below, key=lambda node: node.order):
        for edge in node.edges:
            if edge is not None and (edge.target in leads or (id(edge.target), edge.index) in goals):
                leads.add(node)
                break
    return leads
