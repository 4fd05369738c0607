"""Tensors that share memory: how they know of each other's in-place changes.

A view (a slice, a transpose, a reshape without copying) shares its base's version counter, which counts the changes of
the memory; a tensor saved for backward that has changed since is an error. A view also remembers how it was made
from its base, so that both directions work as in torch: after a recorded change of the view, the base's history
goes through it (ops/inplace.py), and after a change of the base, the view's history is made anew from the base's.

Results of convolutions lie channels last, where torch's lie row by row. A shape that torch would give a view of them is
then a copy; it is linked with its source (`mirror`), and ops/inplace.py writes changes of each into the other.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from tinynet.autograd import delayed
from tinynet.backend import array_module
from tinynet.grad_mode import enable_grad, thread
from tinynet.tensor.core import Tensor


class View:
    """How a tensor was made from its base: one function after another, the last one here, the others in `parent`."""

    __slots__ = ("args", "base", "base_fn", "function", "parent")

    def __init__(self, base: Tensor, parent: View | None, function: Any, args: tuple[Any, ...]) -> None:
        self.base, self.parent, self.function, self.args = base, parent, function, args
        self.base_fn = base._grad_fn
        """The base's history that the view's own history is made from."""

    def steps(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """List the functions, with their arguments after the tensor, that lead from the base to the view."""
        steps = []
        view: View | None = self
        while view is not None:
            steps.append((view.function, view.args))
            view = view.parent
        return steps[::-1]


def replay(tensor: Tensor, steps: Sequence[tuple[Any, tuple[Any, ...]]]) -> Tensor:
    """Return the view of a tensor that the steps lead to."""
    for function, args in steps:
        tensor = function.apply(tensor, *args)
    return tensor


def track(args: Sequence[Any], y: Any, function: Any) -> None:
    """Note that y, which a view function has made of args[0], may share its memory."""
    x = args[0]
    a, b = delayed.unfinished(x), delayed.unfinished(y)
    if b.base is None or not (b.base is a or b.base is a.base or array_module(a).may_share_memory(a, b)):
        return  # a copy after all
    y._counter = x.version_counter()
    parent = how_made(x)
    made = View(x if parent is None else parent.base, parent, function, tuple(args[1:]))
    if thread.state.enabled:
        y._view = made
    else:
        y._made = made


def how_made(x: Tensor) -> View | None:
    """Return how x was made from a tensor that shares its memory, recorded or not; None if it was not."""
    return x._view or x._made


class Link:
    """A copy that would share memory in torch: with a tensor, or with the view of it that the steps lead to."""

    def __init__(self, x: Tensor, copy: Tensor) -> None:
        made = how_made(x)
        self.steps = [] if made is None else made.steps()
        # Weak: the counters of their memory hold the link. Every view of a tensor keeps it alive.
        self.base, self.copy = weakref.ref(x if made is None else made.base), weakref.ref(copy)

    def ends(self) -> tuple[Tensor, Tensor] | None:
        """Return tensor and copy, None if nothing has the memory of one of them any more."""
        base, copy = self.base(), self.copy()
        return None if base is None or copy is None else (base, copy)


def mirror(x: Tensor, copy: Tensor) -> None:
    """Note that a copy of x in another shape would share its memory in torch: changes of each reach the other.

    Not where the user asked for x, or for what it is a view of, to lie channels last: there torch copies too.
    """
    made = how_made(x)
    if (x if made is None else made.base)._channels_last:
        return
    link = Link(x, copy)
    for counter in (x.version_counter(), copy.version_counter()):
        counter.links = [*(known for known in counter.links if known.ends() is not None), link]


def refresh(y: Tensor) -> None:
    """Make a view's history anew if that of its base has changed since."""
    view = y._view
    if view.base._grad_fn is not view.base_fn:
        with enable_grad():
            again = replay(view.base, view.steps())
        y._grad_fn, y.output_index, y._requires_grad = (
            again._grad_fn,
            again.output_index,
            again._requires_grad,
        )
        view.base_fn = view.base._grad_fn


def adopt(x: Tensor, result: Tensor) -> None:
    """Give x the history of `result`, whose values its memory holds by now."""
    x._grad_fn, x.output_index, x._requires_grad = result._grad_fn, result.output_index, result._requires_grad
    x.version_counter()[0] += 1
