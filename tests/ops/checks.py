"""What is checked of every operation of the table. Each check raises, or returns the worst error it found.

An error is |found - expected| / max(1, |expected|), the largest over all elements.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tests.ops.op import Bad, NoError, Op, Sample
from tinynet.gradcheck import compare_first_order, compare_second_order

# Tight enough that a gradient off by a factor of 1.001 fails (tests/test_gradcheck.py plants one).
DIFFERENCES = {"rtol": 1e-4, "atol": 1e-6}
TORCH = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 1e-4, "atol": 1e-5}}


def seed() -> np.random.Generator:
    """Return the generator every sample is made from."""
    return np.random.default_rng(20240607)


def first_order(sample: Sample) -> float:
    """Compare backward with finite differences, in float64."""
    return compare_first_order(_ours(sample), _leaves(sample), **DIFFERENCES)


def second_order(sample: Sample) -> float:
    """Compare the gradient of the gradient with finite differences of the gradient, in float64."""
    return compare_second_order(_ours(sample), _leaves(sample), **DIFFERENCES)


def refuses_second_order(sample: Sample) -> float:
    """Check that an operation without a second derivative says so."""
    y = _floating(_ours(sample)(*_leaves(sample)))
    with pytest.raises(RuntimeError, match=r"second|twice|differentiable"):
        compare_second_order(_ours(sample), _leaves(sample), **DIFFERENCES)
    assert y
    return 0.0


def against_torch(op: Op, sample: Sample, dtype: str, wrap: Callable[[Any], Any] | None = None) -> float:
    """Compare values, shapes, dtypes and gradients with torch's; no input may change.

    With `wrap` both libraries are seen through it: through Methods a function is the method of its name.
    """
    libraries = (tn, torch) if wrap is None else (wrap(tn), wrap(torch))
    arrays = [array.astype(dtype, order="K") for array in sample.make(seed())]
    before = [array.copy() for array in arrays]
    ours = [tn.Tensor(array, requires_grad=op.differentiable) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=op.differentiable) for array in before]
    expected = _as_tuple(sample.call(libraries[1], *theirs))
    found = _as_tuple(sample.call(libraries[0], *ours))
    assert len(found) == len(expected)
    worst = [_compare(y, z, dtype, "output") for y, z in zip(found, expected, strict=True)]
    rng = seed()
    upstream = [np.asarray(rng.standard_normal(y.shape), dtype) for y in expected]
    roots = [i for i, z in enumerate(expected) if z.requires_grad]
    assert [i for i, y in enumerate(found) if y.requires_grad] == roots
    assert bool(roots) == op.differentiable
    if roots:
        torch.autograd.backward([expected[i] for i in roots], [torch.tensor(upstream[i]) for i in roots])
        tn.autograd.backward([found[i] for i in roots], [tn.Tensor(upstream[i].copy()) for i in roots])
    for i, (x, x_torch) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_array_equal(x.array, before[i], err_msg="an operation changed its input")
        if x_torch.grad is not None:
            assert x.grad is not None, f"input {i} got no gradient"
            worst.append(_compare(x.grad, x_torch.grad, dtype, f"gradient of input {i}"))
        else:
            assert x.grad is None or not np.any(x.grad.numpy()), (
                f"input {i} has a gradient, in torch it has none"
            )
    return max(worst, default=0.0)


class Methods:
    """A library whose functions are methods of their first argument, or, `in_place`, methods that overwrite it."""

    def __init__(self, library: Any, in_place: bool = False) -> None:
        self._library, self._in_place = library, in_place

    def __getattr__(self, name: str) -> Any:
        def call(x: Any, *args: Any, **options: Any) -> Any:
            return (
                getattr(x * 1, name + "_")(*args, **options)
                if self._in_place
                else getattr(x, name)(*args, **options)
            )

        return getattr(self._library, name) if name in ("float64", "float32", "tensor") else call


def takes_method(op: Op, sample: Sample, in_place: bool) -> bool:
    """Return whether torch has the operation as a method, or as one in place, that can be called as the sample does."""
    theirs = [torch.tensor(array, requires_grad=op.differentiable) for array in sample.make(seed())]
    try:
        outputs = _as_tuple(sample.call(Methods(torch, in_place), *theirs))
        if in_place and outputs[0].numel() != theirs[0].numel():
            return False  # torch has given the tensor more memory
        outputs = _floating(outputs)
        torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
    except (TypeError, AttributeError, RuntimeError):
        return False
    return True


def whole_numbers_against_torch(sample: Sample) -> float:
    """Compare values, shapes and dtypes with torch's on whole numbers and bools."""
    arrays = sample.make(seed())
    found = _as_tuple(sample.call(tn, *(tn.Tensor(array.copy()) for array in arrays)))
    expected = _as_tuple(sample.call(torch, *(torch.tensor(array) for array in arrays)))
    assert len(found) == len(expected)
    return max(_compare(y, z, "float32", "output") for y, z in zip(found, expected, strict=True))


