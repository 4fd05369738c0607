"""Both gradients of a convolution by one kernel: as close to the exact ones as by two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import kernels, nn
from tinynet.kernels.generic import conv

pytestmark = pytest.mark.usefixtures("accelerated")

NAMES = ["conv2d_gradients"]
GEOMETRY: dict[str, Any] = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
SHAPES = {
    "16 channels": (32, 16, 16, (16, 16), 1),
    "other channels out": (32, 16, 24, (16, 20), 1),
    "tiles not filled": (48, 30, 17, (13, 11), 1),
    "32 channels": (160, 32, 32, (16, 16), 1),
    "images that fall into no equal parts": (33, 16, 16, (32, 32), 1),
    "stride 2": (64, 16, 32, (32, 32), 2),
    "stride 2, odd": (64, 17, 16, (31, 32), 2),
}
ENTRY = conv.conv2d_gradients.kernel  # type: ignore[attr-defined]


def images(rng: np.random.Generator, *shape: int) -> np.ndarray:
    N, C, H, W = shape
    return rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)


def arrays(rng: np.random.Generator, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, grad_y and weight."""
    N, C, O, (H, W), stride = SHAPES[name]
    grad_y = images(rng, N, O, -(-H // stride), -(-W // stride))
    return images(rng, N, C, H, W), grad_y, rng.standard_normal((O, C, 3, 3), np.float32)


def geometry(name: str) -> dict[str, Any]:
    return {**GEOMETRY, "stride": (SHAPES[name][-1],) * 2}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", SHAPES)
def test_equals_the_two(
    name: str, threads: int, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    given = arrays(rng, name)
    before = [array.copy() for array in given]
    options = geometry(name)
    chosen = ENTRY.select(*given, **options)
    assert chosen is not ENTRY.generic
    found, again = chosen(*given, **options), chosen(*given, **options)
    with kernels.generic_only():
        exact = ENTRY.generic(*(array.astype(np.float64) for array in given), **options)
    for array, other, true in zip(found, again, exact, strict=True):
        assert np.linalg.norm(array - true) <= 1e-5 * np.linalg.norm(true)
        assert array.shape == true.shape
        np.testing.assert_array_equal(array, other)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("change", ["dtype", "stride", "window", "groups", "many channels", "few images"])
def test_what_is_left_to_two_kernels(change: str, rng: np.random.Generator) -> None:
    (x, grad_y, weight), options = arrays(rng, "16 channels"), dict(GEOMETRY)
    if change == "dtype":
        x, grad_y, weight = (array.astype(np.float64) for array in (x, grad_y, weight))
    elif change == "stride":
        options["stride"], grad_y = (3, 3), images(rng, 32, 16, 6, 6)
    elif change == "window":
        weight, grad_y = rng.standard_normal((16, 16, 1, 1), np.float32), images(rng, 32, 16, 18, 18)
    elif change == "groups":
        options["groups"], weight = 2, weight[:, :8]
    elif change == "many channels":
        x, grad_y = images(rng, 32, 64, 16, 16), images(rng, 32, 64, 16, 16)
        weight = rng.standard_normal((64, 64, 3, 3), np.float32)
    else:
        x, grad_y = x[:1], grad_y[:1]
    assert ENTRY.select(x, grad_y, weight, **options) is ENTRY.generic
    with kernels.generic_only():
        expected = ENTRY.generic(x, grad_y, weight, **options)
    for array, true in zip(conv.conv2d_gradients(x, grad_y, weight, **options), expected, strict=True):
        np.testing.assert_allclose(array, true, rtol=0, atol=2e-5 * np.abs(true).max())


@pytest.mark.parametrize("frozen", ["", "x", "weight"])
def test_backward_takes_it_where_both_are_wanted(
    frozen: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in NAMES + ["conv2d_grad_input", "conv2d_grad_weight"]:
        entry = kernels.kernels()[name]

        def counted(
            *args: Any, _name: str = name, _version: Any = entry.accelerated[-1], **options: Any
        ) -> Any:
            calls.append(_name)
            return _version.function(*args, **options)

        counted.ahead = True  # type: ignore[attr-defined]
        monkeypatch.setattr(entry, "accelerated", [replace(entry.accelerated[-1], function=counted)])
    x, grad_y, weight = arrays(rng, "16 channels")
    layer = nn.Conv2d(16, 16, 3, padding=1)
    layer.weight.data = tn.Tensor(weight.copy())
    layer.weight.requires_grad_(frozen != "weight")
    given = tn.Tensor(x).requires_grad_(frozen != "x")
    layer(given).backward(tn.Tensor(grad_y))
    wanted = {"": ["conv2d_gradients"], "x": ["conv2d_grad_weight"], "weight": ["conv2d_grad_input"]}
    assert calls == wanted[frozen]
    exact = ENTRY.generic(*(array.astype(np.float64) for array in (x, grad_y, weight)), **GEOMETRY)
    for tensor, true in zip((given, layer.weight), exact, strict=True):
        if tensor.requires_grad:
            assert tensor.grad is not None
            assert np.linalg.norm(tensor.grad.array - true) <= 1e-5 * np.linalg.norm(true)
