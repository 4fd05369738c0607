from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tinynet.kernels.generic.optim import adam_, sgd_

SGD = {
    "lr": 0.1,
    "momentum": 0.9,
    "dampening": 0.2,
    "weight_decay": 0.01,
    "nesterov": False,
    "maximize": False,
}
ADAM = {
    "lr": 0.1,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-3,
    "weight_decay": 0.01,
    "decoupled_weight_decay": False,
    "maximize": False,
    "step": 3,
}
NAMES = {
    sgd_: ("param", "grad", "momentum_buffer"),
    adam_: ("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
}
both = pytest.mark.parametrize("kernel, options", [(sgd_, SGD), (adam_, ADAM)], ids=["sgd", "adam"])


def draw(kernel, shape, dtype="float64"):
    """Random arrays for a kernel; second moments are not negative."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape) for name in NAMES[kernel]}
    return {
        name: np.asarray(np.abs(value) if name.endswith("sq") else value, dtype=dtype)
        for name, value in arrays.items()
    }


def sgd_by_the_book(param, grad, momentum_buffer, o):
    g = (-grad if o["maximize"] else grad) + o["weight_decay"] * param
    if momentum_buffer is None:
        return {"param": param - o["lr"] * g}
    b = o["momentum"] * momentum_buffer + (1 - o["dampening"]) * g
    return {"param": param - o["lr"] * (g + o["momentum"] * b if o["nesterov"] else b), "momentum_buffer": b}


def adam_by_the_book(param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq, o):
    g = -grad if o["maximize"] else grad
    if o["decoupled_weight_decay"]:
        param = param - o["lr"] * o["weight_decay"] * param
    else:
        g = g + o["weight_decay"] * param
    m = o["beta1"] * exp_avg + (1 - o["beta1"]) * g
    v = o["beta2"] * exp_avg_sq + (1 - o["beta2"]) * g**2
    result = {"exp_avg": m, "exp_avg_sq": v}
    if max_exp_avg_sq is not None:
        v = result["max_exp_avg_sq"] = np.maximum(max_exp_avg_sq, v)
    m_hat, v_hat = m / (1 - o["beta1"] ** o["step"]), v / (1 - o["beta2"] ** o["step"])
    return {**result, "param": param - o["lr"] * m_hat / (np.sqrt(v_hat) + o["eps"])}


BOOK = {sgd_: sgd_by_the_book, adam_: adam_by_the_book}


@pytest.mark.parametrize(
    "kernel, changes",
    [
        (sgd_, {}),
        (sgd_, {"weight_decay": 0, "maximize": True}),
        (sgd_, {"dampening": 0, "nesterov": True}),
        (sgd_, {"momentum": 0, "momentum_buffer": None}),
        (adam_, {}),
        (adam_, {"weight_decay": 0, "maximize": True}),
        (adam_, {"decoupled_weight_decay": True, "step": 1}),
        (adam_, {"max_exp_avg_sq": None}),
        (adam_, {"beta1": 0.0, "step": 200}),
    ],
)
@pytest.mark.parametrize("shape", [(3, 4, 2), (), (0, 5)])
def test_computes_the_published_formulas(kernel, changes, shape):
    arrays = draw(kernel, shape)
    options = dict(SGD if kernel is sgd_ else ADAM)
    for name, value in changes.items():
        (arrays if name in arrays else options)[name] = value
    expected = BOOK[kernel](**arrays, o=options)
    kernel(**arrays, **options)
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name], value, rtol=1e-13, atol=1e-15)


@both
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_works_in_place_and_keeps_the_dtype(kernel, options, dtype):
    arrays = draw(kernel, (3, 4), dtype)
    before = {name: array.copy() for name, array in arrays.items()}
    assert kernel(**arrays, **options) is None
    for name, array in arrays.items():
        assert array.dtype == dtype
        # A maximum stays where the new average is smaller, but not everywhere.
        assert np.array_equal(array, before[name]) == (name == "grad")


@both
def test_scalars_of_numpy_change_neither_dtype_nor_result(kernel, options):
    plain, typed = draw(kernel, (3, 4), "float32"), draw(kernel, (3, 4), "float32")
    kernel(**plain, **options)
    kernel(**typed, **{k: np.float64(v) if isinstance(v, float) else v for k, v in options.items()})
    for name in plain:
        assert typed[name].dtype == "float32"
        np.testing.assert_allclose(typed[name], plain[name], rtol=1e-6)


@both
def test_memory_layout_does_not_matter(kernel, options):
    plain = draw(kernel, (3, 4, 5))
    mixed = {name: array.copy() for name, array in plain.items()}
    mixed["param"] = np.asfortranarray(mixed["param"])
    mixed["grad"] = np.repeat(mixed["grad"], 2, axis=1)[:, ::2]
    kernel(**plain, **options)
    kernel(**mixed, **options)
    for name in plain:
        np.testing.assert_array_equal(mixed[name], plain[name])


@both
def test_a_gradient_that_cannot_be_written_is_enough(kernel, options):
    arrays = draw(kernel, (3, 4))
    expected = {name: array.copy() for name, array in arrays.items()}
    arrays["grad"] = np.broadcast_to(arrays["grad"][:1], (3, 4))
    expected["grad"] = arrays["grad"].copy()
    kernel(**arrays, **options)
    kernel(**expected, **options)
    np.testing.assert_array_equal(arrays["param"], expected["param"])


@both
def test_zero_weight_decay_does_not_touch_the_parameter(kernel, options):
    """0 * inf is NaN: a term that is off must not be computed."""
    arrays = draw(kernel, (3,))
    arrays["param"][0] = np.inf
    kernel(**arrays, **{**options, "weight_decay": 0})
    assert np.isposinf(arrays["param"][0])
    assert np.isfinite(arrays["param"][1:]).all()


@both
def test_allocates_two_arrays_at_a_time(kernel, options):
    arrays = draw(kernel, (1 << 16,))
    tracemalloc.start()
    try:
        kernel(**arrays, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 1.9 < peak / arrays["param"].nbytes < 2.1
