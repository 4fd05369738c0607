"""Training is repeated bit for bit, whatever ran before and whatever memory holds."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from benchmarks import determinism
from benchmarks.networks import prepare
from tinynet import memory
from tinynet.kernels.cpu.codegen import program

pytestmark = pytest.mark.usefixtures("accelerated")
SIZE = {"steps": 20, "batch_size": 16}


@pytest.mark.parametrize("threads", [1, 2])
def test_twenty_steps_end_with_the_same_bits_whatever_ran_between(threads, num_threads):
    num_threads(threads)
    first = determinism.train("resnet8", **SIZE, threads=threads)
    prepare(model="resnet-6block", batch_size=5, threads=threads, mode="train")()
    assert determinism.train("resnet8", **SIZE, threads=threads) == first


def test_another_seed_ends_with_other_bits(num_threads):
    num_threads(1)
    found = {determinism.train("resnet8", steps=1, batch_size=4, threads=1, seed=seed) for seed in (0, 1)}
    assert len(found) == 2


def fill_unused_memory(value: float) -> int:
    """Write a value all over what the pool and the scratch memory hold for later; return how many arrays."""
    arrays = list(program.scratch._arrays.values())
    arrays += [np.frombuffer(block, np.float32) for blocks in memory._free.values() for _, block in blocks]
    for array in arrays:
        array.fill(value)
    return len(arrays)


@pytest.mark.parametrize("model", ["resnet8", "lenet", "resnet-6block"])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_memory_holds_from_before_does_not_matter(model, threads, num_threads):
    """NaN, and a number that would change every sum, lie in all memory that is used again."""
    num_threads(threads)
    size = {"steps": 2, "batch_size": 12, "threads": threads}
    expected = determinism.train(model, **size)
    for value in (np.nan, 1e30):
        gc.collect()
        determinism.train(model, **size)  # so that there is memory to fill
        assert fill_unused_memory(value) > 10
        assert determinism.train(model, **size) == expected


def test_the_command_line_compares_two_processes(capsys, monkeypatch):
    flags = ["--steps", "2", "--batch-size", "4", "--threads", "1"]
    assert determinism.main(flags) == 0
    assert capsys.readouterr().out.endswith("the same bits\n")
    digests = iter(["a", "b"])
    monkeypatch.setattr(determinism, "_in_new_process", lambda *_: next(digests))
    assert determinism.main(flags) == 1
    assert "DIFFERENT" in capsys.readouterr().out
