"""Counter-based random numbers: known answers, purity, independence, distribution."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tinynet import random


@pytest.fixture(autouse=True)
def _restore_seed():
    seed = random.initial_seed()
    yield
    random.manual_seed(seed)


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [  # kat_vectors of Random123: philox 4x32, 10 rounds
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_known_answers(counter, key, answer):
    words = [
        np.array([int(word, 16) for word in text.split()], dtype=np.uint32) for text in (counter, key, answer)
    ]
    assert np.array_equal(random.philox4x32(words[0], words[1]), words[2])
    batch = np.stack([words[0], np.zeros(4, np.uint32), words[0]])
    assert np.array_equal(random.philox4x32(batch, words[1])[[0, 2]], np.stack([words[2], words[2]]))


def test_generator_is_a_function_of_its_key():
    first = random.generator("shuffle", 3, 4, seed=1).random(8)
    random.manual_seed(99)
    random.next_generator("shuffle").random(5)
    assert np.array_equal(first, random.generator("shuffle", 3, 4, seed=1).random(8))


@pytest.mark.parametrize(
    ("purpose", "key", "seed"),
    [
        ("flip", (3, 4), 1),
        ("shuffle", (4, 3), 1),
        ("shuffle", (3, 4), 2),
        ("shuffle", (3,), 1),
        ("shuffle", (3, 4, 0), 1),
        ("shuffle", (34,), 1),
        ("shuffle", (3, 4), -1),
        ("shuffle", (3, 4), 1 + 2**64),
    ],
)
def test_another_key_gives_another_stream(purpose, key, seed):
    base = random.generator("shuffle", 3, 4, seed=1).random(8)
    assert not np.any(base == random.generator(purpose, *key, seed=seed).random(8))
    indices = np.arange(50)
    base = random.uniform("shuffle", 3, 4, indices=indices, count=2, seed=1)
    assert not np.array_equal(base, random.uniform(purpose, *key, indices=indices, count=2, seed=seed))


def test_streams_are_the_same_in_another_process():
    code = "from tinynet import random; print(random.generator('init', 7, seed=5).integers(2**62))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == random.generator("init", 7, seed=5).integers(2**62)


def test_uniform_row_depends_on_its_index_alone():
    indices = np.array([5, 2**40, 0, 5, 2**33 + 5, 17])
    rows = random.uniform("crop", 2, indices=indices, count=6, seed=3)
    assert rows.shape == (6, 6)
    assert rows.dtype == np.float64
    for row, index in zip(rows, indices, strict=True):
        assert np.array_equal(row, random.uniform("crop", 2, indices=np.array([index]), count=6, seed=3)[0])
    assert len(np.unique(rows[[0, 1, 2, 4, 5]])) == 30
    assert np.array_equal(rows[:, :2], random.uniform("crop", 2, indices=indices, count=2, seed=3))


def test_uniform_is_uniform_and_uncorrelated():
    values = random.uniform("flip", 0, indices=np.arange(40_000), count=3, seed=0)
    assert values.min() >= 0
    assert values.max() < 1
    for column in values.T:
        counts = np.histogram(column, bins=20, range=(0, 1))[0]
        chi_squared = np.sum((counts - 2000) ** 2 / 2000)
        assert chi_squared < 43.8  # 99.9 % quantile with 19 degrees of freedom
    correlation = np.corrcoef(np.column_stack([values[:-1], values[1:]]).T)
    assert np.abs(correlation - np.eye(6)).max() < 0.02  # four standard deviations


def test_uniform_takes_no_indices_and_default_seed():
    assert random.uniform("flip", indices=np.arange(0), count=2).shape == (0, 2)
    random.manual_seed(8)
    implicit = random.uniform("flip", indices=np.arange(3), count=2)
    assert np.array_equal(implicit, random.uniform("flip", indices=np.arange(3), count=2, seed=8))


@pytest.mark.parametrize(
    ("indices", "count", "match"),
    [
        (np.zeros(2), 1, "float64"),
        (np.zeros((2, 1), int), 1, r"\(2, 1\)"),
        (np.array([3, -4]), 1, "-4"),
        (np.arange(2), 0, "count"),
    ],
)
def test_uniform_refuses_bad_arguments(indices, count, match):
    with pytest.raises(ValueError, match=match):
        random.uniform("flip", indices=indices, count=count)


def test_next_generator_counts_calls_per_purpose():
    random.manual_seed(4)
    first, second = random.next_generator("init").random(3), random.next_generator("init").random(3)
    assert not np.array_equal(first, second)
    random.manual_seed(4)
    random.next_generator("dropout")
    assert np.array_equal(random.next_generator("init").random(3), first)
    assert np.array_equal(random.next_generator("init").random(3), second)


def test_a_step_can_be_drawn_again_alone():
    random.manual_seed(4)
    drawn = {}
    for step in range(3):
        random.set_step(1, step)
        drawn[step] = [random.next_generator("dropout").random(4) for _ in range(2)]
    random.manual_seed(4)
    random.set_step(1, 2)
    again = [random.next_generator("dropout").random(4) for _ in range(2)]
    assert np.array_equal(again, drawn[2])
    assert len(np.unique(np.array([drawn[0], drawn[1], drawn[2]]))) == 24


def test_manual_seed_needs_an_integer_and_is_reported():
    random.manual_seed(np.int64(12))
    assert random.initial_seed() == 12
    with pytest.raises(TypeError):
        random.manual_seed(1.5)
