"""Augmentation beside torchvision's, where that is installed: the tests' own requirements leave it out.

torchvision 0.28 goes with PyTorch 2.13, but from the package index it is a build for CUDA: beside a CPU build of
PyTorch its import stops at operators that do not exist, unless they are declared before.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util

import numpy as np
import pytest
import torch
from scipy import stats

from tinynet.data.transforms import MixUp, RandomResizedCrop, color

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("torchvision is not installed", allow_module_level=True)
CUDA_BUILD = not importlib.metadata.version("torchvision").endswith("+cpu")
OPERATORS = """nms qnms roi_align _roi_align_backward ps_roi_align _ps_roi_align_backward roi_pool _roi_pool_backward
ps_roi_pool _ps_roi_pool_backward deform_conv2d _deform_conv2d_backward"""
# Where torchvision's library loads, a second declaration of its operators would end the process.
if CUDA_BUILD and torch.version.cuda is None:
    for _name in OPERATORS.split():
        torch.library.define(f"torchvision::{_name}", "() -> ()")

from torchvision.transforms import v2  # noqa: E402
from torchvision.transforms.v2 import functional as tv  # noqa: E402

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 3, 30, 24), dtype=np.uint8)


def one(factor):
    return np.full((len(IMAGES), 1, 1, 1), factor)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colours_are_torchvisions(name, factor):
    ours = getattr(color, f"adjust_{name}")(IMAGES, one(factor))
    theirs = getattr(tv, f"adjust_{name}")(torch.from_numpy(IMAGES), factor).numpy()
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("turn", [-0.5, -0.13, 0.0, 0.3, 0.5])
def test_hues_are_torchvisions(turn):
    difference = np.abs(
        color.adjust_hue(IMAGES, one(turn)).astype(int)
        - tv.adjust_hue(torch.from_numpy(IMAGES), turn).numpy()
    )
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


@pytest.mark.parametrize("size", [10, 24, 40])
def test_resized_parts_are_torchvisions(size):
    crop, key = (
        RandomResizedCrop(size, (0.05, 1.0), (0.4, 2.5)),
        {"seed": 0, "epoch": 0, "indices": np.arange(20)},
    )
    found = crop(IMAGES, **key)
    for image, (top, left, tall, wide), ours in zip(
        IMAGES, crop.rectangles(30, 24, **key).T, found, strict=True
    ):
        theirs = tv.resized_crop(
            torch.from_numpy(image), int(top), int(left), int(tall), int(wide), [size, size], antialias=True
        )
        assert np.abs(ours.astype(int) - theirs.numpy()).max() <= 1


def test_rectangles_are_distributed_as_torchvisions():
    torch.manual_seed(0)
    theirs_of = v2.RandomResizedCrop(32)
    image = torch.zeros(3, 32, 40)
    theirs = np.array([list(theirs_of.make_params([image]).values()) for _ in range(4000)]).T
    ours = RandomResizedCrop(32).rectangles(32, 40, seed=0, epoch=0, indices=np.arange(4000))
    for a, b in zip(ours, theirs, strict=True):
        assert stats.ks_2samp(a, b).pvalue > 1e-3


def test_shares_are_distributed_as_torchvisions():
    torch.manual_seed(0)
    mix = v2.MixUp(alpha=0.4, num_classes=2)
    images, labels = torch.zeros(2, 3, 1, 1), torch.tensor([0, 1])
    theirs = [float(mix(images, labels)[1][0, 0]) for _ in range(1500)]
    ours = []
    for epoch in range(3000):
        _, shares = MixUp(0.4)(
            images.numpy(), labels.numpy(), num_classes=2, seed=0, epoch=epoch, indices=np.arange(2)
        )
        if shares[0, 1]:  # else each image is its own partner
            ours.append(float(shares[0, 0]))
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
