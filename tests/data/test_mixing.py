"""MixUp and CutMix: images and labels by the same share, partners of the batch, the distribution of the share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tinynet.data.datasets import ArrayDataset
from tinynet.data.loader import BatchLoader
from tinynet.data.transforms import CutMix, MixUp, Normalize

N, CLASSES = 24, 30
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(N, 3, 12, 16)).astype(np.float32)
LABELS = RNG.permutation(CLASSES)[:N]
"""All different, so that the shares tell the partner."""
LIKELY = 1e-3


def mixed(mix, seed=0, epoch=0, images=IMAGES):
    return mix(images, LABELS, num_classes=CLASSES, seed=seed, epoch=epoch, indices=np.arange(N))


def partners(shares):
    """Partner of each image, and its own share; of an image that is its own partner 1."""
    own = shares[np.arange(N), LABELS]
    others = shares.copy()
    others[np.arange(N), LABELS] = 0
    place = {label: i for i, label in enumerate(LABELS)}
    partner = [place[others[i].argmax()] if others[i].any() else i for i in range(N)]
    return np.array(partner), own


def test_mixup_blends_images_and_labels_by_one_share():
    images, shares = mixed(MixUp(1.0))
    assert (images.dtype, shares.dtype) == (np.float32, np.float32)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    partner, own = partners(shares)
    assert sorted(partner) == list(range(N))
    share = own[partner != np.arange(N)]
    assert 0 < share[0] < 1
    np.testing.assert_allclose(share, share[0], rtol=1e-6)
    np.testing.assert_allclose(
        images, share[0] * IMAGES + (1 - share[0]) * IMAGES[partner], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("seed", range(8))
def test_cutmix_pastes_a_rectangle_and_labels_by_its_area(seed):
    images, shares = mixed(CutMix(1.0), seed)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    partner, own = partners(shares)
    moved = partner != np.arange(N)
    pasted = (images != IMAGES).any(axis=1)
    hole = pasted[moved][0] if moved.any() else np.zeros((12, 16), bool)
    assert (pasted[moved] == hole).all()
    assert np.array_equal(hole, hole.any(axis=1)[:, None] & hole.any(axis=0))
    np.testing.assert_allclose(own[moved], 1 - hole.mean(), rtol=1e-5)
    assert np.array_equal(images, np.where(hole, IMAGES[partner], IMAGES))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_share_has_a_beta_distribution(alpha):
    found = []
    for epoch in range(1500):
        _, shares = mixed(MixUp(alpha), epoch=epoch, images=IMAGES[:, :, :1, :1])
        partner, own = partners(shares)
        found.append(own[partner != np.arange(N)][0] if (partner != np.arange(N)).any() else 1.0)
    assert stats.kstest(found, stats.beta(alpha, alpha).cdf).pvalue > LIKELY


def test_the_rectangle_may_be_anywhere():
    """Every pixel is pasted at times, one in the middle more often than those in the corners."""
    counts = np.zeros((12, 16))
    for epoch in range(600):
        images, _ = mixed(CutMix(1.0), epoch=epoch)
        counts += (images != IMAGES).any(axis=(0, 1))
    corners = counts[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert counts.min() > 20
    assert counts[6, 8] > 1.5 * corners.max()


@pytest.mark.parametrize("mix", [MixUp(0.5), CutMix(0.5)], ids=["mixup", "cutmix"])
def test_the_input_stays_and_the_key_decides(mix):
    before = IMAGES.copy()
    first, again = mixed(mix), mixed(mix)
    assert np.array_equal(IMAGES, before)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    for change in ({"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(mixed(mix, **change)[1], first[1])


@pytest.mark.parametrize("mix", [MixUp(0.5), CutMix(0.5)], ids=["mixup", "cutmix"])
def test_an_empty_batch_stays_empty(mix):
    images, shares = mix(IMAGES[:0], LABELS[:0], num_classes=5, seed=0, epoch=0, indices=np.arange(0))
    assert (images.shape, shares.shape) == ((0, 3, 12, 16), (0, 5))


@pytest.mark.parametrize("kind", [MixUp, CutMix])
@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_arguments_are_refused(kind, alpha):
    with pytest.raises(ValueError, match=f"{kind.__name__}: alpha must be positive, got {alpha}"):
        kind(alpha)


def test_the_loader_mixes_what_it_normalised():
    pixels = RNG.integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
    dataset = ArrayDataset(pixels, np.arange(20) % 4, tuple("abcd"), "toy")
    normalise = Normalize((0.5,) * 3, (0.2,) * 3)
    given = {"shuffle": True, "transform": normalise, "seed": 3}
    plain = list(BatchLoader(dataset, 8, **given).epoch(1))
    found = list(BatchLoader(dataset, 8, mix=MixUp(1.0), **given).epoch(1))
    order = BatchLoader(dataset, 8, **given).order(1)
    for step, ((images, labels), (batch, shares)) in enumerate(zip(plain, found, strict=True)):
        indices = order[8 * step : 8 * step + 8]
        expected = MixUp(1.0)(images, labels, num_classes=4, seed=3, epoch=1, indices=indices)
        assert np.array_equal(batch, expected[0])
        assert np.array_equal(shares, expected[1])
        assert shares.shape == (len(labels), 4)
