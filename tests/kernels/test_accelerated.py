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
from tinynet import kernels

Call = tuple[tuple[np.ndarray, ...], dict[str, Any]]


def conv2d_grad_input(rng: np.random.Generator, dtype: str) -> list[Call]:
    """Windows, paddings, dilations and groups; some have a stride and are not covered."""
    calls = []
    for x, weight, options in (
        ((2, 3, 6, 5), (4, 3, 3, 3), {"padding": (1, 1)}),
        ((2, 4, 7, 6), (6, 2, 3, 2), {"padding": (0, 1), "groups": 2}),
        ((1, 3, 8, 7), (3, 1, 3, 3), {"padding": (2, 1), "dilation": (2, 1), "groups": 3}),
        ((2, 2, 6, 6), (3, 2, 2, 2), {"padding": (2, 0)}),
        ((2, 2, 6, 5), (3, 2, 3, 3), {"stride": (2, 1), "padding": (1, 1)}),
        ((2, 2, 4, 5), (3, 2, 1, 1), {}),
        ((0, 2, 4, 5), (3, 2, 3, 3), {"padding": (1, 1)}),
    ):
        geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, **options}
        w = rng.standard_normal(weight).astype(dtype)
        y = kernels.kernels()["conv2d"].generic(np.zeros(x, dtype), w, **geometry)
        calls.append(((rng.standard_normal(y.shape).astype(dtype), w), {"image": x[2:], **geometry}))
    return calls


CALLS: dict[str, Callable[[np.random.Generator, str], list[Call]]] = {"conv2d_grad_input": conv2d_grad_input}
VERSIONS = [(entry, version) for entry in kernels.kernels().values() for version in entry.accelerated]


def name_of(value: Any) -> str | None:
    return f"{value.name}" if isinstance(value, kernels.registry.Kernel) else None


@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("entry, version", VERSIONS, ids=name_of)
def test_equals_the_generic_kernel(
    entry: Any, version: Any, dtype: str, rtol: float, rng: np.random.Generator
) -> None:
    covered = 0
    for args, options in CALLS[entry.name](rng, dtype):
        before = [array.copy() for array in args]
        if not version.when(*args, **options):
            continue
        covered += 1
        expected, found = entry.generic(*args, **options), version.function(*args, **options)
        assert found.dtype == dtype
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max(initial=1))
        for array, copy in zip(args, before, strict=True):
            np.testing.assert_array_equal(array, copy, err_msg="a kernel changed its input")
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
