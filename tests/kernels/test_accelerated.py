"""Rung 3: every accelerated kernel equals its generic version, alone and in a whole step, and earns its place."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tests.kernels import (
    test_copying,
    test_finished,
    test_fused,
    test_grad_input_add,
    test_gradients,
    test_optim_accelerated,
    test_pool,
)
from tinynet import kernels
from tinynet.kernels.cpu import conv

Call = tuple[tuple[np.ndarray, ...], dict[str, Any]]


GEOMETRIES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((5, 3, 6, 5), (4, 3, 3, 3), {"padding": (1, 1)}),
    ((2, 3, 7, 6), (6, 3, 3, 2), {"padding": (0, 1)}),
    ((1, 3, 8, 7), (3, 3, 3, 3), {"padding": (2, 1), "dilation": (2, 1)}),
    ((2, 4, 7, 6), (6, 2, 3, 2), {"padding": (0, 1), "groups": 2}),
    ((2, 2, 6, 6), (3, 2, 2, 2), {"padding": (2, 0)}),
    ((3, 2, 6, 5), (3, 2, 3, 3), {"stride": (2, 1), "padding": (1, 1)}),
    ((2, 2, 4, 5), (3, 2, 1, 1), {}),
    ((0, 2, 4, 5), (3, 2, 3, 3), {"padding": (1, 1)}),
    ((5, 4, 6, 5), (4, 1, 3, 2), {"padding": (1, 2), "groups": 4}),
    ((3, 3, 8, 9), (3, 1, 2, 3), {"stride": (2, 3), "padding": (1, 0), "dilation": (1, 2), "groups": 3}),
    ((2, 2, 6, 5), (4, 1, 3, 2), {"groups": 2}),
    ((2, 4, 6, 5), (2, 2, 3, 2), {"groups": 2}),
    # Enough for generated kernels: Winograd's form, direct ones, and what is left to others.
    ((5, 16, 12, 11), (24, 16, 3, 3), {"padding": (1, 1)}),
    ((4, 19, 9, 10), (17, 19, 3, 3), {"padding": (0, 2)}),
    ((4, 3, 22, 21), (16, 3, 3, 3), {"padding": (1, 1)}),
    ((4, 16, 12, 11), (20, 16, 3, 2), {"stride": (2, 2), "padding": (1, 0)}),
    ((4, 24, 8, 9), (33, 24, 1, 1), {"stride": (2, 2)}),
    ((5, 16, 15, 16), (24, 16, 3, 3), {"stride": (2, 2), "padding": (1, 1)}),
    ((2, 32, 8, 9), (16, 32, 3, 3), {"padding": (2, 1), "dilation": (2, 1)}),
    ((4, 16, 12, 11), (20, 16, 3, 2), {"stride": (2, 1), "padding": (1, 0)}),
    ((4, 16, 12, 11), (16, 8, 3, 3), {"padding": (1, 1), "groups": 2}),
    ((1, 3, 18, 17), (16, 3, 3, 3), {"padding": (1, 1)}),  # one image: only the result is large enough
]
WINOGRAD, DIRECT = 5e-5, 2e-6
"""Errors of the generated kernels, of the largest value; a sum over images and pixels has 1e-5."""


def channels_last(x: np.ndarray) -> np.ndarray:
    """The same images, their channels side by side in memory."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def convolutions(name: str) -> Callable[[np.random.Generator, str], list[Call]]:
    """The arguments of one of the three convolution kernels for every geometry, images channels last or first."""

    def calls(rng: np.random.Generator, dtype: str) -> list[Call]:
        made = []
        for i, (x_shape, weight_shape, options) in enumerate(GEOMETRIES):
            geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, **options}
            x, weight = (
                rng.standard_normal(x_shape).astype(dtype),
                rng.standard_normal(weight_shape).astype(dtype),
            )
            y = kernels.kernels()["conv2d"].generic(x, weight, None, **geometry)
            grad_y = rng.standard_normal(y.shape).astype(dtype)
            if i % 2:
                x, grad_y = channels_last(x), channels_last(grad_y)
            bias = rng.standard_normal(weight_shape[0]).astype(dtype) if i % 3 else None
            extra: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
                "conv2d": ((x, weight, bias), {}),
                "conv2d_grad_input": ((grad_y, weight), {"image": x_shape[2:]}),
                "conv2d_grad_weight": ((x, grad_y), {"kernel_size": weight_shape[2:]}),
            }
            arrays, more = extra[name]
            made.append((arrays, {**more, **geometry}))
        return made

    return calls


CALLS = {name: convolutions(name) for name in ("conv2d", "conv2d_grad_input", "conv2d_grad_weight")}
VERSIONS = [
    (entry, version)
    for entry in kernels.kernels().values()
    if entry.name in CALLS
    for version in entry.accelerated
]


