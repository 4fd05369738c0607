"""Batch augmentation: right pixels, right frequencies, a function of seed, epoch and sample alone."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet.data import DataError
from tinynet.data.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    Cutout,
    Normalize,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    augmentation_for,
    augmentation_names,
    describe,
    evaluation_for,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(1, 256, (40, 3, 32, 32), dtype=np.uint8)
INDICES = RNG.permutation(1000)[:40]
AUGMENTATIONS = {
    "crop": RandomCrop(32, padding=4),
    "small crop": RandomCrop(28),
    "reflected crop": RandomCrop(32, padding=4, padding_mode="reflect"),
    "flip": RandomHorizontalFlip(),
    "vertical flip": RandomVerticalFlip(),
    "cutout": Cutout(9, fill=(1, 2, 3)),
    "resized crop": RandomResizedCrop(24),
    "color jitter": ColorJitter(0.4, 0.4, 0.4, 0.2),
    "crop-flip": augmentation_for("crop-flip"),
}


def _offsets(crop: RandomCrop, size: int, padding: int, count: int, epoch: int = 0) -> np.ndarray:
    """Read the places of many crops off images whose pixels say where they are."""
    rows, columns = np.mgrid[:size, :size]
    image = np.stack([rows + 1, columns + 1]).astype(np.uint8)
    cropped = crop(
        np.broadcast_to(image, (count, *image.shape)), seed=5, epoch=epoch, indices=np.arange(count)
    )
    middle = cropped[:, :, crop.size // 2, crop.size // 2].astype(int)
    return middle - 1 - crop.size // 2 + padding


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_a_sample_does_not_depend_on_its_batch(augmentation):
    before = IMAGES.copy()
    whole = augmentation(IMAGES, seed=1, epoch=2, indices=INDICES)
    assert whole.dtype == np.uint8
    order = RNG.permutation(40)
    assert np.array_equal(augmentation(IMAGES[order], seed=1, epoch=2, indices=INDICES[order]), whole[order])
    for position in (0, 17, 39):
        one = slice(position, position + 1)
        assert np.array_equal(augmentation(IMAGES[one], seed=1, epoch=2, indices=INDICES[one]), whole[one])
    assert np.array_equal(IMAGES, before)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
@pytest.mark.parametrize(
    "change", [{"seed": 9}, {"epoch": 3}, {"indices": INDICES + 1}], ids=["seed", "epoch", "index"]
)
def test_seed_epoch_and_index_all_matter(augmentation, change):
    key = {"seed": 1, "epoch": 2, "indices": INDICES}
    assert not np.array_equal(augmentation(IMAGES, **key), augmentation(IMAGES, **{**key, **change}))


@pytest.mark.parametrize(("size", "padding"), [(32, 4), (28, 0), (30, 1), (40, 4), (1, 0)])
def test_a_crop_is_a_window_of_the_padded_image(size, padding):
    crop = RandomCrop(size, padding)
    cropped = crop(IMAGES, seed=0, epoch=0, indices=INDICES)
    assert cropped.shape == (40, 3, size, size)
    padded = np.pad(IMAGES, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = 32 + 2 * padding - size + 1
    for image, source in zip(cropped, padded, strict=True):
        windows = [source[:, y : y + size, x : x + size] for y in range(places) for x in range(places)]
        assert any(np.array_equal(image, window) for window in windows)


def test_crops_of_images_that_are_not_square():
    crop = RandomCrop(8, padding=1)(IMAGES[:, :, :8, :20], seed=0, epoch=0, indices=INDICES)
    assert crop.shape == (40, 3, 8, 8)


def test_every_place_of_a_crop_is_equally_likely():
    top, left = _offsets(RandomCrop(32, padding=4), 32, 4, 16_200).T
    counts = np.zeros((9, 9))
    np.add.at(counts, (top, left), 1)
    chi_squared = np.sum((counts - 200) ** 2 / 200)
    assert chi_squared < 124.8  # 99.9 % quantile with 80 degrees of freedom


def test_half_of_the_images_are_mirrored():
    images = np.zeros((10_000, 1, 1, 2), dtype=np.uint8)
    images[..., 1] = 1
    flipped = RandomHorizontalFlip()(images, seed=0, epoch=0, indices=np.arange(10_000))
    assert set(map(tuple, np.unique(flipped.reshape(-1, 2), axis=0))) == {(0, 1), (1, 0)}
    assert abs(flipped[:, 0, 0, 0].mean() - 0.5) < 0.02  # four standard deviations


@pytest.mark.parametrize(("p", "expected"), [(0, IMAGES), (1, IMAGES[:, :, :, ::-1])])
def test_never_and_always_mirrored(p, expected):
    assert np.array_equal(RandomHorizontalFlip(p)(IMAGES, seed=0, epoch=0, indices=INDICES), expected)


def test_crop_and_flip_are_independent():
    offsets = _offsets(RandomCrop(32, padding=4), 32, 4, 9_000)
    images = np.zeros((9_000, 1, 1, 2), dtype=np.uint8)
    images[..., 1] = 1
    mirrored = RandomHorizontalFlip()(images, seed=5, epoch=0, indices=np.arange(9_000))[:, 0, 0, 0]
    correlation = np.corrcoef(np.column_stack([offsets, mirrored]).T) - np.eye(3)
    assert np.abs(correlation).max() < 0.045  # four standard deviations


def test_normalize_is_the_formula_in_channels_last_order():
    mean, std = (0.1, 0.5, 0.9), (0.2, 0.3, 0.4)
    normalised = Normalize(mean, std)(IMAGES)
    expected = (IMAGES / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert normalised.dtype == np.float32
    assert normalised.shape == IMAGES.shape
    assert normalised.transpose(0, 2, 3, 1).flags.c_contiguous
    assert np.abs(normalised - expected).max() < 1e-5
    assert np.array_equal(Normalize(mean, std)(IMAGES, seed=1, epoch=2, indices=INDICES), normalised)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Normalize((0.5,), (0.5, 0.5)), ValueError, "as many means"),
        (lambda: Normalize((0.5,), (0.0,)), ValueError, "positive"),
        (lambda: Normalize((0.5,), (0.5,))(IMAGES), ValueError, "1 means for images of 3 channels"),
        (lambda: Normalize((0.5,) * 3, (0.5,) * 3)(IMAGES / 255), TypeError, "float64"),
        (lambda: RandomCrop(0), ValueError, "got 0"),
        (lambda: RandomCrop(4, padding=-1), ValueError, "-1"),
        (lambda: RandomCrop(41, 4)(IMAGES, seed=0, epoch=0, indices=INDICES), ValueError, "41 exceeds"),
        (lambda: RandomHorizontalFlip(1.5), ValueError, "1.5"),
        (lambda: RandomCrop(4, 1, "edge"), ValueError, "'edge'"),
        (lambda: RandomCrop(8, 32, "reflect")(IMAGES, seed=0, epoch=0, indices=INDICES), ValueError, "padding 32"),
        (lambda: CenterCrop(0), ValueError, "got 0"),
        (lambda: CenterCrop(33)(IMAGES, seed=0, epoch=0, indices=INDICES), ValueError, "33 exceeds"),
        (lambda: RandomVerticalFlip(-0.1), ValueError, "RandomVerticalFlip: p must be in .*-0.1"),
        (lambda: Cutout(0), ValueError, "got 0"),
        (lambda: Cutout(3, (1, 2))(IMAGES, seed=0, epoch=0, indices=INDICES), ValueError, r"\(1, 2\) for images of 3"),
        (lambda: RandomResizedCrop(0), ValueError, "got 0"),
        (lambda: RandomResizedCrop(8, scale=(0.5, 0.2)), ValueError, "scale must be .*0.5, 0.2"),
        (lambda: RandomResizedCrop(8, ratio=(0.0, 2.0)), ValueError, "ratio must be"),
        (lambda: ColorJitter(brightness=-1), ValueError, "brightness must be .*-1"),
        (lambda: ColorJitter(hue=0.6), ValueError, "hue must be from 0 to 0.5, got 0.6"),
        (lambda: ColorJitter(contrast=(1.0, 0.5)), ValueError, "contrast must rise"),
        (lambda: ColorJitter(0.1)(IMAGES / 255, seed=0, epoch=0, indices=INDICES), TypeError, "float64"),
        (lambda: augmentation_for("mixup"), DataError, "'mixup'; choose one of none, flip, crop-flip"),
        (lambda: describe("mixup"), DataError, "'mixup'"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_compose_applies_in_order():
    key = {"seed": 3, "epoch": 1, "indices": INDICES}
    crop, flip = RandomCrop(32, padding=4), RandomHorizontalFlip()
    assert np.array_equal(Compose([crop, flip])(IMAGES, **key), flip(crop(IMAGES, **key), **key))


def test_augmentations_by_name():
    key = {"seed": 3, "epoch": 1, "indices": INDICES}
    assert np.array_equal(augmentation_for("none")(IMAGES, **key), IMAGES)
    for name in augmentation_names():
        size = 28 if name == "crop28-flip" else 32
        found = augmentation_for(name)(IMAGES, **key)
        assert (found.shape, found.dtype) == ((40, 3, size, size), np.uint8)
        assert evaluation_for(name)(IMAGES, **key).shape == found.shape
        assert describe(name)
        assert (name == "none") is np.array_equal(found, IMAGES)
    assert np.array_equal(evaluation_for("crop28-flip")(IMAGES, **key), IMAGES[:, :, 2:30, 2:30])


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_an_empty_batch_stays_empty(augmentation):
    empty = augmentation(IMAGES[:0], seed=0, epoch=0, indices=INDICES[:0])
    assert len(empty) == 0
    assert Normalize((0.5,) * 3, (0.5,) * 3)(empty).shape == empty.shape
