"""Function: an operation and its derivative, and how it is applied and recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.autograd import anomaly, views
from tinynet.autograd.node import Node
from tinynet.backend import warnings_back, warnings_off
from tinynet.grad_mode import no_grad, thread
from tinynet.tensor.core import Tensor


class Function:
    """Base class of differentiable operations, used as torch's `autograd.Function`.

    A subclass has two static methods. `forward(ctx, *args)` gets Tensors and anything else, runs unrecorded, and
    returns one Tensor or a tuple of Tensors. `backward(ctx, *grads)` gets one gradient Tensor an output and
    returns one an argument of forward, None for arguments that are no Tensors or whose
    `ctx.needs_input_grad` is False. It is written with operations on Tensors, so that it has a gradient too.
    torch's newer form, forward(*args) and setup_context(ctx, inputs, output), works as well.
    """

    is_view = False
    """Whether forward's result may share the memory of its first argument."""
    new_gradients = False
    """Whether each gradient that backward returns has memory of its own: a leaf's `.grad` need not copy it."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Map the gradients of the outputs to those of the arguments."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads)")

    setup_context: Callable[..., None] | None = None

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward on the arguments and record it if a gradient can be asked for.

        Raises:  RuntimeError: the arguments live on different devices
        """
        ctx = Node(cls)
        state = thread.state
        enabled, recording = state.enabled, False
        if enabled:
            needs = [
                isinstance(arg, Tensor) and (arg._requires_grad if arg._view is None else arg.requires_grad)
                for arg in args
            ]
            ctx.needs_input_grad, recording = tuple(needs), True in needs
            state.enabled = False
        else:
            ctx.needs_input_grad = (False,) * len(args)
        # Overflow, x/0 and inf-inf make inf and NaN without a warning, as in torch.
        warnings = None if state.quiet else warnings_off()
        try:
            result = cls.forward(ctx, *args) if cls.setup_context is None else cls._set_up(ctx, *args)
        except TypeError:
            _check_one_device(args)
            raise
        finally:
            state.enabled = enabled
            if warnings is not None:
                warnings_back(warnings)
        if cls.is_view:
            views.track(args, result, cls)
        if recording:
            result = _record(ctx, args, result)
        if state.anomaly is not None:
            anomaly.watch(ctx, args, result if type(result) is tuple else (result,))
        return result

    @classmethod
    def _set_up(cls, ctx: Node, *args: Any) -> Any:
        """Run forward in torch's newer form."""
        result = cls.forward(*args)
        assert cls.setup_context is not None
        cls.setup_context(ctx, args, result)
        return result


def quietly(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that computes, as `apply` calls forward: without NumPy's floating-point warnings."""
    if thread.state.quiet:
        return function(*args)
    warnings = warnings_off()
    try:
        return function(*args)
    finally:
        warnings_back(warnings)


def _record(ctx: Node, args: Sequence[Any], result: Any) -> Any:
    """Record an applied function, and return its result."""
    outputs = result if type(result) is tuple else (result,)
    for i, y in enumerate(outputs):
        for arg in args:
            if y is arg and isinstance(y, Tensor):
                if any(y is changed for changed in ctx.dirty):
                    _record_dirty(ctx, args, outputs)
                    return result
                # An argument handed back unchanged becomes a new tensor: recording would rewire the argument itself.
                outputs = (*outputs[:i], y.detach(), *outputs[i + 1 :])
    ctx.record(args, outputs)
    return outputs if type(result) is tuple else outputs[0]


def _record_dirty(ctx: Node, args: Sequence[Any], outputs: tuple[Any, ...]) -> None:
    """Record a function that has changed arguments in place: they take the history of the outputs."""
    fresh = tuple(y.detach() if any(y is changed for changed in ctx.dirty) else y for y in outputs)
    ctx.record(args, fresh)
    for y, new in zip(outputs, fresh, strict=True):
        if y is not new:
            views.adopt(y, new)


def _check_one_device(args: Sequence[Any]) -> None:
    """Say of arguments that could not be computed with that they live on different devices, if that is so."""
    names = sorted({str(arg.device) for arg in args if isinstance(arg, Tensor)})
    if len(names) > 1:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {' and '.join(names)}!"
        ) from None


class _NotTwice(Function):
    """The gradients of a backward that cannot be differentiated: the same values, and an error behind them."""

    @staticmethod
    def forward(ctx: Any, name: str, count: int, *tensors: Any) -> Any:
        ctx.name = name
        return tuple(Tensor(tensor.array) for tensor in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            f"trying to differentiate twice a function that was marked with @once_differentiable: {ctx.name}"
        )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a backward that is not made of recorded operations: a second derivative raises instead of being wrong."""

    @functools.wraps(backward)
    def marked(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = backward(ctx, *grads)
        if not thread.state.enabled:
            return results
        found = results if isinstance(results, tuple) else (results,)
        given = [i for i, gradient in enumerate(found) if gradient is not None]
        depends = [t for t in (*grads, *ctx.saved_tensors) if isinstance(t, Tensor) and t.requires_grad]
        guarded = _NotTwice.apply(ctx.name(), len(given), *(found[i] for i in given), *depends)
        new: list[Any] = [None] * len(found)
        for i, gradient in zip(given, guarded, strict=True):
            new[i] = gradient
        return tuple(new)

    return marked
