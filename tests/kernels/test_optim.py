from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tinynet.kernels.generic.optim import adagrad_, adam_, muon_, nadam_, rmsprop_, sgd_

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
NADAM = {
    "lr": 0.1,
    "beta1": 0.9,
    "beta2": 0.99,
    "eps": 1e-3,
    "weight_decay": 0.01,
    "decoupled_weight_decay": False,
    "maximize": False,
    "step": 3,
    "mu": 0.5,
    "mu_next": 0.6,
    "mu_product": 0.2,
}
RMSPROP = {"lr": 0.1, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.01, "momentum": 0.8, "maximize": False}
ADAGRAD = {"lr": 0.1, "lr_decay": 0.2, "eps": 1e-3, "weight_decay": 0.01, "maximize": False, "step": 3}
MUON = {
    "lr": 0.1,
    "adjusted_lr": 0.2,
    "weight_decay": 0.01,
    "momentum": 0.9,
    "nesterov": True,
    "ns_coefficients": (3.4445, -4.775, 2.0315),
    "ns_steps": 5,
    "eps": 1e-7,
}
NAMES = {
    sgd_: ("param", "grad", "momentum_buffer"),
    adam_: ("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    nadam_: ("param", "grad", "exp_avg", "exp_avg_sq"),
    rmsprop_: ("param", "grad", "square_avg", "grad_avg", "momentum_buffer"),
    adagrad_: ("param", "grad", "square_sum"),
    muon_: ("param", "grad", "momentum_buffer"),
}
OPTIONS = {sgd_: SGD, adam_: ADAM, nadam_: NADAM, rmsprop_: RMSPROP, adagrad_: ADAGRAD, muon_: MUON}
elementwise = pytest.mark.parametrize(
    "kernel, options", list(OPTIONS.items())[:5], ids=["sgd", "adam", "nadam", "rmsprop", "adagrad"]
)
every = pytest.mark.parametrize(
    "kernel, options", OPTIONS.items(), ids=["sgd", "adam", "nadam", "rmsprop", "adagrad", "muon"]
)


SECOND_MOMENTS = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "square_sum")


