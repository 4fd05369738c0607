"""The registry: dispatch, fallback, the generic switch, and what it refuses."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels import registry


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An empty registry, so that a test's kernels do not stay in the real one."""
    fresh: dict[str, Any] = {}
    monkeypatch.setattr(registry, "_kernels", fresh)
    monkeypatch.setattr(registry, "_use_accelerated", True)
    return fresh


def declare() -> Any:
    @registry.kernel
    def scale(x: Any, *, factor: float) -> str:
        """Return which version ran."""
        return "generic"

    return scale


def test_a_call_takes_the_latest_version_that_covers_it(table: dict[str, Any]) -> None:
    scale = declare()

    @registry.accelerates(scale, device="cpu")
    def scale_cpu(x: Any, *, factor: float) -> str:
        return "cpu"

    @registry.accelerates(scale, device="cpu", when=lambda x, *, factor: factor == 2)
    def scale_by_two(x: Any, *, factor: float) -> str:
        return "cpu, by two"

    @registry.accelerates(scale, device="cuda")
    def scale_cuda(x: Any, *, factor: float) -> str:
        return "cuda"

    assert scale(np.ones(2), factor=2) == "cpu, by two"
    assert scale(np.ones(2), factor=3) == "cpu"
    with kernels.generic_only():
        assert scale(np.ones(2), factor=2) == "generic"
    assert scale(np.ones(2), factor=2) == "cpu, by two"


def test_without_a_fitting_version_the_generic_one_runs(table: dict[str, Any]) -> None:
    scale = declare()
    assert scale(np.ones(2), factor=2) == "generic"

    @registry.accelerates(scale, device="cuda")
    def scale_cuda(x: Any, *, factor: float) -> str:
        return "cuda"

    assert scale(np.ones(2), factor=2) == "generic"


def test_generic_only_ends_with_its_block_also_after_an_error(table: dict[str, Any]) -> None:
    with pytest.raises(ZeroDivisionError), kernels.generic_only():
        1 / 0
    assert registry._use_accelerated


def test_the_name_and_the_documentation_are_the_generic_version_s(table: dict[str, Any]) -> None:
    scale = declare()
    assert scale.__name__ == "scale"
    assert inspect.getdoc(scale) == "Return which version ran."


def test_registering_twice_is_refused(table: dict[str, Any]) -> None:
    scale = declare()
    with pytest.raises(ValueError, match="'scale' is declared twice"):
        declare()

    def scale_cpu(x: Any, *, factor: float) -> str:
        return "cpu"

    registry.accelerates(scale, device="cpu")(scale_cpu)
    with pytest.raises(ValueError, match="registered twice for scale on cpu"):
        registry.accelerates(scale, device="cpu")(scale_cpu)


@pytest.mark.parametrize(
    "other",
    [
        lambda x, *, factors: 0,
        lambda x, factor: 0,
        lambda x, *, factor=1: 0,
        lambda x, *, factor, more: 0,
    ],
)
def test_another_signature_is_refused(table: dict[str, Any], other: Any) -> None:
    scale = declare()
    with pytest.raises(TypeError, match="differs from scale"):
        registry.accelerates(scale, device="cpu")(other)


def test_only_kernels_can_be_accelerated(table: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="is not a kernel"):
        registry.accelerates(len, device="cpu")(lambda x: x)


@pytest.mark.parametrize("choice, expected", [("generic", "False"), ("auto", "True")])
def test_the_environment_variable_chooses(choice: str, expected: str) -> None:
    done = _run(choice)
    assert done.stdout.strip() == expected, done.stderr


def test_a_wrong_environment_variable_is_named() -> None:
    done = _run("fast")
    assert done.returncode != 0
    assert "TINYNET_KERNELS is 'fast'; it must be 'auto' or 'generic'" in done.stderr


def _run(choice: str) -> subprocess.CompletedProcess[str]:
    code = "from tinynet.kernels import kernels, registry; kernels()['relu'].select(); print(registry._use_accelerated)"
    environment = {**os.environ, "TINYNET_KERNELS": choice}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_every_kernel_is_declared_by_a_generic_module() -> None:
    for name, entry in kernels.kernels().items():
        assert entry.generic.__module__.startswith("tinynet.kernels.generic."), name
        for version in entry.accelerated:
            assert version.function.__module__.startswith(f"tinynet.kernels.{version.device}."), name


def test_arrays_of_one_shape_pass_by_keyword() -> None:
    """Design rule 12: a gradient and its values cannot change places unnoticed."""
    for name, entry in kernels.kernels().items():
        parameters = inspect.signature(entry.generic).parameters.values()
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        alike = [
            n
            for n in positional
            if n in ("mean", "invstd", "var", "exp_avg", "exp_avg_sq", "momentum_buffer")
        ]
        assert not alike, f"{name}: {alike}"
