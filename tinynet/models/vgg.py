"""VGG networks for 32x32 images: 3x3 convolutions and 2x2 max-pooling, then three linear layers."""

from __future__ import annotations

from collections.abc import Sequence

from tinynet import Tensor, nn

POOL = 0
VGG_A = (64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL)
"""Channels of the eight convolutions of configuration A, and where it pools."""


class VGG(nn.Module):
    """Classify images with a chain of convolutions and three linear layers (512, 512, num_classes), ReLU between.

    The CIFAR form, as trained by Santurkar et al. 2018 (arXiv 1805.11604): five poolings leave one pixel, so the
    linear layers are 512 wide in place of 4096. Choices of ours, where their text leaves them open: no dropout; with
    batch normalisation the convolutions have no bias, which the normalisation would take away; weights start
    Kaiming-normal (fan-in, arXiv 1502.01852) and biases at 0, since without normalisation the layers' default
    start lets the signal fade. Parameters are named as in torchvision: features.0, classifier.0.

    Shapes:  input (N, 3, H, W), H and W from 32 to 63; returns (N, num_classes), logits
    Args:    layout: channels of each convolution, 0 for a pooling, the last convolution's being 512
             batch_norm: normalise after each convolution
    Source:  Simonyan, Zisserman 2014, arXiv 1409.1556, table 1
    """

    def __init__(self, layout: Sequence[int], *, batch_norm: bool, num_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in layout:
            if width == POOL:
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
            channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            *(nn.Linear(channels, 512), nn.ReLU()),
            *(nn.Linear(512, 512), nn.ReLU()),
            nn.Linear(512, num_classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        return self.classifier(self.features(x).flatten(1))


def vgg_a(num_classes: int = 10) -> VGG:
    """Build VGG-A, 11 weight layers, without batch normalisation; 9,750,922 parameters for 10 classes."""
    return VGG(VGG_A, batch_norm=False, num_classes=num_classes)


def vgg_a_bn(num_classes: int = 10) -> VGG:
    """Build VGG-A with batch normalisation after each convolution; 9,753,674 parameters for 10 classes."""
    return VGG(VGG_A, batch_norm=True, num_classes=num_classes)