def test_every_accelerated_kernel_is_compared() -> None:
    accelerated = {name for name, entry in kernels.kernels().items() if entry.accelerated}
    tables = [
        [*CALLS],
        test_copying.NAMES,
        test_finished.NAMES,
        test_fused.NAMES,
        test_grad_input_add.NAMES,
        test_gradients.NAMES,
        test_pool.NAMES,
        test_optim_accelerated.NAMES,
    ]
    assert sorted(accelerated) == sorted(name for names in tables for name in names)


def test_every_version_of_a_convolution_is_compared() -> None:
    assert [len(kernels.kernels()[name].accelerated) for name in CALLS] == [3, 3, 3]


def name_of(value: Any) -> str | None:
    return value.function.__name__ if isinstance(value, kernels.registry.Accelerated) else None


def tolerance(entry: Any, version: Any, dtype: str, options: dict[str, Any]) -> float:
    """The error allowed, of the largest value."""
    if dtype == "float64":
        return 1e-12
    if not version.function.__name__.endswith("generated") or entry.name == "conv2d_grad_weight":
        return WINOGRAD if _may_be_winograd(version, options) else 1e-5
    return WINOGRAD if _may_be_winograd(version, options) else DIRECT


def _may_be_winograd(version: Any, options: dict[str, Any]) -> bool:
    stride, padding = options["stride"], options["padding"]
    return (
        version.function.__name__.endswith("generated")
        and options["dilation"] == (1, 1)
        and (stride == (1, 1) or (stride, padding) == ((2, 2), (1, 1)))
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("entry, version", VERSIONS, ids=name_of)
def test_equals_the_generic_kernel(
    entry: Any,
    version: Any,
    dtype: str,
    threads: int,
    rng: np.random.Generator,
    num_threads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    num_threads(threads)
    monkeypatch.setattr(conv, "CHUNK", 2048)  # several pieces a thread, as with real images
    covered = 0
    for args, options in CALLS[entry.name](rng, dtype):
        before = [None if array is None else array.copy() for array in args]
        if not version.when(*args, **options):
            continue
        covered += 1
        expected, found = entry.generic(*args, **options), version.function(*args, **options)
        assert found.dtype == dtype
        assert found.shape == expected.shape
        most = tolerance(entry, version, dtype, options) * np.abs(expected).max(initial=1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=most)
        for array, copy in zip(args, before, strict=True):
            np.testing.assert_array_equal(array, copy, err_msg="a kernel changed its input")
    if dtype == "float64" and version.function.__name__.endswith("generated"):
        assert covered == 0
    else:
        assert 2 <= covered < len(CALLS[entry.name](rng, dtype)), "samples on both sides of `when`"


def test_a_step_with_each_set_of_kernels(rng: np.random.Generator) -> None:
    """Forward with one set and backward with the other, and the reverse: the gradients are the same."""
    images = rng.standard_normal((2, 3, 8, 8))
    gradients = {}
    for forward in (True, False):
        for backward in (True, False):
            tn.manual_seed(0)
            model = tn.nn.Sequential(
                tn.nn.Conv2d(3, 4, 3, padding=1), tn.nn.BatchNorm2d(4), tn.nn.ReLU(), tn.nn.Conv2d(4, 5, 3)
            ).double()
            x = tn.Tensor(images, requires_grad=True)
            with _chosen(forward):
                y = model(x)
            upstream = tn.Tensor(np.random.default_rng(1).standard_normal(y.shape))
            with _chosen(backward):
                y.backward(upstream)
            gradients[forward, backward] = [x.grad, *(p.grad for p in model.parameters())]
    expected = gradients.pop((False, False))
    for found in gradients.values():
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)


def _chosen(accelerated: bool) -> Any:
    return contextlib.nullcontext() if accelerated else kernels.generic_only()


def test_without_the_folder_everything_still_works(tmp_path: Path) -> None:
    package = Path(tn.__file__).parent
    shutil.copytree(
        package, tmp_path / "tinynet", ignore=shutil.ignore_patterns("cpu", "cuda", "sample", "__pycache__")
    )
    code = (
        "import tinynet as tn; from tinynet import kernels;"
        "assert not any(k.accelerated for k in kernels.kernels().values());"
        "x = tn.ones(1, 1, 4, 4, requires_grad=True);"
        "tn.nn.Conv2d(1, 2, 3, padding=1)(x).sum().backward(); print(tn.__file__, x.grad.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


def test_equal_thread_counts_give_equal_bits(
    rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    x = rng.standard_normal((16, 8, 12, 12), np.float32)
    grad_y = rng.standard_normal((16, 8, 12, 12), np.float32)
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    for threads in (1, 2, 3):
        num_threads(threads)
        runs = [conv.conv2d_grad_weight(x, grad_y, kernel_size=(3, 3), **geometry) for _ in range(5)]
        assert all(np.array_equal(run, runs[0]) for run in runs)
