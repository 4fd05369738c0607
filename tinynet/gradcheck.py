"""Prove a gradient: compare backward with finite differences, first and second order.

For y = f(x) and a random upstream gradient v, backward returns v^T J. A central difference along each coordinate e
of each input, <v, f(x + eps*e) - f(x - eps*e)> / (2*eps), is the same number to O(eps^2). v is random,
never ones: the sum of a softmax or batch-norm output is constant, so a check through it would pass whatever
backward did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynet import autograd
from tinynet.tensor import Tensor


class GradcheckError(RuntimeError):
    """Say which gradient differs from finite differences, where and by how much."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Return whether the gradients of func agree with finite differences.

    Args:    func: takes the inputs, returns a Tensor or a tuple of them
             inputs: a Tensor or a sequence; those that require gradients are checked, and must be float64
             eps: step of the difference; a gradient g passes within atol + rtol * |difference quotient|
             raise_exception: raise instead of returning False; seed: of the upstream gradient
    Raises:  GradcheckError: they disagree; ValueError: no input requires a gradient, one is not float64, or every
             expected gradient is zero, so that the check would prove nothing
    """
    return _passes(compare_first_order, func, inputs, eps, atol, rtol, raise_exception, seed)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 1,
) -> bool:
    """Return whether the gradients of func's gradients, in the inputs and the upstream gradient, are right.

    Arguments and errors as `gradcheck`.
    """
    return _passes(compare_second_order, func, inputs, eps, atol, rtol, raise_exception, seed)


def _passes(
    compare: Callable[..., float],
    func: Callable[..., Any],
    inputs: Any,
    eps: float,
    atol: float,
    rtol: float,
    raise_exception: bool,
    seed: int,
) -> bool:
    try:
        compare(func, inputs, eps=eps, atol=atol, rtol=rtol, seed=seed)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def compare_first_order(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float, rtol: float, seed: int = 0
) -> float:
    """Return the worst |gradient - quotient| / max(1, |quotient|); arguments and errors as `gradcheck`."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = _checked_inputs(inputs)
    outputs = _outputs(func, inputs)
    random = np.random.default_rng(seed)
    upstream = [Tensor(_like(random.standard_normal(y.shape), y)) for y in outputs]
    found = autograd.grad(outputs, [inputs[i] for i in checked], upstream, allow_unused=True)
    expected = [_difference_quotients(func, inputs, i, upstream, eps) for i in checked]
    if not any(np.any(array) for array in expected):
        raise ValueError("every expected gradient is zero: this check cannot fail; choose other inputs")
    return max(
        _compare(i, np.zeros_like(array) if gradient is None else gradient.numpy(), array, atol, rtol)
        for i, gradient, array in zip(checked, found, expected, strict=True)
    )


def compare_second_order(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float, rtol: float, seed: int = 1
) -> float:
    """Return the worst error, as `compare_first_order`, of the gradients of func's gradients."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = _checked_inputs(inputs)
    random = np.random.default_rng(seed)
    upstream = [
        Tensor(_like(random.standard_normal(y.shape), y), requires_grad=True) for y in _outputs(func, inputs)
    ]

    def first_order(*arguments: Any) -> tuple[Tensor, ...]:
        arguments, gradients = arguments[: len(inputs)], arguments[len(inputs) :]
        outputs = _outputs(func, arguments)
        wanted = [arguments[i] for i in checked]
        found = autograd.grad(outputs, wanted, gradients, create_graph=True, allow_unused=True)
        return tuple(gradient for gradient in found if gradient is not None)

    return compare_first_order(
        first_order, (*inputs, *upstream), eps=eps, atol=atol, rtol=rtol, seed=seed + 1
    )


def _checked_inputs(inputs: Sequence[Any]) -> list[int]:
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have it"
        )
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(f"input {i} is {inputs[i].dtype}; finite differences need float64")
    return checked


def _outputs(func: Callable[..., Any], inputs: Sequence[Any]) -> list[Tensor]:
    """Return the outputs that can have a gradient."""
    with autograd.enable_grad():
        result = func(*inputs)
    results = result if isinstance(result, tuple | list) else (result,)
    return [y for y in results if y.requires_grad]


def _like(values: Any, y: Tensor) -> np.ndarray:
    return np.asarray(values, y.dtype)


def _difference_quotients(
    func: Callable[..., Any], inputs: Sequence[Any], i: int, upstream: Sequence[Tensor], eps: float
) -> np.ndarray:
    """Return d<upstream, func(inputs)> / d inputs[i] by central differences, an evaluation pair an element."""
    base = inputs[i].array
    quotients = np.zeros(base.shape, base.dtype)
    for position in np.ndindex(base.shape):
        sums = []
        for step in (eps, -eps):
            moved = base.copy()
            moved[position] += step
            arguments = [*inputs[:i], Tensor(moved, requires_grad=True), *inputs[i + 1 :]]
            outputs = _outputs(func, arguments)
            sums.append(sum(float((v.array * y.array).sum()) for v, y in zip(upstream, outputs, strict=True)))
        quotients[position] = (sums[0] - sums[1]) / (2 * eps)
    return quotients


def _compare(i: int, found: np.ndarray, expected: np.ndarray, atol: float, rtol: float) -> float:
    """Return the worst error of one input's gradient; raise if an element lies outside the tolerance."""
    difference = np.abs(found - expected)
    excess = difference - (atol + rtol * np.abs(expected))
    wrong = ~(excess <= 0)  # NaN is wrong
    if wrong.any():
        worst = np.unravel_index(
            np.argmax(np.where(wrong, np.nan_to_num(excess, nan=np.inf), -np.inf)), excess.shape
        )
        raise GradcheckError(
            f"gradient of input {i} is wrong at {wrong.sum()} of {wrong.size} elements; worst at "
            f"{tuple(int(n) for n in worst)}: backward gives {found[worst]:.9g}, differences give {expected[worst]:.9g}"
        )
    return float((difference / np.maximum(1, np.abs(expected))).max(initial=0))
