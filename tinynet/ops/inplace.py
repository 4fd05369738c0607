"""What all in-place operations share: the result goes into the tensor's memory, its history becomes the tensor's."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import delayed, views
from tinynet.autograd.delayed import DelayedTensor
from tinynet.autograd.function import Function
from tinynet.backend import array_module
from tinynet.grad_mode import thread
from tinynet.ops.promotion import RANK, fit
from tinynet.ops.shape import Reshape
from tinynet.tensor.core import Tensor


class Overwrite(Function):
    """The new values of a tensor that is overwritten: the old ones have no influence, their gradient is zero."""

    @staticmethod
    def forward(ctx: Any, old: Tensor, new: Tensor) -> Tensor:
        return Tensor(new.array)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_old, need_new = ctx.needs_input_grad
        zeros = Tensor(array_module(grad.array).zeros_like(grad.array)) if need_old else None
        return zeros, grad if need_new else None


class CopySlices(Function):
    """The base of a view after the view has changed: `new` where the view lies, its old values elsewhere."""

    @staticmethod
    def forward(ctx: Any, base: Tensor, new: Tensor, steps: list[Any]) -> Tensor:
        ctx.steps, ctx.layout = steps, base.array
        return Tensor(base.array)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        need_base, need_new, _ = ctx.needs_input_grad
        return (
            ZeroSlices.apply(grad, ctx.steps, ctx.layout) if need_base else None,
            views.replay(grad, ctx.steps) if need_new else None,
            None,
        )


class ZeroSlices(Function):
    """A copy with zeros where a view of it lies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: list[Any], layout: Any) -> Tensor:
        ctx.steps, ctx.layout = steps, layout
        # In the memory order of the base: only there is every step a view and not a copy.
        y = Tensor(array_module(layout).empty_like(layout))
        y.array[...] = x.array
        views.replay(y, steps).array[...] = 0
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return ZeroSlices.apply(grad, ctx.steps, ctx.layout), None, None


def in_place(x: Tensor, result: Tensor, new: bool = False) -> Tensor:
    """Write the values of `result` into the memory of x, make its history that of x, and return x.

    `result` is computed from x and others by an ordinary operation. Tensors that share the memory of x see the
    change, in values and in gradients, as in torch.

    Args:    new: whether nothing else has the memory of the result, so that x may take it over
    Raises:  RuntimeError: x is a leaf that requires a gradient, or a view of one, and recording is on; the result has
             another shape, or a kind of number that the dtype of x cannot hold; elements of x share one memory location
    """
    _write(x, result, new)
    _carry_over(x, set())
    return x


def _carry_over(x: Tensor, done: set[int]) -> None:
    """Write what has changed into what would share the memory of x in torch (`views.mirror`)."""
    counter = x._counter
    if counter is None or not counter.links or id(counter) in done:
        return
    done.add(id(counter))
    for link in counter.links:
        ends = link.ends()
        if ends is None:
            continue
        base, copy = ends
        changed, source = (copy, base) if counter is base._counter else (base, copy)
        if id(changed._counter) in done:
            continue
        part = views.replay(base, link.steps)
        if changed is copy:
            _write(copy, Reshape.apply(part, copy.array.shape))
        else:
            _write(part, Reshape.apply(source, part.array.shape))
        _carry_over(changed, done)


def _write(x: Tensor, result: Tensor, new: bool = False) -> Tensor:
    """Do as `in_place`, in the memory of x alone."""
    if result is x:
        x.version_counter()[0] += 1
        return x
    recorded = thread.state.enabled and (x.requires_grad or result.requires_grad)
    base = x if x._view is None else x._view.base
    if recorded:
        _check_history(x, base)
    if new and type(x) is DelayedTensor and _take_over(x, result, recorded):
        return x
    delayed.settle(x.array)
    _check_fits(x, result)
    if not recorded:
        x.array[...] = result.array
        x.version_counter()[0] += 1
        return x
    if result.array.dtype != x.array.dtype:
        result = result.to(x.array.dtype)
    if result._grad_fn is None:
        result = Overwrite.apply(x, result)
    result._grad_fn.saved_before_change(x)
    x.array[...] = result.array
    if base is x:
        views.adopt(x, result)
    else:
        views.adopt(base, CopySlices.apply(base, result, x._view.steps()))
    result._grad_fn.saved_after_change(result, x)
    return x


def _take_over(x: DelayedTensor, result: Tensor, recorded: bool) -> bool:
    """Let a tensor that has no memory yet be the result, if it fits; return whether it does."""
    fits = result.shape == x.shape and result.dtype == x.dtype and not (recorded and result._grad_fn is None)
    if not fits or not delayed.take_over(x, result):
        return False
    if recorded:
        views.adopt(x, result)
        if type(x) is Tensor:
            result._grad_fn.saved_after_change(result, x)
    else:
        x.version_counter()[0] += 1
    return True


def view_in_place(x: Tensor, function: Any, *args: Any) -> Tensor:
    """Give x the shape of a view of it, function(x, *args), and return x: `unsqueeze_` and the like.

    Raises:  RuntimeError: x is a leaf that requires a gradient, or a view of one, and recording is on
             NotImplementedError: other tensors are views of x, or x is saved for backward: they could not go on
    """
    recorded = thread.state.enabled and x.requires_grad
    view, shared = x._view, x._counter is not None
    if recorded:
        _check_history(x, x if view is None else view.base)
        if view is None and shared:
            raise NotImplementedError(
                f"cannot change the shape {list(x.shape)} in place: other tensors share the memory, it has changed in "
                f"place before, or backward needs it as it is; use {function.__name__}, which returns a view"
            )
    result = function(x, *args)
    if result is x:
        return x
    x.array = result.array
    if thread.state.enabled and view is not None:
        x._view = result._view
    if recorded:
        views.adopt(x, result)
    else:
        x.version_counter()[0] += 1
    return x


def _check_history(x: Tensor, base: Tensor) -> None:
    if base.requires_grad and base._grad_fn is None:
        what = "a leaf" if base is x else "a view of a leaf"
        raise RuntimeError(f"{what} Variable that requires grad is being used in an in-place operation.")


def _check_fits(x: Tensor, result: Tensor) -> None:
    if result.array.shape != x.array.shape:
        raise RuntimeError(
            f"output with shape {list(x.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if RANK[result.dtype.kind] > RANK[x.dtype.kind]:
        raise RuntimeError(f"result type {result.dtype} can't be cast to the desired output type {x.dtype}")
    if (
        0 in x.array.strides
        and x.array.size
        and any(stride == 0 and n > 1 for stride, n in zip(x.array.strides, x.array.shape, strict=True))
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            f"location (shape {list(x.shape)}). Please clone() the tensor before performing the operation."
        )


def filled_like(x: Tensor, value: Any) -> Tensor:
    """Return a tensor of the shape, dtype and device of x, every element a value: a number, or a Tensor without axes.

    Raises:  RuntimeError: the value has axes, or is a whole number that the dtype cannot hold
    """
    if isinstance(value, Tensor):
        if value.array.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.array.ndim} dimensions."
            )
        return value.to(x.device, dtype=x.dtype).expand(x.array.shape)
    value = fit("fill_", value, x.array.dtype)
    return Tensor(array_module(x.array).full_like(x.array, value))
