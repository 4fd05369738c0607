"""Convolutions that are finished in registers equal the convolution and the passes over its results, bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.cpu import conv as cpu_conv
from tinynet.kernels.cpu.codegen import few_plan, small_plan, winograd_plan
from tinynet.kernels.cpu.conv import conv2d_generated
from tinynet.kernels.cpu.fused import channel_affine
from tinynet.kernels.generic import conv, fused
from tinynet.kernels.generic.normalization import coefficients

NAMES = ["conv2d_finished_"]
GEOMETRIES: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "winograd": ((3, 16, 12, 12), (32, 16, 3, 3), {"padding": (1, 1)}),
    "winograd, odd": ((3, 19, 9, 11), (21, 19, 3, 3), {"padding": (0, 1)}),
    "winograd, phases": ((3, 16, 12, 11), (20, 16, 3, 3), {"padding": (1, 1)}),
    "winograd, stride 2": ((3, 16, 17, 16), (33, 16, 3, 3), {"padding": (1, 1), "stride": (2, 2)}),
    "direct": ((4, 19, 12, 11), (37, 19, 3, 2), {"stride": (2, 2), "padding": (1, 0)}),
    "direct, one pixel": ((4, 24, 8, 9), (33, 24, 1, 1), {}),
    "direct, in parts": ((2, 160, 8, 8), (20, 160, 3, 3), {"stride": (2, 2), "padding": (0, 1)}),
    "few pixels": ((1, 65, 8, 7), (70, 65, 3, 3), {"stride": (2, 2), "padding": (1, 1)}),
    "small images": ((24, 40, 2, 2), (48, 40, 3, 3), {"padding": (1, 1)}),
}
KINDS = [
    dict(zip(("bias", "scale", "other", "relu", "statistics"), chosen, strict=True))
    for chosen in itertools.product((False, True), repeat=5)
    if chosen[1] or not chosen[4]
]
"""Every choice of what is done."""


def channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def call(rng: np.random.Generator, name: str, kind: dict[str, bool]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return y, full of NaN, and the other arguments."""
    x_shape, weight_shape, options = GEOMETRIES[name]
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, **options}
    x = channels_last(rng.standard_normal(x_shape).astype(np.float32))
    weight = rng.standard_normal(weight_shape).astype(np.float32)
    y = channels_last(conv.conv2d.kernel.generic(x, weight, None, **geometry))  # type: ignore[attr-defined]
    other = channels_last(rng.standard_normal(y.shape).astype(np.float32))
    bias, scale, shift, mean = rng.uniform(-1.5, 1.5, (4, len(weight))).astype(np.float32)
    var = rng.uniform(0, 2, len(weight)).astype(np.float32)
    given = {
        "bias": bias if kind["bias"] else None,
        "scale": scale if kind["scale"] else None,
        "shift": shift if kind["scale"] else None,
        "statistics": (mean, var, 1e-3) if kind["statistics"] else None,
        "other": other if kind["other"] else None,
        "relu": kind["relu"],
    }
    return np.full_like(y, np.nan), {"x": x, "weight": weight, **given, **geometry}


@pytest.fixture(autouse=True)
def phases(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let Winograd's three stages be kernels of their own where the name says so."""
    if "phases" in request.node.name:
        from tinynet.kernels.cpu.codegen import program

        monkeypatch.setattr(winograd_plan, "LOCAL", 0)
        monkeypatch.setattr(winograd_plan, "STREAMED", 0)
        winograd_plan._blocking.cache_clear()
        program.forget_plans()
        yield
        winograd_plan._blocking.cache_clear()
        program.forget_plans()
    else:
        yield


@pytest.mark.usefixtures("accelerated")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_equals_the_passes_one_by_one(
    name: str, threads: int, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    for kind in KINDS:
        y, given = call(rng, name, kind)
        finished = fused.conv2d_finished_.kernel  # type: ignore[attr-defined]
        assert finished.select(y, **given) is not finished.generic
        finished.select(y, **given)(y, **given)
        geometry = {key: given[key] for key in ("stride", "padding", "dilation", "groups")}
        expected = conv2d_generated(given["x"], given["weight"], given["bias"], **geometry)
        if kind["scale"]:
            scale, shift = given["scale"], given["shift"]
            if kind["statistics"]:
                scale, shift = coefficients(scale, shift, *given["statistics"])
            expected = channel_affine(
                expected, scale=scale, shift=shift,
                other=None, other_scale=None, other_shift=None, relu=False,
            )  # fmt: skip
        if kind["other"]:
            expected = expected + given["other"]
        if kind["relu"]:
            expected = np.maximum(expected, np.float32(0))
        np.testing.assert_array_equal(y, expected, err_msg=str(kind))
        generic = np.full_like(y, np.nan)
        with kernels.generic_only():
            finished.generic(generic, **given)
        np.testing.assert_allclose(y, generic, rtol=0, atol=5e-5 * np.abs(generic).max())


def test_the_geometries_reach_every_kernel() -> None:
    from tinynet.kernels.cpu.codegen import convolution
    from tinynet.kernels.cpu.conv import _shape

    found = {}
    for name, (x, weight, options) in GEOMETRIES.items():
        geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), **options}
        shape = _shape(x, weight, geometry["stride"], geometry["padding"], geometry["dilation"])
        found[name] = (
            "winograd" if convolution.takes_winograd(shape)
            else "small" if small_plan.fits(shape)
            else "few" if few_plan.fits(shape)
            else "direct"
        )  # fmt: skip
    assert list(found.values()) == [*["winograd"] * 4, *["direct"] * 3, "few", "small"]


@pytest.mark.usefixtures("accelerated")
@pytest.mark.parametrize("change", ["planes", "dtype", "statistics", "groups", "no compiler"])
def test_what_is_left_to_the_generic_kernel(
    change: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, given = call(rng, "winograd", KINDS[-1])
    if change == "planes":
        y = np.ascontiguousarray(y)
    elif change == "dtype":
        given["scale"] = given["scale"].astype(np.float64)
    elif change == "statistics":
        mean, var, eps = given["statistics"]
        given["statistics"] = mean, var.astype(np.float64), eps
    elif change == "no compiler":

        def absent() -> None:
            raise ModuleNotFoundError("llvmlite")

        monkeypatch.setattr(cpu_conv, "has_compiler", lambda: False)
        monkeypatch.setattr(cpu_conv, "_generated", absent)
    else:
        given["groups"], given["weight"] = 2, given["weight"][:, :8]
    finished = fused.conv2d_finished_.kernel  # type: ignore[attr-defined]
    assert finished.select(y, **given) is finished.generic
    if change in ("planes", "groups"):
        fused.conv2d_finished_(y, **given)
        assert np.isfinite(y).all()
