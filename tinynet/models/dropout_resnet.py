"""A narrow residual network for 32x32 images with dropout after its stem, whose blocks may share their weights."""

from __future__ import annotations

from tinynet import Tensor, nn
from tinynet.nn import functional as F

GROUPS = ((32, 1, 2), (64, 2, 4), (128, 2, 4), (256, 2, 2))
"""Channels, first stride and number of blocks of each group."""


class SharingBlock(nn.Module):
    """Add two 3x3 convolutions with batch normalisation to a 1x1 convolution of the input; all three have biases.

    With shared weights one batch normalisation follows both convolutions: its running statistics move twice a call.
    A block that keeps the shape then applies one 3x3 convolution twice also.

    Shapes:  input (N, C, H, W); returns (N, O, ceil(H/stride), ceil(W/stride))
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, figure 2; shared weights are a student project's
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, share_weights: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(out_channels)
        repeats = share_weights and stride == 1 and in_channels == out_channels
        self.conv2 = self.conv1 if repeats else nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.bn2 = self.bn1 if share_weights else nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class DropoutResNet(nn.Module):
    """Classify images with four groups of 2, 4, 4 and 2 blocks at 32, 64, 128 and 256 channels.

    With shared weights a group is one 3x3 convolution, one batch normalisation and one 1x1 convolution, applied
    repeatedly. Groups 2-4 change channels and size, which these cannot do: the first block of such a group has its
    own layers, and the blocks after it share theirs; in group 1 all blocks do. `state_dict` names a shared layer once
    for each place, so that it loads into the network of distinct weights. Layers keep their default initialisation.
    The pooling is the whole image: 4x4 at inputs of 25 to 32 pixels.

    Shapes:  input (N, 3, H, W); returns (N, num_classes), logits
    Args:    share_weights: else each block has two convolutions and two batch normalisations of its own
    Source:  a student project on CIFAR-100
    """

    def __init__(self, num_classes: int = 10, *, share_weights: bool = True) -> None:
        super().__init__()
        channels = GROUPS[0][0]
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(0.25)
        self.groups = [f"layer{number}" for number in range(1, len(GROUPS) + 1)]
        for name, (width, stride, count) in zip(self.groups, GROUPS, strict=True):
            setattr(self, name, _group(channels, width, stride, count, share_weights))
            channels = width
        self.maxpool = nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        x = self.dropout(F.relu(self.bn1(self.conv1(x))))  # (N, 32, H, W)
        for name in self.groups:
            x = getattr(self, name)(x)
        return self.fc(self.maxpool(x).flatten(1))  # from (N, 256, H/8, W/8), rounded up at each halving


def _group(
    in_channels: int, out_channels: int, stride: int, count: int, share_weights: bool
) -> nn.Sequential:
    keeps_shape = stride == 1 and in_channels == out_channels
    opening = [] if keeps_shape else [SharingBlock(in_channels, out_channels, stride, share_weights)]
    repeats = count - len(opening)

    def block() -> SharingBlock:
        return SharingBlock(out_channels, out_channels, 1, share_weights)

    others = [block()] * repeats if share_weights else [block() for _ in range(repeats)]
    return nn.Sequential(*opening, *others)
