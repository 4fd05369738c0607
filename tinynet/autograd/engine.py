"""The walk back through the graph."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Sequence
from typing import Any

from tinynet import run_ahead
from tinynet.autograd import anomaly, delayed, delayed_gradients
from tinynet.autograd.node import AccumulateGrad, Edge, Node, edge_of
from tinynet.backend import array_module, warnings_back, warnings_off
from tinynet.grad_mode import is_grad_enabled, set_grad_enabled, thread
from tinynet.tensor.core import Tensor


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add to `.grad` of every leaf the gradient of the sum over `tensors` of <tensor, its grad_tensor>.

    Args:    tensors, grad_tensors: a Tensor or a sequence of them; a gradient may be None for a tensor of one element
             retain_graph: keep what was saved, so that backward can pass again; default: create_graph
             create_graph: record backward itself, so that gradients can be differentiated
             inputs: leaves, a Tensor or a sequence: only their `.grad` is added to
    Raises:  RuntimeError: a tensor records nothing, a gradient is missing or has another shape, or no inputs
    """
    roots, gradients = _roots(tensors, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _Walk(create_graph, retain).run(roots, gradients)
        return
    leaves = _as_sequence(inputs)
    if not leaves:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    _check_require_grad(leaves)
    walk = _Walk(create_graph, retain, [edge_of(leaf) for leaf in leaves])
    for leaf, gradient in zip(leaves, walk.run(roots, gradients), strict=True):
        if gradient is not None:
            with set_grad_enabled(create_graph):
                AccumulateGrad(leaf).accumulate(gradient, owned=False)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the outputs with respect to the inputs; `.grad` of leaves is not touched.

    Args:    as `backward`; allow_unused: give None for an input that the outputs do not depend on, or zeros with
             materialize_grads; is_grads_batched: only False
    Raises:  RuntimeError: as `backward`; an input requires no gradient, or is not used and allow_unused is False
             ValueError: materialize_grads with allow_unused=False; NotImplementedError: is_grads_batched
    """
    if is_grads_batched:
        raise NotImplementedError(
            "is_grads_batched=True is not implemented: call grad once for each gradient"
        )
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True")
    roots, gradients = _roots(outputs, grad_outputs)
    wanted = _as_sequence(inputs)
    _check_require_grad(wanted)
    retain = create_graph if retain_graph is None else retain_graph
    found = _Walk(create_graph, retain, [edge_of(tensor) for tensor in wanted]).run(roots, gradients)
    if materialize_grads:
        found = [
            _zeros(x) if gradient is None else gradient for x, gradient in zip(wanted, found, strict=True)
        ]
    elif not allow_unused and any(gradient is None for gradient in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _as_sequence(value: Any) -> list[Any]:
    return [value] if isinstance(value, Tensor) else list(value)


def _check_require_grad(tensors: Sequence[Tensor]) -> None:
    for tensor in tensors:
        if not tensor.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")


def _zeros(x: Tensor) -> Tensor:
    return Tensor(array_module(x.array).zeros_like(x.array))


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
            gradients[i] = Tensor(array_module(root.array).ones_like(root.array))
        elif gradient.array.shape != root.array.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {list(gradient.shape)} and output[{i}] "
                f"has a shape of {list(root.shape)}."
            )
        else:
            gradients[i] = gradient.to(root.dtype)
    return roots, gradients


class _Sum:
    """The sum of several gradients that have arrived at one place, in an array of its own."""

    __slots__ = ("value",)

    def __init__(self, first: Tensor, second: Tensor) -> None:
        later = None if is_grad_enabled() else delayed_gradients.sum_of_gradients(first, second)
        self.value = first + second if later is None else later

    def add(self, gradient: Tensor) -> None:
        if is_grad_enabled():
            self.value = self.value + gradient
        else:
            self.value.array += gradient.array


class _Walk:
    """One walk from the roots, into `.grad` of all leaves or only to the wanted edges."""

    def __init__(self, create_graph: bool, retain_graph: bool, wanted: list[Edge] | None = None) -> None:
        self.create_graph, self.retain_graph, self.wanted = create_graph, retain_graph, wanted
        self.found: dict[Edge, Tensor] = {}
        self.keys = set(wanted or ())
        self.leads: set[Node] | None = None
        """The nodes below the roots from which a wanted edge can be reached; None: all."""
        self.arrived: dict[Node, list[Any]] = {}
        """Of each node that waits for its turn, the gradients of its outputs so far: Tensor, _Sum or None."""
        self.ready: list[tuple[int, Node]] = []
        self.leaves: list[Tensor] = []
        """The leaves whose `.grad` this walk has added to."""

    def run(self, roots: list[Tensor], gradients: list[Tensor]) -> list[Tensor | None]:
        """Walk, and return the gradients of the wanted edges."""
        edges = [edge_of(root) for root in roots]
        if self.wanted is not None:
            self.leads = _leading_to(self.keys, edges)
        quiet = thread.state.quiet
        warnings = warnings_off()
        ahead = contextlib.nullcontext() if self.create_graph else run_ahead.block()
        with set_grad_enabled(self.create_graph), ahead as waits:
            thread.state.quiet = True
            try:
                for edge, gradient in zip(edges, gradients, strict=True):
                    gradient._own_memory = False  # the caller has it too
                    self._send(edge, gradient)
                while self.ready:
                    self._visit(heapq.heappop(self.ready)[1])
                if waits:  # now, beside the kernels, and not when an optimizer asks for them one by one
                    delayed.will_finish([leaf._grad for leaf in self.leaves])
            finally:
                thread.state.quiet = quiet
                warnings_back(warnings)
        return [self.found.get(edge) for edge in self.wanted or ()]

    def _send(self, edge: Edge, gradient: Tensor) -> None:
        node, index = edge
        waiting = self.arrived.get(node)
        if waiting is None:
            waiting = self.arrived[node] = [None] * len(node.outputs)
            heapq.heappush(self.ready, (-node.order, node))
        present = waiting[index]
        if present is None:
            waiting[index] = gradient
        elif type(present) is _Sum:
            present.add(gradient)
        else:
            waiting[index] = _Sum(present, gradient)

    def _visit(self, node: Node) -> None:
        """Take the gradients of a node's outputs, all of which have arrived by now, and hand on those of its inputs."""
        sums = self.arrived.pop(node)
        if type(node) is AccumulateGrad:
            (total,) = sums
            if type(total) is _Sum:
                self._visit_leaf(node, total.value, owned=True)
            else:
                self._visit_leaf(node, total, owned=total._own_memory)
            return
        grads = [total.value if type(total) is _Sum else total for total in sums]
        if node.hooks is not None or node.retained is not None:
            _run_hooks(node, grads)
        if self.wanted is not None:
            for index, gradient in enumerate(grads):
                if gradient is not None and (node, index) in self.keys:
                    self.found[node, index] = gradient
            if node not in (self.leads or ()):
                return
        if len(grads) > 1 and node.materialize_grads and any(gradient is None for gradient in grads):
            _fill_with_zeros(node, grads)
        self._differentiate(node, grads)
        if not self.retain_graph:
            node.release()

    def _visit_leaf(self, node: AccumulateGrad, gradient: Tensor, owned: bool) -> None:
        leaf = node.variable
        if leaf._hooks:
            gradient, owned = _hooked(leaf._hooks, gradient), False
        if self.wanted is None:
            node.accumulate(gradient, owned)
            self.leaves.append(leaf)
            if leaf._post_accumulate_hooks:
                for hook in list(leaf._post_accumulate_hooks.values()):
                    hook(leaf)
        elif (node, 0) in self.keys:
            self.found[node, 0] = gradient

    def _differentiate(self, node: Node, grads: list[Any]) -> None:
        """Run one node's backward for the gradients that are wanted of it, check what it returns, and hand it on."""
        edges, needed = node.edges, node.needs_input_grad
        if self.leads is None:
            result = node.function.backward(node, *grads)
        else:
            leads, keys = self.leads, self.keys
            before, needed = (
                needed,
                tuple([edge is not None and (edge[0] in leads or edge in keys) for edge in edges]),
            )
            node.needs_input_grad = needed
            try:
                result = node.function.backward(node, *grads)
            finally:
                node.needs_input_grad = before
        results = result if type(result) is tuple else (result,)
        if len(results) != len(edges) and (
            len(results) < len(edges) or any(gradient is not None for gradient in results[len(edges) :])
        ):
            raise RuntimeError(
                f"{node.name()} returned an incorrect number of gradients (expected {len(edges)}, got {len(results)})"
            )
        if thread.state.anomaly is not None:
            anomaly.check(node, results)
        for i, (edge, gradient, need) in enumerate(zip(edges, results, needed, strict=False)):
            if need and edge is not None and gradient is not None:
                gradient, leaf = _checked(node, i, edge, gradient), edge[0]
                # Of a leaf that has one use, and is no root of this walk, nothing else will arrive.
                if type(leaf) is AccumulateGrad and leaf.uses == 1 and leaf not in self.arrived:
                    self._visit_leaf(leaf, gradient, owned=gradient._own_memory)
                else:
                    self._send(edge, gradient)


def _checked(node: Node, i: int, edge: Edge, gradient: Any) -> Tensor:
    meta = edge[0].outputs[edge[1]]
    assert meta is not None
    shape, dtype = meta
    if not isinstance(gradient, Tensor):
        raise TypeError(
            f"Function {node.name()} returned {type(gradient).__name__} at index {i}, expected a Tensor or None"
        )
    # Said of every gradient anew: one that a function only hands on may go to several places.
    if gradient._own_memory is not node.function.new_gradients:
        gradient._own_memory = node.function.new_gradients
    array = delayed.outline(gradient)
    if array.shape != shape:
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient at index {i} - got {list(gradient.shape)} "
            f"but expected shape compatible with {list(shape)}"
        )
    return gradient if array.dtype == dtype else gradient.to(dtype)


