"""Networks by name: `build("resnet20")`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

from tinynet.models.dropout_resnet import DropoutResNet
from tinynet.models.lenet import LeNet
from tinynet.models.preact_resnet import (
    IdentityResNet,
    identity_resnet,
    identity_resnet_deep,
    identity_resnet_deep_distinct,
    preact_resnet18,
)
from tinynet.models.resnet import (
    ResNet,
    bn_shortcut_resnet,
    option_a_resnet,
    resnet18,
    resnet34,
    resnet34_steps,
    resnet50,
)
from tinynet.models.vgg import VGG, vgg_a, vgg_a_bn
from tinynet.nn import Module

__all__ = [
    "VGG",
    "DropoutResNet",
    "IdentityResNet",
    "LeNet",
    "ResNet",
    "bn_shortcut_resnet",
    "build",
    "identity_resnet",
    "identity_resnet_deep",
    "identity_resnet_deep_distinct",
    "names",
    "option_a_resnet",
    "preact_resnet18",
    "resnet18",
    "resnet34",
    "resnet34_steps",
    "resnet50",
    "vgg_a",
    "vgg_a_bn",
]

_BUILDERS: dict[str, Callable[[int], Module]] = {
    "lenet": LeNet,
    **{f"resnet{depth}": partial(option_a_resnet, depth) for depth in (8, 20, 32, 44, 56, 110)},
    "resnet-3block": partial(bn_shortcut_resnet, 3),
    "resnet-6block": partial(bn_shortcut_resnet, 6),
    "resnet-9block": partial(bn_shortcut_resnet, 9),
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet18-imagenet": partial(resnet18, imagenet_stem=True),
    "resnet34-imagenet": partial(resnet34, imagenet_stem=True),
    "resnet50-imagenet": partial(resnet50, imagenet_stem=True),
    "resnet34-steps": resnet34_steps,
    "resnet34-steps-faithful": partial(resnet34_steps, blocks=(2, 2, 2, 2)),
    "identity-resnet": identity_resnet,
    "identity-resnet-deep": identity_resnet_deep,
    "preact-resnet18": preact_resnet18,
    "identity-resnet-deep-distinct": identity_resnet_deep_distinct,
    "dropout-resnet": partial(DropoutResNet, share_weights=True),
    "dropout-resnet-distinct": partial(DropoutResNet, share_weights=False),
    "vgg-a": vgg_a,
    "vgg-a-bn": vgg_a_bn,
}


def names() -> list[str]:
    """List the names that `build` knows, family by family."""
    return list(_BUILDERS)


def build(name: str, num_classes: int = 10) -> Module:
    """Build a freshly initialised network for (N, 3, 32, 32) images, those with the ImageNet stem for (N, 3, 224, 224).

    Args:    name: one of `names()`; num_classes: width of the output, at least 1
    Raises:  ValueError: unknown name (the message offers the nearest ones) or num_classes < 1
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")
    if name not in _BUILDERS:
        close = difflib.get_close_matches(name, _BUILDERS, n=3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise ValueError(f"unknown model {name!r}; {hint}the models are {', '.join(_BUILDERS)}")
    return _BUILDERS[name](num_classes)
