"""Adding a convolution's gradient to another equals the gradient and the sum, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.cpu.conv import conv2d_grad_input_generated
from tinynet.kernels.generic import fused

pytestmark = pytest.mark.usefixtures("accelerated")

NAMES = ["conv2d_grad_input_add_"]
GEOMETRIES: dict[str, tuple[tuple[int, ...], tuple[int, int, int], dict[str, Any]]] = {
    "shortcut": ((4, 16, 16, 16), (32, 1, 1), {"stride": (2, 2)}),
    "a register tile that does not divide the rows": ((3, 16, 46, 46), (16, 1, 1), {"stride": (2, 2)}),
    "a prime number of pixels": ((3, 19, 15, 37), (33, 1, 1), {"stride": (2, 2)}),
    "one row and column of images": ((5, 64, 1, 33), (64, 1, 1), {"stride": (2, 2)}),
    "windows of two": ((3, 24, 17, 16), (40, 2, 2), {"stride": (3, 3), "padding": (1, 1)}),
    "in parts": ((2, 160, 8, 8), (320, 1, 1), {"stride": (2, 2)}),
    "windows that overlap": ((3, 18, 11, 12), (33, 5, 3), {"stride": (2, 2), "padding": (2, 1)}),
    "few outputs": ((3, 32, 48, 48), (3, 1, 1), {"stride": (2, 2)}),
}


def call(rng: np.random.Generator, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Return grad_x and the other arguments."""
    (N, C, H, W), (O, KH, KW), options = GEOMETRIES[name]
    geometry = {"padding": (0, 0), "dilation": (1, 1), "groups": 1, **options}
    size = [
        (image + 2 * padding - kernel) // stride + 1
        for image, padding, kernel, stride in zip(
            (H, W), geometry["padding"], (KH, KW), geometry["stride"], strict=True
        )
    ]
    grad_x = rng.standard_normal((N, H, W, C), np.float32).transpose(0, 3, 1, 2)
    grad_y = rng.standard_normal((N, *size, O), np.float32).transpose(0, 3, 1, 2)
    weight = rng.standard_normal((O, C, KH, KW), np.float32)
    return grad_x, {"grad_y": grad_y, "weight": weight, **geometry}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_equals_the_sum(
    name: str, threads: int, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    grad_x, given = call(rng, name)
    before = grad_x.copy(order="K")
    kernel = fused.conv2d_grad_input_add_.kernel  # type: ignore[attr-defined]
    chosen = kernel.select(grad_x, **given)
    assert chosen is not kernel.generic
    chosen(grad_x, **given)
    gradient = conv2d_grad_input_generated(**given, image=grad_x.shape[2:])
    generic = before.copy(order="K")
    with kernels.generic_only():
        kernel.generic(generic, **given)
    atol = 5e-5 * np.abs(generic).max()
    np.testing.assert_allclose(grad_x, generic, rtol=0, atol=atol)
    np.testing.assert_allclose(grad_x, before + gradient, rtol=0, atol=atol if "overlap" in name else 0)
    untouched = gradient == 0
    assert untouched.any() or "overlap" in name
    np.testing.assert_array_equal(grad_x[untouched], before[untouched])


@pytest.mark.parametrize("change", ["planes", "dtype", "groups", "stride"])
def test_what_is_left_to_the_generic_kernel(change: str, rng: np.random.Generator) -> None:
    grad_x, given = call(rng, "shortcut")
    if change == "planes":
        grad_x = np.ascontiguousarray(grad_x)
    elif change == "dtype":
        grad_x = grad_x.astype(np.float64)
    elif change == "groups":
        given["groups"], given["weight"] = 2, given["weight"][:, :8]
    else:
        given["stride"], given["grad_y"] = (2, 1), np.repeat(given["grad_y"], 2, axis=3)
    before = grad_x.copy()
    kernel = fused.conv2d_grad_input_add_.kernel  # type: ignore[attr-defined]
    assert kernel.select(grad_x, **given) is kernel.generic
    fused.conv2d_grad_input_add_(grad_x, **given)
    assert (grad_x != before).any()
