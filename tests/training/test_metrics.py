from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tinynet.training.errors import CheckpointError
from tinynet.training.metrics import EpochRecord, MetricsLog

RECORD = EpochRecord(1, 10, 2.0, 0.25, 1.5, 0.5, 0.1, 3.0, 100.0)


def test_lines_come_back(tmp_path):
    log = MetricsLog(tmp_path)
    for epoch in (1, 2, 3):
        log.append(replace(RECORD, epoch=epoch))
    assert [line["epoch"] for line in log.read()] == [1, 2, 3]
    assert log.read()[0]["val_accuracy"] == 0.5
    log.keep(2, "epoch")
    assert [line["epoch"] for line in log.read()] == [1, 2]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_what_is_not_finite_is_null_and_flagged(tmp_path, name, value):
    log = MetricsLog(tmp_path)
    log.append(replace(RECORD, **{name: value}))
    line = json.loads(log.path.read_text(), parse_constant=pytest.fail)
    assert line[name] is None
    assert line["finite"] is False


def test_a_last_line_cut_by_a_crash_is_dropped(tmp_path):
    log = MetricsLog(tmp_path)
    log.append(RECORD)
    with open(log.path, "a") as file:
        file.write('{"epoch": 2, "st')
    assert [line["epoch"] for line in log.read()] == [1]
    log.keep(1, "epoch")
    log.append(replace(RECORD, epoch=2))
    assert [line["epoch"] for line in log.read()] == [1, 2]


def test_damage_elsewhere_is_an_error(tmp_path):
    log = MetricsLog(tmp_path)
    log.path.write_text('{"epoch": 1}\n{"epoch":\n{"epoch": 3}\n')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl is damaged: line 2: "):
        log.read()


def test_a_byte_that_is_no_text_is_damage(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch": 1}\n{"ep\xff\n')
    with pytest.raises(CheckpointError, match="is damaged"):
        MetricsLog(tmp_path).read()
