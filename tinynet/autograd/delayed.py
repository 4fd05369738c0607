"""Tensors whose values are computed later, in one pass together with what follows: how chains are fused.

Batch normalisation knows from the statistics of its input how it will scale and shift each channel. Instead of writing
the result it returns a DelayedTensor that remembers this. If a ReLU comes next, or the sum with a shortcut and then a
ReLU, one kernel writes what comes out at the end, and memory is passed over once instead of two or three times. On the
way back the ReLU hands on a gradient that remembers where it passes, and batch normalisation reads it so.

Whoever asks a DelayedTensor for its `.array` gets it: the values are computed then, once, and the tensor is an ordinary
one from there on. The graph, hooks, and every bit of the results are as without delay (TINYNET_FUSION=off).

What a delayed tensor is computed from must not change before. Operations in place ask for the values that wait for
that memory first (`settle`), and so does what hands memory out to NumPy; images that were handed out are never delayed
upon (`memory.is_private`). A program that writes into `.array` itself, or by NumPy into a layer's weights while its
model runs, is as little noticed here as by version counters.

Another thread may be the one that changes memory in place. So an expression is read and computed, or made part of
another one, under one lock.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable
from threading import get_ident
from typing import Any

import numpy as np

from tinynet import run_ahead, switches
from tinynet.autograd.expressions import PLAIN, Affine, Convolved, Running, Sum, waits_for_convolution
from tinynet.backend import Array
from tinynet.grad_mode import thread
from tinynet.kernels.generic import fused
from tinynet.memory import empty, is_private
from tinynet.tensor.core import Tensor
from tinynet.tensor.size import Size

enabled: bool | None = None
"""Whether chains are fused; None until the first that could be has read TINYNET_FUSION."""


def _read_switch() -> bool:
    global enabled
    enabled = switches.read("TINYNET_FUSION") == "on"
    return enabled


_waiting: dict[int, weakref.ref[DelayedTensor]] = {}
"""The tensors that wait, by their `id`; those that have died meanwhile are forgotten by `settle`."""
_lock = threading.RLock()


def _forget_after_fork() -> None:
    """The lock may have been held by a thread that the child does not have."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


class DelayedTensor(Tensor):
    """A tensor that remembers what to compute; see the module."""

    _expression: Any = None
    """What to compute; None once that is done."""
    shared = False
    """Of a gradient: whether more than one operation will read it."""

    def __new__(cls, expression: Any) -> DelayedTensor:
        """Make one that waits."""
        y = object.__new__(cls)
        y._expression = expression
        _waiting[id(y)] = weakref.ref(y)  # without the lock: one step, and nobody else has y yet
        return y

    def __init__(self, expression: Any) -> None:
        """Leave the array unset: that is what makes it delayed."""

    def __getattr__(self, name: str) -> Any:
        """Compute the array when it is first asked for."""
        if name == "array":
            with _lock:
                expression = expression_of(self)
                if expression is not None:
                    array = expression.compute()
                    run_ahead.wait()
                    become(self, array)
            if "array" in self.__dict__:
                return self.__dict__["array"]
        raise AttributeError(f"'Tensor' object has no attribute {name!r}")

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copy and pickle as the ordinary tensor."""
        self.array  # noqa: B018
        return self.__reduce_ex__(protocol)

    # Of these and of `unfinished` a step asks hundreds of times: they do not call `expression_of`.

    @property
    def shape(self) -> Size:
        """Sizes of the axes."""
        expression = self._expression
        return Size((self.array if expression is None else expression.x).shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        expression = self._expression
        return (self.array if expression is None else expression.x).ndim

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the elements."""
        expression = self._expression
        return (self.array if expression is None else expression.x).dtype

    def numel(self) -> int:
        """Return the number of elements."""
        expression = self._expression
        return int((self.array if expression is None else expression.x).size)

    def is_floating_point(self) -> bool:
        """Return whether the elements are real numbers, so that a gradient exists."""
        expression = self._expression
        return bool((self.array if expression is None else expression.x).dtype.kind == "f")

    @property
    def data(self) -> Tensor:
        """The memory as a tensor outside the graph; assigning replaces what would have been computed."""
        return Tensor(self.array)

    @data.setter
    def data(self, other: Tensor) -> None:
        become(self, other.array)


