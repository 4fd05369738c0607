"""Activations where the table cannot look: at kinks, NaN and infinities, in place, at random."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tinynet as tn

SPECIAL = [
    -np.inf,
    -1e30,
    -1e3,
    -100,
    -6,
    -3,
    -1,
    -0.5,
    -0.0,
    0,
    0.5,
    1,
    3,
    6,
    20,
    20.5,
    1e3,
    1e30,
    np.inf,
    np.nan,
]
KINKED = {
    "relu": (),
    "relu6": (),
    "leaky_relu": (0.25,),
    "rrelu": (),
    "hardtanh": (),
    "hardsigmoid": (),
    "hardswish": (),
    "threshold": (0.5, 2),
    "hardshrink": (),
    "softshrink": (),
    "elu": (2.0,),
    "celu": (2.0,),
    "selu": (),
}
SMOOTH = {
    "gelu": (),
    "silu": (),
    "mish": (),
    "softplus": (),
    "logsigmoid": (),
    "softsign": (),
    "tanhshrink": (),
}
IN_PLACE = [*sorted(set(KINKED) - {"hardshrink", "softshrink"}), "silu", "mish"]
# torch has no derivative of hardsigmoid's derivative, and mish's becomes NaN from 1000 on.
NO_SECOND = ("hardsigmoid", "mish")


def run(lib, name, arguments, x):
    """Return the activation of x, its slope, and the slope's slope if torch has one."""
    x = lib.tensor(np.asarray(x)).requires_grad_()
    y = getattr(lib.nn.functional, name)(x, *arguments)
    (slope,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    found = [y, slope]
    if name not in NO_SECOND and slope.requires_grad:
        found += lib.autograd.grad(slope.sum(), x, allow_unused=True)
    return [None if z is None else z.detach().numpy() for z in found]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [*KINKED, *SMOOTH])
def test_special_values_equal_torch(name, dtype):
    arguments = (KINKED | SMOOTH)[name]
    x = np.array(SPECIAL, dtype)
    if name == "gelu" and dtype == "float32":
        x = x[np.isfinite(x)]  # torch's float32 makes NaN of gelu(inf), its float64 does not
    ours, theirs = run(tn, name, arguments, x), run(torch, name, arguments, x)
    for found, expected, what in zip(ours, theirs, ("value", "slope", "slope's slope"), strict=False):
        found = np.zeros_like(x) if found is None else found
        expected = np.zeros_like(x) if expected is None else expected
        tolerance = 1e-12 if dtype == "float64" else 2e-6
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.mark.parametrize(
    "name", ["gelu", "silu", "mish", "softplus", "logsigmoid", "elu", "selu", "hardswish"]
)
def test_nothing_overflows_to_nan(name):
    x = np.array([-1e30, -1e4, -90, 90, 1e4, 1e30], np.float32)
    for found in run(tn, name, (), x)[:2]:
        assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "name", ["gelu", "silu", "mish", "softplus", "logsigmoid", "elu", "selu", "hardswish", "softmax"]
)
def test_half_precision_is_computed_in_single(name):
    x = np.linspace(-20, 20, 81).astype(np.float16)
    arguments = (0,) if name == "softmax" else ()
    ours = tn.Tensor(x, requires_grad=True)
    wide = tn.Tensor(x.astype(np.float32), requires_grad=True)
    for tensor in (ours, wide):
        getattr(tn.nn.functional, name)(tensor, *arguments)[:40].sum().backward()
    y = getattr(tn.nn.functional, name)(ours, *arguments)
    assert y.dtype == ours.grad.dtype == np.float16
    expected = getattr(tn.nn.functional, name)(wide, *arguments).detach().numpy()
    np.testing.assert_array_equal(y.detach().numpy(), expected.astype(np.float16))
    np.testing.assert_allclose(ours.grad.numpy(), wide.grad.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_special_values_of_gelus_approximation_equal_torch(dtype):
    x = np.array([-100, -6, -3, -0.5, -0.0, 0, 0.5, 3, 6, 20, 1e3, np.nan], dtype)
    for found in zip(*(_gelu_tanh(lib, x) for lib in (tn, torch)), strict=True):
        np.testing.assert_allclose(*found, rtol=1e-11, atol=1e-12 if dtype == "float64" else 2e-6)


def _gelu_tanh(lib, x):
    x = lib.tensor(x).requires_grad_()
    y = lib.nn.functional.gelu(x, approximate="tanh")
    (slope,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    return [z.detach().numpy() for z in (y, slope, lib.autograd.grad(slope.sum(), x)[0])]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_writes_into_the_memory(name):
    arguments = KINKED.get(name, ())
    start = np.linspace(-4, 4, 17)
    results = {}
    for lib in (tn, torch):
        leaf = lib.tensor(start.copy()).requires_grad_()
        x = leaf * 1
        view = x[3:5]
        y = getattr(lib.nn.functional, name)(x, *arguments, inplace=True)
        assert y is x
        (y * lib.tensor(np.arange(17.0))).sum().backward()
        results[lib] = [t.detach().numpy() for t in (x, view, leaf.grad)]
    for ours, theirs in zip(results[tn], results[torch], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert not np.array_equal(results[tn][0], start)
    with tn.no_grad():
        plain = tn.tensor(start.copy())
        memory = plain.array
        getattr(tn.nn.functional, name)(plain, *arguments, inplace=True)
    assert plain.array is memory
    np.testing.assert_allclose(memory, results[tn][0])


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_on_a_leaf_is_refused(name):
    leaf = tn.ones(3).requires_grad_()
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(tn.nn.functional, name)(leaf, *KINKED.get(name, ()), inplace=True)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("relu_", ()),
        ("selu_", ()),
        ("celu_", (2.0,)),
        ("rrelu_", (0.2, 0.4)),
        ("threshold_", (0.5, 2)),
        ("nn.functional.relu_", ()),
        ("nn.functional.elu_", (2.0,)),
        ("nn.functional.leaky_relu_", (0.2,)),
        ("nn.functional.hardtanh_", (-0.5, 0.25)),
        ("Tensor.relu_", ()),
    ],
)
def test_names_with_an_underscore_change_their_input(name, arguments):
    results = []
    for lib in (tn, torch):
        function = lib
        for part in name.split("."):
            function = getattr(function, part)
        x = lib.tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
        assert function(x, *arguments) is x
        results.append(x.numpy())
    np.testing.assert_allclose(*results, rtol=1e-6)


@pytest.mark.parametrize("name", ["relu", "softmax", "log_softmax", "prelu", "hardshrink"])
def test_methods_are_the_functions(name):
    arguments = {"softmax": (1,), "log_softmax": (1,), "prelu": (tn.tensor([0.3]),)}.get(name, ())
    x = tn.tensor([[-2.0, 0.5], [0.7, -0.1]])
    expected = getattr(tn, name)(x, *arguments)
    np.testing.assert_array_equal(getattr(x, name)(*arguments).numpy(), expected.numpy())


@pytest.mark.parametrize("axes", range(5))
@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_the_axis_torch_chooses_comes_with_a_warning(name, axes):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)[:axes])
    with pytest.warns(UserWarning, match=f"Implicit dimension choice for {name}"):
        ours = getattr(tn.nn.functional, name)(tn.Tensor(np.asarray(x)))
    with pytest.warns(UserWarning, match="Implicit"):
        theirs = getattr(torch.nn.functional, name)(torch.tensor(x))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_the_axis_is_required_at_top_level(name):
    for lib in (tn, torch):
        with pytest.raises(TypeError):
            getattr(lib, name)(lib.ones(2, 2), None)


