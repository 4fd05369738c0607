"""Muon beside torch's: equal where torch's bfloat16 is switched off, within its rounding where it is on."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from tests.optim.conftest import MATRICES
from tinynet import optim

TOLERANCE = {"float64": {"rtol": 1e-11, "atol": 1e-13}, "float32": {"rtol": 1e-4, "atol": 2e-5}}
COEFFICIENTS = (3.4445, -4.775, 2.0315)

OPTIONS = [
    {"lr": 0.05, "weight_decay": w, "momentum": m, "nesterov": n, "adjust_lr_fn": a}
    for w, m, n, a in itertools.product(
        (0, 0.1), (0, 0.95), (False, True), (None, "original", "match_rms_adamw")
    )
] + [
    {"ns_steps": 0},
    {"ns_steps": 1, "ns_coefficients": (2, -1.5, 0.5)},
    {"ns_steps": 12, "ns_coefficients": (1.5, -0.5, 0.0)},
    {"eps": 10.0},
]


@pytest.mark.usefixtures("torch_muon_in_full_precision")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items() if v))
def test_follows_torch_without_its_bfloat16(twins, dtype, options):
    pair = twins(dtype, shapes=MATRICES)
    ours, theirs = optim.Muon(pair.ours, **options), torch.optim.Muon(pair.torch, **options)
    for _ in range(20):
        pair.step(ours, theirs)
        pair.assert_equal(**TOLERANCE[dtype])
    for p, q in zip(pair.ours, pair.torch, strict=True):
        assert list(ours.state[p]) == list(theirs.state[q]) == ["momentum_buffer"]
        buffer = ours.state[p]["momentum_buffer"]
        assert buffer.dtype == dtype
        expected = theirs.state[q]["momentum_buffer"].numpy()
        np.testing.assert_allclose(buffer.array, expected, **TOLERANCE[dtype])


def by_singular_values(x, steps=5):
    """Apply the polynomial to each singular value: what the iteration is meant to do."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    s = s / np.sqrt((s**2).sum())
    for _ in range(steps):
        s = COEFFICIENTS[0] * s + COEFFICIENTS[1] * s**3 + COEFFICIENTS[2] * s**5
    return (u * s) @ v


def to_bfloat16(x):
    """Round to the nearest number of 8 bits, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def in_bfloat16(x, steps=5):
    """Iterate with exact sums, each matrix rounded to bfloat16 where torch stores one."""
    a, b, c = COEFFICIENTS
    y = to_bfloat16(x.T if x.shape[0] > x.shape[1] else x)
    y = to_bfloat16(y / to_bfloat16(np.sqrt((y * y).sum())))
    for _ in range(steps):
        gram = to_bfloat16(y @ y.T)
        y = to_bfloat16(a * y + to_bfloat16(b * gram + c * (gram @ gram)) @ y)
    return y.T if x.shape[0] > x.shape[1] else y


def direction(gradients, momentum):
    """Return what the update orthogonalises, with Nesterov's momentum."""
    average = np.zeros_like(gradients[0])
    for gradient in gradients:
        average = momentum * average + (1 - momentum) * gradient
    return momentum * average + (1 - momentum) * gradient


def test_steps_are_those_of_the_singular_values(twins):
    """An independent definition, in float64, and torch's within what bfloat16 alone explains."""
    shapes = [(4, 3), (3, 8), (16, 16), (32, 8), (1, 5), (1, 1)]
    pair = twins("float64", shapes=shapes)
    lr, decay, momentum = 0.05, 0.1, 0.9
    ours = optim.Muon(pair.ours, lr=lr, weight_decay=decay, momentum=momentum)
    theirs = torch.optim.Muon(pair.torch, lr=lr, weight_decay=decay, momentum=momentum)
    expected = [p.array.copy() for p in pair.ours]
    gradients = [[] for _ in shapes]
    bounds = [0.0] * len(shapes)
    for _ in range(20):
        pair.step(ours, theirs)
        for i, (p, q) in enumerate(zip(pair.ours, pair.torch, strict=True)):
            gradients[i].append(p.grad.array)
            x, scale = direction(gradients[i], momentum), lr * math.sqrt(max(1, shapes[i][0] / shapes[i][1]))
            exact = by_singular_values(x)
            expected[i] = expected[i] * (1 - lr * decay) - scale * exact
            np.testing.assert_allclose(p.array, expected[i], rtol=1e-11, atol=1e-13)

            rounding = np.linalg.norm(in_bfloat16(x) - exact)
            assert 2**-10 < rounding / np.linalg.norm(exact) < 2**-3
            # Errors of the steps add up; the weight decay shrinks those that were.
            bounds[i] = bounds[i] * (1 - lr * decay) + scale * rounding
            difference = np.linalg.norm(p.array - q.detach().numpy())
            # Sums in float32 instead of exact ones flip a few of torch's roundings: half as much again.
            assert difference < 1.5 * bounds[i]


def test_iterates_in_bfloat16_as_torch_does():
    """What `in_bfloat16` says of torch is so: bit for bit, where a sum is too short to round otherwise."""
    rng = np.random.default_rng(0)
    for shape in [(4, 3), (3, 4), (1, 5), (5, 1), (1, 1)]:
        gradient = rng.standard_normal(shape)
        param = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))
        param.grad = torch.from_numpy(gradient.copy())
        torch.optim.Muon([param], lr=1.0, weight_decay=0, momentum=0, adjust_lr_fn="original").step()
        scale = math.sqrt(max(1, shape[0] / shape[1]))
        np.testing.assert_allclose(-param.detach().numpy(), scale * in_bfloat16(gradient), rtol=1e-12)


def test_defaults_are_torchs(twins):
    pair = twins("float64", shapes=MATRICES)
    assert optim.Muon(pair.ours).defaults == torch.optim.Muon(pair.torch).defaults


def test_a_zero_gradient_only_decays(twins):
    pair = twins("float32", shapes=[(3, 2)])
    [param] = pair.ours
    before = param.array.copy()
    optimizer = optim.Muon([param], lr=0.5, weight_decay=0.2)
    param.grad = param.detach() * 0
    optimizer.step()
    np.testing.assert_allclose(param.array, before * 0.9, rtol=1e-6)


def test_a_matrix_without_columns_is_left_alone(twins):
    """torch divides by the number of columns."""
    pair = twins("float32", shapes=[(3, 0)])
    pair.set_gradients()
    optim.Muon(pair.ours).step()
    assert pair.ours[0].shape == (3, 0)


def test_coefficients_survive_json(twins):
    pair = twins("float64", shapes=MATRICES)
    optimizer = optim.Muon(pair.ours)
    saved = optimizer.state_dict()
    saved["param_groups"][0]["ns_coefficients"] = list(COEFFICIENTS)
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["ns_coefficients"] == COEFFICIENTS
