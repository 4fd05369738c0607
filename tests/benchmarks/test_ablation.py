from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from benchmarks import ablation, records
from tinynet import models, run_ahead
from tinynet.autograd import delayed
from tinynet.kernels.cpu.codegen import chains, convolution


def test_a_tiny_measurement_through_the_command_line(tmp_path, capsys):
    flags = ["--models", "resnet8", "--batch-size", "2", "--rounds", "2", "--calls", "1", "--warmup", "1"]
    ablation.main([*flags, "--threads", "1", "--results", str(tmp_path)])
    (record,) = records.read("ablation", tmp_path)
    assert list(record["seconds"]) == ["all", *ablation.MECHANISMS]
    assert all(len(rounds) == 2 for rounds in record["seconds"].values())
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].startswith("| resnet8 | 2 | ")
    assert lines[2].count("|") == lines[3].count("|") == lines[4].count("|")


@pytest.mark.parametrize("name", ablation.MECHANISMS)
def test_what_is_switched_off(name, monkeypatch):
    """Each switches off what it names and nothing else; results are those of all but for Winograd's last bits."""
    monkeypatch.setattr(chains, "LEAST", chains.LEAST)
    monkeypatch.setattr(run_ahead, "enabled", True)
    monkeypatch.setattr(delayed, "enabled", True)
    monkeypatch.setattr(convolution, "use_winograd", True)
    ablation.MECHANISMS[name]()
    assert (chains.LEAST > 1 << 40) == (name == "chains")
    assert run_ahead.enabled == (name != "running ahead")
    assert delayed.enabled == (name != "fusion")
    assert convolution.use_winograd == (name != "Winograd")
    tn.manual_seed(0)
    x = tn.tensor(np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32))
    assert models.build("resnet8")(x).isfinite().all()


def test_a_row():
    record = {"model": "resnet20", "batch_size": 128, "median": 0.09, "ratios": {"a": [1.1, 1.0, 1.2]}}
    assert ablation.row(record) == "| resnet20 | 128 | 90.0 | 1.10 (1.00-1.20) |"