DelayedTensor.__name__ = DelayedTensor.__qualname__ = "Tensor"
DelayedTensor.__module__ = Tensor.__module__


def expression_of(x: Any) -> Any:
    """Return what a tensor that waits will compute, None of any other value."""
    # In one step: another thread may compute it at any moment.
    return x._expression if type(x) is DelayedTensor else None


def outline(x: Tensor) -> Array:
    """Return an array of the shape and dtype of a tensor, whose values may be others: they are not computed."""
    if type(x) is DelayedTensor:
        expression = x._expression
        if expression is not None:
            return expression.x
    return x.array


def running(array: Array) -> Tensor:
    """Return the tensor of what a kernel returned: it waits if the kernel may have been left running."""
    if run_ahead.thread != get_ident():
        return Tensor(array)
    y = Tensor.__new__(DelayedTensor)
    y._expression = Running(array)
    return y


def unfinished(x: Tensor) -> Array:
    """Return the array of a tensor for a kernel that may be left running; it may still be written itself."""
    if type(x) is not DelayedTensor or run_ahead.thread != get_ident():
        return x.array
    expression = x._expression
    if type(expression) is Running:  # whoever looks at the values first changes nothing here
        return expression.x
    with _lock:
        expression = expression_of(x)
        if expression is None:
            return x.array
        array = expression.compute()
        if type(expression) is not Running:
            take_values(x, array)
        return array


def written(x: Tensor) -> None:
    """Note that a kernel that may have been left running writes into the array of a tensor."""
    if type(x) is Tensor and run_ahead.allowed():
        with _lock:
            x.__class__ = DelayedTensor
            x._expression = Running(x.array)  # type: ignore[attr-defined]
            del x.array
    elif type(x) is not DelayedTensor:
        run_ahead.wait()


def take_values(x: DelayedTensor, array: Array) -> None:
    """Let a tensor that waits have the values of an array, which may still be written."""
    if not run_ahead.allowed():
        become(x, array)
        return
    with _lock:
        x._expression = Running(array)
        _waiting.pop(id(x), None)


def become(x: DelayedTensor, array: Array) -> None:
    """Make an ordinary tensor of a delayed one."""
    with _lock:
        x.array = array
        x.__class__ = Tensor  # type: ignore[assignment]
        x._expression = None
        _waiting.pop(id(x), None)


def will_finish(tensors: Iterable[Any]) -> None:
    """Make ordinary tensors of those whose kernels were asked for, before all are waited for."""
    with _lock:
        for x in tensors:
            expression = expression_of(x)
            if type(expression) is Running:
                become(x, expression.x)


def settle(*changing: Array) -> None:
    """Compute what still waits for the values in these arrays: they are about to change."""
    run_ahead.wait()
    if not _waiting:
        return
    with _lock:
        for tensor in _those_that_wait():
            if _depends(tensor._expression, changing):
                tensor.array  # noqa: B018


def _those_that_wait() -> list[DelayedTensor]:
    """Return all tensors that wait for values, and forget those that have died; to be called under the lock."""
    found = []
    for key, reference in list(_waiting.items()):
        tensor = reference()
        if tensor is None:
            _waiting.pop(key, None)
        else:
            found.append(tensor)
    return found


def _depends(expression: Any, changing: tuple[Array, ...]) -> bool:
    on_host = [array for array in changing if isinstance(array, np.ndarray)]
    return any(np.may_share_memory(read, array) for read in expression.reads() for array in on_host)


def take_over(x: Any, result: Tensor) -> bool:
    """Let a tensor that waits be another one, which nothing else will use; return whether it waits still.

    What it waited for is not computed.
    """
    with _lock:
        if type(x) is not DelayedTensor:
            return False
        expression = expression_of(result)
        if expression is None:
            become(x, result.array)
        else:
            x._expression = expression
    return True


def possible(x: Array) -> bool:
    """Return whether chains that begin with this array are fused: accelerated kernels cover them."""
    kernel = fused.channel_affine.kernel  # type: ignore[attr-defined]
    return may_wait(x) and kernel.select(x) is not kernel.generic


