"""Comparison with torch: one computation, written once, run by both libraries on the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet

LIBRARIES = (tinynet, torch)
TOLERANCES = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 1e-4, "atol": 1e-5}}


def tensors_of(library, arrays):
    """Make leaf tensors: tinynet's on the very arrays, read-only or strided as they are, torch's on copies."""
    made = []
    for array in arrays:
        tensor = tinynet.Tensor(array) if library is tinynet else torch.tensor(array.copy())
        made.append(tensor.requires_grad_() if array.dtype.kind == "f" else tensor)
    return made


def assert_same(ours, theirs, dtype):
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), **TOLERANCES[dtype], equal_nan=True
    )


def assert_same_gradients(named, dtype, may_vanish):
    for name, ours, theirs in named:
        if theirs.grad is None:
            assert ours.grad is None, name
            continue
        assert ours.grad is not None, f"{name} has no gradient"
        assert may_vanish or theirs.numel() == 0 or (theirs.grad != 0).any(), f"{name}: tests nothing"
        assert ours.grad.dtype == ours.dtype
        assert_same(ours.grad, theirs.grad, dtype)


def backward(outputs, upstream):
    """Send the upstream gradients into the outputs that have one."""
    with_gradient = [y for y in outputs if y.requires_grad]
    if isinstance(with_gradient[0], torch.Tensor):
        gradients = [torch.from_numpy(g.copy()) for g in upstream]
        torch.autograd.backward(with_gradient, gradients)
    else:
        tinynet.autograd.backward(with_gradient, [tinynet.from_numpy(g.copy()) for g in upstream])


def compare(compute, arrays, modules=None, may_vanish=False):
    """Compare outputs, gradients of every floating point input, parameter, and the state left in the modules."""
    dtype = next(str(a.dtype) for a in arrays if a.dtype.kind == "f")
    before = [array.copy() for array in arrays]
    ours, theirs = (tensors_of(library, arrays) for library in LIBRARIES)
    results = [compute(library, *given) for library, given in zip(LIBRARIES, (ours, theirs), strict=True)]
    outputs = [result if isinstance(result, tuple) else (result,) for result in results]
    for y, expected in zip(*outputs, strict=True):
        assert_same(y, expected, dtype)

    rng = np.random.default_rng(1)
    upstream = [
        np.asarray(rng.standard_normal(tuple(y.shape)), y.dtype) for y in outputs[0] if y.requires_grad
    ]
    for y in outputs:
        backward(y, upstream)
    leaves = [(f"input {i}", *pair) for i, pair in enumerate(zip(ours, theirs, strict=True))]
    if modules is not None:
        leaves += [
            (name, p, q)
            for (name, p), (_, q) in zip(
                modules[0].named_parameters(), modules[1].named_parameters(), strict=True
            )
        ]
        states = [module.state_dict() for module in modules]
        assert list(states[0]) == list(states[1])
        for name, value in states[0].items():
            assert_same(value, states[1][name], dtype)
    assert_same_gradients(leaves, dtype, may_vanish)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    return results[0]


def make_twins(build, dtype, training):
    """Build a layer in both libraries and give both the same random parameters and buffers."""
    modules = [build(library.nn) for library in LIBRARIES]
    rng = np.random.default_rng(2)
    state = {}
    for name, value in modules[1].state_dict().items():
        array = rng.uniform(0.5, 1.5, tuple(value.shape)) * (1 if "var" in name else rng.choice([-1, 1]))
        state[name] = value.numpy() if value.dtype == torch.int64 else np.asarray(array, dtype)
    for module, library in zip(modules, LIBRARIES, strict=True):
        module.to(getattr(library, dtype))
        module.load_state_dict({k: torch.tensor(v) for k, v in state.items()} if library is torch else state)
        module.train(training)
    return modules


@pytest.fixture(scope="session", params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(scope="session")
def draw():
    """draw(shape, dtype): distinct numbers in random order, far enough apart for maxima and kinks."""

    def draw(shape, dtype="float64", seed=0):
        rng = np.random.default_rng(seed)
        size = int(np.prod(shape))
        numbers = (rng.permutation(size) - (size - 1) / 2 + 0.25) * (4 / max(size, 1))
        return numbers.reshape(shape).astype(dtype)

    return draw


@pytest.fixture(scope="session")
def same_function():
    """same_function(lambda lib, x, w: ..., x, w): the same in tinynet and torch, gradients included."""

    def same_function(compute, *arrays, may_vanish=False):
        return compare(compute, arrays, may_vanish=may_vanish)

    return same_function


@pytest.fixture(scope="session")
def same_layer():
    """same_layer(lambda nn: nn.Linear(2, 3), x): the same outputs, gradients and state after `steps` calls."""

    def same_layer(build, *arrays, training=True, steps=1, may_vanish=False):
        dtype = next(str(a.dtype) for a in arrays if a.dtype.kind == "f")
        modules = make_twins(build, dtype, training)
        for step in range(steps):
            for module in modules:
                module.zero_grad()
            scaled = [a * a.dtype.type(1 + step) if a.dtype.kind == "f" and step else a for a in arrays]
            compare(
                lambda library, *given: modules[LIBRARIES.index(library)](*given),
                scaled,
                modules,
                may_vanish,
            )
        return modules[0]

    return same_layer


@pytest.fixture(scope="session")
def same_error():
    """same_error(compute, *arrays, match=...): both raise the same type (torch's, or a subclass), ours says why."""

    def same_error(compute, *arrays, match, error=None):
        ours, theirs = (tensors_of(library, arrays) for library in LIBRARIES)
        if error is None:
            with pytest.raises(Exception) as expected:
                compute(torch, *theirs)
            error = next(
                kind
                for kind in (IndexError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
                if issubclass(expected.type, kind)
            )
        with pytest.raises(error, match=match):
            compute(tinynet, *ours)

    return same_error