def test_rrelu_in_training_draws_every_slope():
    x = tn.tensor(np.linspace(-1, -0.1, 20_000)).requires_grad_()
    y = tn.nn.functional.rrelu(x, 0.2, 0.6, training=True)
    y.sum().backward()
    slope = x.grad.numpy()
    np.testing.assert_allclose(y.detach().numpy(), x.detach().numpy() * slope, rtol=1e-12)
    assert 0.2 <= slope.min() < 0.201
    assert 0.599 < slope.max() <= 0.6
    assert abs(slope.mean() - 0.4) < 5 * 0.4 / math.sqrt(12 * 20_000)
    up = tn.nn.functional.rrelu(-x.detach(), 0.2, 0.6, training=True)
    np.testing.assert_array_equal(up.numpy(), -x.detach().numpy())


def test_gumbel_softmax_draws_by_the_logits():
    p = np.array([0.1, 0.2, 0.7])
    logits = tn.Tensor(np.broadcast_to(np.log(p), (20_000, 3)).copy()).requires_grad_()
    y = tn.nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)
    values = y.detach().numpy()
    np.testing.assert_allclose(np.sort(values), np.broadcast_to([0, 0, 1], values.shape), atol=1e-12)
    assert np.abs(values.mean(0) - p).max() < 5 * 0.5 / math.sqrt(20_000)
    tn.manual_seed(3)
    soft = tn.nn.functional.gumbel_softmax(logits, tau=0.5)
    (soft * tn.tensor([1.0, 2.0, 4.0])).sum().backward()
    expected, logits.grad = logits.grad, None
    tn.manual_seed(3)
    hard = tn.nn.functional.gumbel_softmax(logits, tau=0.5, hard=True)
    (hard * tn.tensor([1.0, 2.0, 4.0])).sum().backward()
    np.testing.assert_allclose(logits.grad.numpy(), expected.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(soft.detach().numpy().argmax(1), hard.detach().numpy().argmax(1))
    np.testing.assert_allclose(soft.detach().numpy().sum(1), 1)


@pytest.mark.parametrize(("shape", "dim"), [((3, 4), 0), ((3, 4), -1), ((2, 3, 4), 1), ((), 0), ((), -1)])
def test_gumbel_softmax_along_any_axis(shape, dim):
    y = tn.nn.functional.gumbel_softmax(tn.zeros(shape), hard=True, dim=dim)
    assert y.shape == shape
    np.testing.assert_allclose(y.sum(dim).numpy(), 1)


def test_gumbel_softmax_refuses_and_warns_as_torch():
    for lib in (tn, torch):
        with pytest.raises(IndexError, match=r"\[-2, 1\]"):
            lib.nn.functional.gumbel_softmax(lib.ones(2, 3), dim=3)
        with pytest.warns(UserWarning, match="eps"):
            lib.nn.functional.gumbel_softmax(lib.ones(2, 3), eps=1e-3)


@pytest.mark.parametrize("row", [[1e4, 1, -1e4], [1e30, 1e30, 0], [-np.inf, 1, 2], [np.inf, 1, 2], [np.nan, 1, 2],
                                 [-np.inf, -np.inf, -np.inf]])  # fmt: skip
@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_softmax_of_extreme_logits_equals_torch(name, row):
    x = np.array([row, [0.5, -0.25, 2.0]])
    upstream = np.array([[1.0, 2.0, -1.0], [0.3, 0.1, 2.0]])
    found = []
    for lib in (tn, torch):
        z = lib.tensor(x).requires_grad_()
        y = getattr(lib.nn.functional, name)(z, 1)
        y.backward(lib.tensor(upstream))
        found.append((y.detach().numpy(), z.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
