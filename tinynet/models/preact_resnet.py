"""Pre-activation residual networks for 32x32 images: normalisation and ReLU come before each convolution."""

from __future__ import annotations

from tinynet import Tensor, nn
from tinynet.nn import functional as F

WIDTHS = (64, 128, 256, 512)
SHALLOW, DEEP = (2, 2, 2, 2), (4, 5, 6, 3)


class PreActBlock(nn.Module):
    """Add BN-ReLU-conv3x3-BN-ReLU-conv3x3 of the input to the input; the convolutions have biases.

    A block that changes the shape feeds the first BN-ReLU's result to a strided 1x1 convolution also, and adds
    that instead of the input.

    Shapes:  input (N, C, H, W); returns (N, O, ceil(H/stride), ceil(W/stride))
    Source:  He, Zhang, Ren, Sun 2016, arXiv 1603.05027, figure 1(b)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        keeps_shape = stride == 1 and in_channels == out_channels
        self.shortcut = None if keeps_shape else nn.Conv2d(in_channels, out_channels, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = F.relu(self.bn1(x))
        identity = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(F.relu(self.bn2(self.conv1(y)))) + identity


class IdentityResNet(nn.Module):
    """Classify images with four stages of pre-activation blocks at 64, 128, 256 and 512 channels.

    Stages 2-4 open with a block of stride 2. With shared weights the other blocks of a stage, in stage 1 all of
    them, are one module applied repeatedly: its weights are counted once and get the sum of the gradients, its
    running statistics move at every application. `state_dict` names it once for each place, so that it loads
    into the network of distinct weights. Layers keep their default initialisation, and no normalisation comes
    before the pooling, which is the whole image: 4x4 at inputs of 25 to 32 pixels.

    Shapes:  input (N, 3, H, W); returns (N, num_classes), logits
    Args:    nblk_stage1 ... nblk_stage4: blocks of each stage, at least 1
             share_weights: one module for the blocks of a stage; else the paper's form, each its own
    Raises:  ValueError: a number of blocks below 1
    Source:  He, Zhang, Ren, Sun 2016, arXiv 1603.05027; shared weights are a student project's
    """

    def __init__(
        self,
        nblk_stage1: int,
        nblk_stage2: int,
        nblk_stage3: int,
        nblk_stage4: int,
        *,
        share_weights: bool = True,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        counts = (nblk_stage1, nblk_stage2, nblk_stage3, nblk_stage4)
        if min(counts) < 1:
            raise ValueError(f"every stage needs at least 1 block, got {counts}")
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1)
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], nblk_stage1, share_weights)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], nblk_stage2, share_weights)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], nblk_stage3, share_weights)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], nblk_stage4, share_weights)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(WIDTHS[3], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        x = self.layer1(self.conv1(x))  # (N, 64, H, W)
        x = self.layer4(self.layer3(self.layer2(x)))  # (N, 512, H/8, W/8), rounded up at each halving
        return self.fc(self.avgpool(x).flatten(1))


def _stage(in_channels: int, out_channels: int, count: int, share_weights: bool) -> nn.Sequential:
    opening = [] if in_channels == out_channels else [PreActBlock(in_channels, out_channels, 2)]
    repeats = count - len(opening)

    def block() -> PreActBlock:
        return PreActBlock(out_channels, out_channels)

    others = [block()] * repeats if share_weights else [block() for _ in range(repeats)]
    return nn.Sequential(*opening, *others)


def identity_resnet(num_classes: int = 10) -> IdentityResNet:
    """Build two blocks a stage with shared weights; 11,101,834 parameters for 10 classes."""
    return IdentityResNet(*SHALLOW, share_weights=True, num_classes=num_classes)


def identity_resnet_deep(num_classes: int = 10) -> IdentityResNet:
    """Build 4, 5, 6 and 3 blocks with shared weights: the parameters of `identity_resnet`, applied more often."""
    return IdentityResNet(*DEEP, share_weights=True, num_classes=num_classes)


def preact_resnet18(num_classes: int = 10) -> IdentityResNet:
    """Build two blocks a stage, each with its own weights; 11,175,946 parameters for 10 classes."""
    return IdentityResNet(*SHALLOW, share_weights=False, num_classes=num_classes)


def identity_resnet_deep_distinct(num_classes: int = 10) -> IdentityResNet:
    """Build 4, 5, 6 and 3 blocks, each with its own weights; 21,657,610 parameters for 10 classes."""
    return IdentityResNet(*DEEP, share_weights=False, num_classes=num_classes)