def draw(kernel, shape, dtype="float64"):
    """Random arrays for a kernel; second moments are not negative."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(shape) for name in NAMES[kernel]}
    return {
        # A second moment is not negative, and above the square of the first.
        name: np.asarray(value**2 + 30 if name in SECOND_MOMENTS else value, dtype=dtype)
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


def gradient_by_the_book(param, grad, o):
    """Return parameter and gradient after the weight decay."""
    g = -grad if o["maximize"] else grad
    if o.get("decoupled_weight_decay"):
        return param - o["lr"] * o["weight_decay"] * param, g
    return param, g + o["weight_decay"] * param


def nadam_by_the_book(param, grad, exp_avg, exp_avg_sq, o):
    param, g = gradient_by_the_book(param, grad, o)
    m = o["beta1"] * exp_avg + (1 - o["beta1"]) * g
    v = o["beta2"] * exp_avg_sq + (1 - o["beta2"]) * g**2
    m_hat = o["mu_next"] * m / (1 - o["mu_product"] * o["mu_next"]) + (1 - o["mu"]) * g / (
        1 - o["mu_product"]
    )
    v_hat = v / (1 - o["beta2"] ** o["step"])
    return {"exp_avg": m, "exp_avg_sq": v, "param": param - o["lr"] * m_hat / (np.sqrt(v_hat) + o["eps"])}


def rmsprop_by_the_book(param, grad, square_avg, grad_avg, momentum_buffer, o):
    param, g = gradient_by_the_book(param, grad, o)
    v = o["alpha"] * square_avg + (1 - o["alpha"]) * g**2
    result = {"square_avg": v}
    if grad_avg is not None:
        result["grad_avg"] = o["alpha"] * grad_avg + (1 - o["alpha"]) * g
        v = v - result["grad_avg"] ** 2
    step = g / (np.sqrt(v) + o["eps"])
    if momentum_buffer is not None:
        step = result["momentum_buffer"] = o["momentum"] * momentum_buffer + step
    return {**result, "param": param - o["lr"] * step}


def adagrad_by_the_book(param, grad, square_sum, o):
    param, g = gradient_by_the_book(param, grad, o)
    total = square_sum + g**2
    lr = o["lr"] / (1 + (o["step"] - 1) * o["lr_decay"])
    return {"square_sum": total, "param": param - lr * g / (np.sqrt(total) + o["eps"])}


BOOK = {
    sgd_: sgd_by_the_book,
    adam_: adam_by_the_book,
    nadam_: nadam_by_the_book,
    rmsprop_: rmsprop_by_the_book,
    adagrad_: adagrad_by_the_book,
}


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
        (nadam_, {}),
        (nadam_, {"decoupled_weight_decay": True, "step": 1, "maximize": True}),
        (nadam_, {"weight_decay": 0, "beta1": 0.0}),
        (rmsprop_, {}),
        (rmsprop_, {"grad_avg": None, "maximize": True}),
        (rmsprop_, {"momentum_buffer": None, "weight_decay": 0}),
        (rmsprop_, {"grad_avg": None, "momentum_buffer": None, "alpha": 0.0}),
        (adagrad_, {}),
        (adagrad_, {"step": 1, "weight_decay": 0, "maximize": True}),
    ],
)
@pytest.mark.parametrize("shape", [(3, 4, 2), (), (0, 5)])
def test_computes_the_published_formulas(kernel, changes, shape):
    arrays = draw(kernel, shape)
    options = dict(OPTIONS[kernel])
    for name, value in changes.items():
        (arrays if name in arrays else options)[name] = value
    expected = BOOK[kernel](**arrays, o=options)
    kernel(**arrays, **options)
    for name, value in expected.items():
        np.testing.assert_allclose(arrays[name], value, rtol=1e-13, atol=1e-15)


@every
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_works_in_place_and_keeps_the_dtype(kernel, options, dtype):
    arrays = draw(kernel, (3, 4), dtype)
    before = {name: array.copy() for name, array in arrays.items()}
    assert kernel(**arrays, **options) is None
    for name, array in arrays.items():
        assert array.dtype == dtype
        # A maximum stays where the new average is smaller, but not everywhere.
        assert np.array_equal(array, before[name]) == (name == "grad")


@every
def test_scalars_of_numpy_change_neither_dtype_nor_result(kernel, options):
    plain, typed = draw(kernel, (3, 4), "float32"), draw(kernel, (3, 4), "float32")
    kernel(**plain, **options)
    kernel(**typed, **{k: np.float64(v) if isinstance(v, float) else v for k, v in options.items()})
    for name in plain:
        assert typed[name].dtype == "float32"
        # Muon's polynomial rises with 3.4 at zero: five of them make 500 roundings of one.
        np.testing.assert_allclose(typed[name], plain[name], rtol=1e-4 if kernel is muon_ else 1e-6)


@elementwise
def test_memory_layout_does_not_matter(kernel, options):
    plain = draw(kernel, (3, 4, 5))
    mixed = {name: array.copy() for name, array in plain.items()}
    mixed["param"] = np.asfortranarray(mixed["param"])
    mixed["grad"] = np.repeat(mixed["grad"], 2, axis=1)[:, ::2]
    kernel(**plain, **options)
    kernel(**mixed, **options)
    for name in plain:
        np.testing.assert_array_equal(mixed[name], plain[name])


@every
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_gradient_that_cannot_be_written_is_enough(kernel, options, dtype):
    arrays = draw(kernel, (3, 4), dtype)
    expected = {name: array.copy() for name, array in arrays.items()}
    arrays["grad"] = np.broadcast_to(arrays["grad"][:1], (3, 4))
    expected["grad"] = arrays["grad"].copy()
    kernel(**arrays, **options)
    kernel(**expected, **options)
    np.testing.assert_array_equal(arrays["param"], expected["param"])


@elementwise
def test_zero_weight_decay_does_not_touch_the_parameter(kernel, options):
    """0 * inf is NaN: a term that is off must not be computed."""
    arrays = draw(kernel, (3,))
    arrays["param"][0] = np.inf
    kernel(**arrays, **{**options, "weight_decay": 0})
    assert np.isposinf(arrays["param"][0])
    assert np.isfinite(arrays["param"][1:]).all()


@elementwise
def test_allocates_two_arrays_at_a_time(kernel, options):
    arrays = draw(kernel, (1 << 16,))
    tracemalloc.start()
    try:
        kernel(**arrays, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 1.9 < peak / arrays["param"].nbytes < 2.1


@every
def test_half_precision_rounds_once(kernel, options):
    """Squares that half precision cannot hold do not matter where their average fits."""
    half = draw(kernel, (3, 4), "float16")
    half["grad"] *= 30 if kernel is adagrad_ else 300  # a sum of squares must fit, too
    single = {name: array.astype(np.float32) for name, array in half.items()}
    kernel(**half, **options)
    kernel(**single, **options)
    for name, array in half.items():
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, single[name].astype(np.float16))


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 5), (0, 3)])
@pytest.mark.parametrize("nesterov", [False, True])
def test_muon_moves_along_the_polynomial_of_the_singular_values(shape, nesterov):
    arrays = draw(muon_, shape)
    before = {name: array.copy() for name, array in arrays.items()}
    muon_(**arrays, **{**MUON, "nesterov": nesterov})
    average = 0.9 * before["momentum_buffer"] + 0.1 * before["grad"]
    np.testing.assert_allclose(arrays["momentum_buffer"], average, rtol=1e-13, atol=1e-15)
    u, s, v = np.linalg.svd(
        0.9 * average + 0.1 * before["grad"] if nesterov else average, full_matrices=False
    )
    s = s / max(np.sqrt((s**2).sum()), 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    expected = before["param"] * (1 - 0.1 * 0.01) - 0.2 * (u * s) @ v
    np.testing.assert_allclose(arrays["param"], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(arrays["grad"], before["grad"])
