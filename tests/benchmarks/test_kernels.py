"""The kernel benchmark covers every accelerated kernel and prints a row a call."""

from __future__ import annotations

import pytest

from benchmarks import kernels as benchmark
from tinynet import kernels


def test_every_accelerated_kernel_is_timed() -> None:
    accelerated = {name for name, entry in kernels.kernels().items() if entry.accelerated}
    assert accelerated == set(benchmark.KERNELS)


@pytest.mark.parametrize(
    "name", ["conv2d", "batch_norm_backward_behind_relu", "max_pool2d_backward", "avg_pool2d", "adam_all_"]
)
def test_the_table_has_a_row_a_call(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "SHAPES", ((2, 3, 8),))
    benchmark.main(["--kernels", name, "--rounds", "1", "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f"| {name} | 2, 3, 8x8 |")
    assert lines[2].count("|") == lines[0].count("|") == 6
