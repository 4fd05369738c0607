from __future__ import annotations

import pytest

from benchmarks import augment, records


def test_a_tiny_measurement_through_the_command_line(tmp_path, capsys):
    flags = ["--names", "flip", "--batch-size", "4", "--model", "lenet", "--threads", "1", "--rounds", "1"]
    augment.main([*flags, "--results", str(tmp_path)])
    (record,) = records.read("augment", tmp_path)
    assert (record["model"], record["batch_size"], record["threads"]) == ("lenet", 4, 1)
    assert record["images_per_second"].keys() == {"flip"}
    found = record["images_per_second"]["flip"]
    assert tuple(found) == augment.WAYS
    for median, low, high in found.values():
        assert 0 < low <= median <= high
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| flip | ")
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")


@pytest.mark.parametrize("way", [augment.alone, augment.loader])
def test_every_call_prepares_another_batch(way, monkeypatch):
    seen = []

    class Spy:
        def __call__(self, images, *, seed, epoch, indices):
            seen.append((epoch, indices[0]))
            return images

    monkeypatch.setattr(augment, "_transform", lambda name: Spy())
    work = way(augment="none", batch_size=augment.IMAGES // 2)
    for _ in range(5):
        assert work() is None
    assert len(set(seen)) == len(seen) >= 5