def _fill_with_zeros(node: Node, grads: list[Any]) -> None:
    """Replace the gradients of outputs that nothing used."""
    xp = array_module(*(delayed.unfinished(gradient) for gradient in grads if gradient is not None))
    for index, meta in enumerate(node.outputs):
        if grads[index] is None and meta is not None:
            grads[index] = Tensor(xp.zeros(*meta))


def _run_hooks(node: Node, grads: list[Any]) -> None:
    """Call the hooks on the gradients of a node's outputs, then leave them in `.grad` where that is wanted."""
    for index, gradient in enumerate(grads):
        if gradient is None:
            continue
        if node.hooks is not None and index in node.hooks:
            gradient = grads[index] = _hooked(node.hooks[index], gradient)
        y = node.retained[index]() if node.retained is not None and index in node.retained else None
        if y is not None:
            AccumulateGrad(y).accumulate(gradient, owned=False)


def _hooked(hooks: dict[int, Any], gradient: Tensor) -> Tensor:
    """Return the gradient after the hooks have seen it: each may return another."""
    for hook in list(hooks.values()):
        result = hook(gradient)
        if result is None:
            continue
        if not isinstance(result, Tensor) or result.array.shape != gradient.array.shape:
            what = f"shape {list(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise RuntimeError(f"hook has changed the gradient of shape {list(gradient.shape)} to {what}")
        gradient = result
    return gradient


def _leading_to(keys: set[Edge], roots: list[Edge]) -> set[Node]:
    """Return the nodes below the roots from which a wanted edge can be reached, and no others."""
    below: set[Node] = set()
    stack = [node for node, _ in roots]
    while stack:
        node = stack.pop()
        if node not in below:
            below.add(node)
            stack.extend([edge[0] for edge in node.edges if edge is not None])
    leads: set[Node] = set()
    for node in sorted(below, key=lambda node: node.order):
        if any(edge is not None and (edge in keys or edge[0] in leads) for edge in node.edges):
            leads.add(node)
    return leads
