"""The kernel benchmark covers every accelerated kernel with calls that its fast version accepts."""

from __future__ import annotations

import pytest

from benchmarks import kernels as benchmark
from tinynet import kernels


def test_every_accelerated_kernel_is_timed_on_calls_it_covers() -> None:
    for name, entry in kernels.kernels().items():
        for version in entry.accelerated:
            calls = list(benchmark.CALLS[name]())
            assert calls
            assert all(version.when(*args, **options) for _, args, options in calls)


def test_the_table_has_a_row_a_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(benchmark.convolutions("conv2d_grad_input"))
    monkeypatch.setattr(benchmark, "CALLS", {"conv2d_grad_input": lambda: iter([first])})
    entry = kernels.kernels()["conv2d_grad_input"]
    monkeypatch.setattr(kernels, "kernels", lambda: {"conv2d_grad_input": entry})
    benchmark.main(["--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("| conv2d_grad_input | batch 128, 16 channels, 32x32 |")
    assert float(lines[2].split("|")[3]) > 0