def second_order_against_torch(sample: Sample) -> float | None:
    """Compare second derivatives with the upstream gradient and all inputs but one constant, as torch computes them.

    Return None where torch has no second derivative: finite differences prove tinynet's all the same.
    """
    arrays = sample.make(seed())
    worst = [0.0]
    for i in range(len(arrays)):
        try:
            pair = [_second_order(library, sample, i) for library in (tn, torch)]
        except RuntimeError as error:
            if "derivative for" in str(error) and "is not implemented" in str(error):
                return 0.0 if sample.constant else None  # no elements: nothing to prove
            raise
        worst.append(_compare_arrays(*pair, "float64", f"second derivative in input {i}"))
    return max(worst)


def raises(bad: Bad) -> None:
    """Check that a bad call raises torch's type of error, and names what was wrong."""
    with pytest.raises(bad.error) as caught:
        bad.call(tn)
    for word in bad.words:
        assert word in str(caught.value), f"{word!r} is not in {str(caught.value)!r}"
    theirs = bad.torch_error or bad.error
    if theirs is NoError:
        bad.call(torch)
    else:
        with pytest.raises(theirs):
            bad.call(torch)


def _ours(sample: Sample) -> Any:
    return lambda *tensors: sample.call(tn, *tensors)


def _leaves(sample: Sample) -> list[tn.Tensor]:
    return [tn.Tensor(array, requires_grad=True) for array in sample.make(seed())]


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)


def _floating(outputs: Any) -> list[Any]:
    return [y for y in _as_tuple(outputs) if y.requires_grad]


def _compare(found: tn.Tensor, expected: torch.Tensor, dtype: str, what: str) -> float:
    assert str(found.dtype) == str(expected.dtype).removeprefix("torch."), what
    return _compare_arrays(found.detach().numpy(), expected.detach().numpy(force=True), dtype, what)


def _compare_arrays(found: np.ndarray, expected: np.ndarray, dtype: str, what: str) -> float:
    np.testing.assert_allclose(found, expected, **TORCH[dtype], err_msg=what)
    assert found.shape == expected.shape, what
    if expected.dtype.kind != "f" or not expected.size:
        return 0.0
    known = np.isfinite(expected)
    error = np.abs(found[known] - expected[known]) / np.maximum(1, np.abs(expected[known]))
    return float(error.max(initial=0))


def _second_order(library: Any, sample: Sample, i: int) -> np.ndarray:
    """Return the derivative, along a random direction, of the gradient in input i; zeros where that is a constant."""
    rng = copy.deepcopy(seed())
    arrays = sample.make(rng)
    direction = np.asarray(rng.standard_normal(arrays[i].shape))
    inputs = [library.tensor(array.copy()) for array in arrays]
    x = inputs[i].requires_grad_()
    outputs = _floating(sample.call(library, *inputs))
    upstream = [library.tensor(np.asarray(rng.standard_normal(tuple(y.shape)))) for y in outputs]
    first = second = None
    if outputs:
        (first,) = library.autograd.grad(outputs, [x], upstream, create_graph=True, allow_unused=True)
    if first is not None and first.requires_grad:
        (second,) = library.autograd.grad(first, [x], library.tensor(direction), allow_unused=True)
    if second is None:
        return np.zeros(arrays[i].shape)
    # Where torch knows a gradient to be zero it makes a tensor without memory.
    return second.numpy(force=True) if library is torch else second.detach().numpy()
