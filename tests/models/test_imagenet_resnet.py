"""ResNet-18, -34 and -50 with the ImageNet stem: weights of torchvision's networks fit."""

from __future__ import annotations

import pytest

import tinynet
from tinynet import models

NETWORKS = {
    "resnet18-imagenet": ((2, 2, 2, 2), 2, 11_689_512),
    "resnet34-imagenet": ((3, 4, 6, 3), 2, 21_797_672),
    "resnet50-imagenet": ((3, 4, 6, 3), 3, 25_557_032),
}
"""Blocks of each stage, convolutions of a block, and torchvision's parameters for 1000 classes."""


def norm(name):
    entries = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{name}.{entry}" for entry in entries]


def torchvision_names(blocks, convolutions):
    names = ["conv1.weight", *norm("bn1")]
    for stage, count in enumerate(blocks, 1):
        for number in range(count):
            block = f"layer{stage}.{number}"
            for convolution in range(1, convolutions + 1):
                names += [f"{block}.conv{convolution}.weight", *norm(f"{block}.bn{convolution}")]
            if number == 0 and (stage > 1 or convolutions == 3):
                names += [f"{block}.downsample.0.weight", *norm(f"{block}.downsample.1")]
    return [*names, "fc.weight", "fc.bias"]


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_parameter_count_are_torchvisions(name):
    blocks, convolutions, count = NETWORKS[name]
    model = models.build(name, num_classes=1000)
    assert list(model.state_dict()) == torchvision_names(blocks, convolutions)
    assert sum(parameter.numel() for parameter in model.parameters()) == count


def test_a_bottleneck_strides_in_its_3x3_convolution():
    block = models.build("resnet50-imagenet").layer2[0]
    convolutions = (block.conv1, block.conv2, block.conv3, block.downsample[0])
    assert [layer.kernel_size for layer in convolutions] == [(1, 1), (3, 3), (1, 1), (1, 1)]
    assert [layer.stride for layer in convolutions] == [(1, 1), (2, 2), (1, 1), (2, 2)]


def test_the_stem_shrinks_images_four_times():
    model = models.build("resnet18-imagenet").eval()
    sizes = {}
    for name in ("conv1", "maxpool", "layer1", "layer4"):
        model.get_submodule(name).register_forward_hook(
            lambda _, inputs, output, name=name: sizes.update({name: output.shape[1:]})
        )
    with tinynet.no_grad():
        assert model(tinynet.randn(1, 3, 224, 160)).shape == (1, 10)
    expected = {
        "conv1": (64, 112, 80),
        "maxpool": (64, 56, 40),
        "layer1": (64, 56, 40),
        "layer4": (512, 7, 5),
    }
    assert sizes == expected
