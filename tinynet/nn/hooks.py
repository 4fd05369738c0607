"""Hooks of modules: functions called before and after forward, and when the gradients of its inputs are known."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from tinynet.autograd import Function
from tinynet.backend import array_module
from tinynet.grad_mode import is_grad_enabled
from tinynet.tensor import Tensor
from tinynet.tensor.hooks import RemovableHandle


class HookMethods:
    """Registration of hooks on calls of the module, and the call of a module that has some."""

    _forward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _forward_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_hooks: OrderedDict[int, Callable[..., Any]]
    _hooks_with_kwargs: set[int]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before forward; what it returns, if anything, takes the place of args.

        Args:    prepend: call it before the hooks that are there already
                 with_kwargs: call hook(module, args, kwargs), which returns (args, kwargs) if anything
        """
        return self._hook(self._forward_pre_hooks, hook, prepend, with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call hook(module, args, output) after forward; what it returns, if anything, takes the place of output.

        Args:    prepend: call it before the hooks that are there already
                 with_kwargs: call hook(module, args, kwargs, output)
        Raises:  NotImplementedError: always_call=True
        """
        if always_call:
            raise NotImplementedError("register_forward_hook: always_call=True is not supported")
        return self._hook(self._forward_hooks, hook, prepend, with_kwargs)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_output) when the gradients of the outputs are known; its result replaces them."""
        return self._hook(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the gradients of the positional inputs are known.

        Both are tuples, None where there is no tensor; also for an output that nothing used, while an input without
        influence has zeros. What the hook returns, if anything, replaces grad_input.
        If no input requires a gradient it is called when those of the outputs are known.
        """
        return self._hook(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register a full backward hook: torch's older name.

        Differs from torch: there grad_input is that of the last operation inside, here that of the module's inputs.
        """
        return self.register_full_backward_hook(hook)

    def _hook(
        self,
        hooks: OrderedDict[int, Callable[..., Any]],
        hook: Callable[..., Any],
        prepend: bool = False,
        with_kwargs: bool = False,
    ) -> RemovableHandle:
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        if with_kwargs:
            self._hooks_with_kwargs.add(handle.id)
        return handle

    def _call_with_hooks(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call forward between its hooks."""
        for number, hook in list(self._forward_pre_hooks.items()):
            args, kwargs = self._before(number, hook, args, kwargs)
        watch = None
        if self._backward_hooks or self._backward_pre_hooks:
            watch = _Watch(self)
            args = watch.inputs(args)
        output = self.forward(*args, **kwargs)
        for number, hook in list(self._forward_hooks.items()):
            given = (args, kwargs) if number in self._hooks_with_kwargs else (args,)
            changed = hook(self, *given, output)
            output = output if changed is None else changed
        return output if watch is None else watch.outputs(output)

    def _before(
        self, number: int, hook: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Call one hook before forward, and return the arguments as it wants them."""
        if number in self._hooks_with_kwargs:
            changed = hook(self, args, kwargs)
            if changed is None:
                return args, kwargs
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                )
            return changed
        changed = hook(self, args)
        if changed is None:
            return args, kwargs
        return changed if isinstance(changed, tuple) else (changed,), kwargs


class _Gate(Function):
    """Tensors passed on as they are; their gradients go through `look`, which may replace them."""

    @staticmethod
    def forward(ctx: Any, look: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.look = look
        ctx.set_materialize_grads(False)
        passed = tuple(tensor.detach() for tensor in tensors)
        needed = ctx.needs_input_grad[1:]
        ctx.mark_non_differentiable(*(y for y, need in zip(passed, needed, strict=True) if not need))
        return passed

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, *ctx.look(grads)


class _Watch:
    """One call of a module with backward hooks: a gate before it and one behind it."""

    def __init__(self, module: Any) -> None:
        self.module = module
        # Hooks registered or removed later do not concern this call.
        self.hooks = list(module._backward_hooks.values())
        self.pre_hooks = list(module._backward_pre_hooks.values())
        self.grad_outputs: tuple[Any, ...] | None = None
        self.gated: list[tuple[Tensor, int]] = []

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with the tensors passed through the gate."""
        self.input_count = len(args)
        self.input_places, new = _through(self._input_gradients, args)
        gated = [new[i] for i in self.input_places or ()]
        self.gated = [(tensor, tensor._version) for tensor in gated]
        # Not the tensors: the gate is part of their graph, and would keep it alive in a cycle.
        self.layouts = [(array_module(t.array), t.array.shape, t.array.dtype) for t in gated]
        return new

    def outputs(self, output: Any) -> Any:
        """Return the output with the tensors passed through the gate.

        Raises:  RuntimeError: forward has changed an input in place, which would have cut it from its gradient
        """
        if any(tensor._version != version for tensor, version in self.gated):
            raise RuntimeError(
                f"{type(self.module).__name__} has a backward hook and changes its input in place: set inplace=False"
            )
        self.gated = []
        if not isinstance(output, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                f"but received {type(output)}",
                stacklevel=4,
            )
            return output
        outputs = output if isinstance(output, tuple) else (output,)
        self.output_count = len(outputs)
        self.output_places, new = _through(self._output_gradients, outputs)
        return new if isinstance(output, tuple) else new[0]

    def _output_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        places = self.output_places or ()
        given = _spread(places, grads, self.output_count)
        for hook in self.pre_hooks:
            given = _replaced(given, hook(self.module, given), "grad_output")
        self.grad_outputs = given
        if self.input_places is None:
            for hook in self.hooks:
                changed = hook(self.module, (None,) * self.input_count, given)
                if changed is not None and any(gradient is not None for gradient in changed):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None"
                    )
            self.grad_outputs = None
        return tuple(given[i] for i in places)

    def _input_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:  # reached by another way than through the outputs
            return grads
        places = self.input_places or ()
        known = [
            Tensor(xp.zeros(shape, dtype)) if gradient is None else gradient
            for gradient, (xp, shape, dtype) in zip(grads, self.layouts, strict=True)
        ]
        given = _spread(places, known, self.input_count)
        for hook in self.hooks:
            given = _replaced(given, hook(self.module, given, self.grad_outputs), "grad_input")
        self.grad_outputs = None
        return tuple(given[i] for i in places)


def _through(look: Any, values: tuple[Any, ...]) -> tuple[Sequence[int] | None, tuple[Any, ...]]:
    """Pass the tensors among the values through a gate; return their places, None if none needs a gradient."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return None, values
    new = list(values)
    for i, tensor in zip(places, _Gate.apply(look, *(values[i] for i in places)), strict=True):
        new[i] = tensor
    kind = type(values)
    return places, tuple(new) if kind is tuple else kind(*new)


def _spread(places: Sequence[int], values: Sequence[Any], count: int) -> tuple[Any, ...]:
    """Put the values at their places among None."""
    spread: list[Any] = [None] * count
    for i, value in zip(places, values, strict=True):
        spread[i] = value
    return tuple(spread)


def _replaced(before: tuple[Any, ...], after: Any, name: str) -> tuple[Any, ...]:
    """Return what a hook made of the gradients, having checked their number."""
    if after is None:
        return before
    after = (after,) if isinstance(after, Tensor) else tuple(after)
    if len(after) != len(before):
        raise RuntimeError(
            f"Backward hook returned an invalid number of {name}, got {len(after)}, but expected {len(before)}"
        )
    return after