def may_wait(x: Array) -> bool:
    """Return whether what begins with this array may be computed later."""
    return is_private(x) and anything_may_wait()


def anything_may_wait() -> bool:
    """Return whether values may be computed later at all."""
    if not (_read_switch() if enabled is None else enabled):
        return False
    state = thread.state
    # Hooks on what is saved may bring back other values, or expect x to be given up.
    return state.anomaly is None and state.saved_tensors_hooks is None


def _lies_alike(x: Array, y: Array) -> bool:
    return x.shape == y.shape and x.strides == y.strides and x.dtype == y.dtype and is_private(y)


COPIED = 1 << 16
"""Numbers up to which a copy costs less than what waiting saves: those of an image of 147 x 147 pixels."""


def convolved(
    x: Array, weight: Array, bias: Array | None, size: tuple[int, int], geometry: tuple[Any, ...]
) -> Tensor | None:
    """Return a convolution that nothing is differentiated through, later; None if it is to be computed now.

    It waits only inside a module (run_ahead.py), at the end of which it is computed: weights are changed outside.
    Results of one pixel do not wait: they would lie channels last, where normalisation lays them by planes and then
    runs by NumPy, whose last bits are others. Of a small x that is not private, such as the image that the user gave,
    a copy is read.

    Args:    size: height and width of the result; geometry: stride, padding, dilation and groups
    """
    if not run_ahead.allowed() or not anything_may_wait() or size == (1, 1):
        return None
    private = is_private(x)
    if not private and x.size > COPIED:
        return None
    memory = empty(len(x), *size, len(weight)).transpose(0, 3, 1, 2)
    if not is_private(memory):
        return None
    kernel = fused.conv2d_finished_.kernel  # type: ignore[attr-defined]
    chosen = kernel.select(memory, x, weight, bias, *geometry, *PLAIN)
    if chosen is kernel.generic:
        return None
    if not private:
        run_ahead.wait()
        x = x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    expression = Convolved(memory, chosen, (x, weight, bias), geometry)
    y = DelayedTensor(expression)
    expression.is_wanted = weakref.ref(y)
    return y


def finish_convolutions() -> None:
    """Compute what still waits for a convolution, or is the gradient of one."""
    with _lock:
        for tensor in _those_that_wait():
            if waits_for_convolution(tensor._expression):
                unfinished(tensor)
        _means.clear()


run_ahead.at_end(finish_convolutions)


def convolution_of(x: Tensor) -> Convolved | None:
    """Return the convolution whose results a tensor waits for, if that is all it waits for."""
    expression = expression_of(x)
    return expression if type(expression) is Convolved else None


def scaled_and_shifted(affine: Affine) -> DelayedTensor:
    """Return x * scale + shift, later."""
    if affine.statistics is not None:
        _means.add(id(affine.statistics[0]))
    return DelayedTensor(affine)


_means: set[int] = set()
"""The running means, by their `id`, that something may wait to be normalised with."""


def settle_statistics(mean: Array, var: Array) -> None:
    """Do as `settle` before running statistics change, which they do at every step, but wait only if it must be."""
    if id(mean) in _means:
        settle(mean, var)


def added(x: Any, y: Any) -> DelayedTensor | None:
    """Return x + y, later, if one of them is an Affine that waits; None if they are to be added now."""
    if type(x) is not DelayedTensor:
        x, y = y, x
    with _lock:
        first = expression_of(x)
        if type(first) is not Affine or not isinstance(y, Tensor):
            return None
        second = expression_of(y)
        if type(second) is Affine:
            return DelayedTensor(Sum(first, second)) if _lies_alike(first.x, second.x) else None
        if second is not None and not isinstance(second, Running | Convolved):
            return None
        array = unfinished(y)
        return DelayedTensor(Sum(first, array)) if _lies_alike(first.x, array) else None


def positive_part(x: Any) -> tuple[Array | None, Affine | None]:
    """Return relu(x) of a tensor that waits, and the Affine if that is all it is; (None, None) of another tensor."""
    if type(x) is not DelayedTensor:
        return None, None
    with _lock:
        expression = expression_of(x)
        if not isinstance(expression, Affine | Sum):
            return None, None
        return expression.compute(relu=True), expression if type(expression) is Affine else None
