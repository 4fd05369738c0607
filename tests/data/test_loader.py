"""Batches: order, sizes, reproducibility, the background thread."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tinynet.data import ArrayDataset, DataError
from tinynet.data.loader import BatchLoader
from tinynet.data.transforms import Compose, Normalize, augmentation_for


def _dataset(size: int) -> ArrayDataset:
    images = np.random.default_rng(0).integers(0, 256, (size, 3, 32, 32), dtype=np.uint8)
    return ArrayDataset(images, np.arange(size) % 10, tuple("abcdefghij"), "test")


AUGMENTED = Compose([augmentation_for("crop-flip"), Normalize((0.5,) * 3, (0.5,) * 3)])
DATASET = _dataset(50)


def _loader(dataset=DATASET, batch_size=8, **options):
    return BatchLoader(dataset, batch_size, **{"shuffle": True, "transform": AUGMENTED, "seed": 1, **options})


def _threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("tinynet-loader")]


@pytest.mark.parametrize("prefetch", [0, 1, 2, 100])
@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [8] * 6 + [2]), (True, [8] * 6)])
def test_batches_have_the_right_sizes_and_dtypes(drop_last, sizes, prefetch):
    loader = _loader(drop_last=drop_last, prefetch=prefetch)
    batches = list(loader.epoch(0))
    assert [len(labels) for _, labels in batches] == sizes
    assert len(loader) == len(sizes)
    for images, labels in batches:
        assert images.shape == (len(labels), 3, 32, 32)
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
    assert _threads() == []


def test_an_epoch_has_every_image_once_in_an_order_of_its_own():
    orders = [_loader().order(epoch) for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(50))
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])
    assert np.array_equal(orders[1], _loader().order(1))
    assert not np.array_equal(orders[1], _loader(seed=2).order(1))
    labels = np.concatenate([labels for _, labels in _loader().epoch(1)])
    assert np.array_equal(labels, DATASET.labels[orders[1]])


def test_without_shuffling_the_order_is_the_datasets_own():
    loader = _loader(shuffle=False, transform=None)
    images = np.concatenate([images for images, _ in loader.epoch(4)])
    assert np.array_equal(images, DATASET.images)


@pytest.mark.parametrize("start_step", [0, 3, 6, 7])
def test_an_epoch_continues_at_any_step_bit_for_bit(start_step):
    whole = list(_loader().epoch(2))
    rest = list(_loader(prefetch=0).epoch(2, start_step))
    assert len(rest) == 7 - start_step
    for (images, labels), (other_images, other_labels) in zip(rest, whole[start_step:], strict=True):
        assert np.array_equal(images, other_images)
        assert np.array_equal(labels, other_labels)


def test_the_batch_size_does_not_change_a_sample():
    def by_sample(batch_size):
        loader = _loader(batch_size=batch_size)
        images = np.concatenate([images for images, _ in loader.epoch(3)])
        return images[np.argsort(loader.order(3))]

    assert np.array_equal(by_sample(8), by_sample(17))


def test_batches_are_prepared_ahead_in_another_thread():
    seen = []

    def record(images, *, seed, epoch, indices):
        seen.append(threading.current_thread().name)
        return images

    batches = _loader(transform=record, prefetch=3).epoch(0)
    next(batches)
    deadline = time.monotonic() + 5
    while len(seen) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    assert len(seen) == 4  # the one taken, and three ahead
    assert all(name.startswith("tinynet-loader") for name in seen)
    batches.close()
    assert _threads() == []


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_exception_reaches_the_consumer(prefetch):
    def fail(images, *, seed, epoch, indices):
        if 49 in indices:
            raise ArithmeticError("sample 49")
        return images

    batches = _loader(shuffle=False, transform=fail, prefetch=prefetch).epoch(0)
    taken = [next(batches) for _ in range(6)]
    assert len(taken) == 6
    with pytest.raises(ArithmeticError, match="sample 49"):
        next(batches)
    assert _threads() == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, None], ids=str)
def test_the_thread_ends_when_the_consumer_does(interruption):
    def slow(images, *, seed, epoch, indices):
        time.sleep(0.05)
        return images

    def consume():
        for _ in _loader(batch_size=1, transform=slow, prefetch=20).epoch(0):
            if interruption is None:
                return
            raise interruption

    start = time.monotonic()
    if interruption is None:
        consume()
    else:
        with pytest.raises(interruption):
            consume()
    assert _threads() == []
    assert time.monotonic() - start < 0.7  # batches not yet begun (20 x 0.05 s) are dropped


@pytest.mark.parametrize(
    ("dataset", "options", "match"),
    [
        (DATASET, {"batch_size": 0}, "at least 1, got 0"),
        (DATASET, {"batch_size": -3}, "got -3"),
        (_dataset(0), {}, "no images"),
        (_dataset(7), {"drop_last": True}, "7 images do not fill one batch of 8"),
        (DATASET, {"prefetch": -1}, "prefetch"),
    ],
)
def test_bad_arguments_are_refused(dataset, options, match):
    with pytest.raises(ValueError, match=match) as caught:
        _loader(dataset, **options)
    assert ("prefetch" in options) != isinstance(caught.value, DataError)


@pytest.mark.parametrize("start_step", [-1, 8])
def test_a_step_outside_the_epoch_is_refused_at_once(start_step):
    with pytest.raises(ValueError, match=f"start_step {start_step} is outside 0..7"):
        _loader().epoch(0, start_step)
