"""Residual networks: a stem, stages of blocks, average pooling, a linear layer; for CIFAR and for ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinynet import Tensor, nn
from tinynet.nn import functional as F


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """Make a 3x3 convolution that keeps the image size at stride 1; no bias, batch normalisation follows."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


class SubsampleAndPad(nn.Module):
    """Shrink by taking every `stride`-th pixel and widen by zero channels on either side: no parameters.

    Shapes:  input (N, C, H, W); returns (N, O, ceil(H/stride), ceil(W/stride))
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, section 3.3, option A
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        extra = out_channels - in_channels
        self.before, self.after = extra // 2, extra - extra // 2

    def forward(self, x: Tensor) -> Tensor:
        """Return the subsampled and zero-padded images."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


def conv_bn_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Project with a strided 1x1 convolution and batch normalisation.

    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, section 3.3, option B
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
    )


Shortcut = Callable[[int, int, int], nn.Module]


class BasicBlock(nn.Module):
    """Add two 3x3 convolutions with batch normalisation to a shortcut of the input.

    Shapes:  input (N, C, H, W); returns (N, width, ceil(H/stride), ceil(W/stride))
    Args:    downsample: the shortcut, which gives images of the returned shape
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, figure 2
    """

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, downsample: nn.Module) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """Add three convolutions, 1x1, 3x3 and 1x1, with batch normalisation to a shortcut of the input.

    Shapes:  input (N, C, H, W); returns (N, 4*width, ceil(H/stride), ceil(W/stride))
    Args:    width: channels of the first two convolutions; stride: of the 3x3 one
             downsample: the shortcut, which gives images of the returned shape
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, figure 5; the stride's place as in torchvision
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, downsample: nn.Module) -> None:
        super().__init__()
        out_channels = self.expansion * width
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.downsample(x))


Block = type[BasicBlock] | type[Bottleneck]


class ResNet(nn.Module):
    """Classify images with stages of blocks.

    Parameter names are torchvision's: conv1, bn1, layer1.0.conv1, layer1.0.downsample.0, fc.
    Convolutions start Kaiming-normal (fan-out, ReLU), batch normalisation at weight 1 and bias 0.

    Shapes:  input (N, 3, H, W); returns (N, num_classes), logits
    Args:    stem: the first convolution; maxpool: follows its batch normalisation and ReLU, nothing if None
             widths, blocks, strides: width, number of blocks and first stride of each stage
             shortcut: makes the projection from (channels before, channels after, stride); used where a block
             changes the shape, with `always_project` in the first block of every stage
             block: BasicBlock, of as many channels as its width, or Bottleneck, of four times as many
    Raises:  ValueError: widths, blocks and strides differ in length
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385; initialisation of arXiv 1502.01852
    """

    def __init__(
        self,
        *,
        stem: nn.Conv2d,
        widths: Sequence[int],
        blocks: Sequence[int],
        strides: Sequence[int],
        shortcut: Shortcut,
        block: Block = BasicBlock,
        maxpool: nn.Module | None = None,
        always_project: bool = False,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        if not len(widths) == len(blocks) == len(strides):
            raise ValueError(
                f"widths, blocks and strides need one number a stage, got {widths}, {blocks}, {strides}"
            )
        channels = stem.out_channels
        self.conv1 = stem
        self.bn1 = nn.BatchNorm2d(channels)
        self.maxpool = nn.Identity() if maxpool is None else maxpool
        self.stages = [f"layer{number}" for number in range(1, len(widths) + 1)]
        for name, width, count, stride in zip(self.stages, widths, blocks, strides, strict=True):
            out_channels = block.expansion * width
            projects = always_project or stride != 1 or channels != out_channels
            downsample = shortcut(channels, out_channels, stride) if projects else nn.Identity()
            opening = block(channels, width, stride, downsample)
            others = [block(out_channels, width, 1, nn.Identity()) for _ in range(count - 1)]
            setattr(self, name, nn.Sequential(opening, *others))
            channels = out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes)."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x).flatten(1))


def option_a_resnet(depth: int, num_classes: int = 10) -> ResNet:
    """Build the paper's CIFAR network of 6n+2 weight layers; depth 20 has 269,722 parameters for 10 classes.

    Raises:  ValueError: depth is not 6n+2 with n >= 1
    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, section 4.2
    """
    per_stage, remainder = divmod(depth - 2, 6)
    if remainder or per_stage < 1:
        raise ValueError(f"depth must be 6n+2 with n >= 1 (8, 14, 20, ...), got {depth}")
    return ResNet(
        stem=conv3x3(3, 16),
        widths=(16, 32, 64),
        blocks=(per_stage,) * 3,
        strides=(1, 2, 2),
        shortcut=SubsampleAndPad,
        num_classes=num_classes,
    )


def bn_shortcut_resnet(num_blocks: int, num_classes: int = 10) -> ResNet:
    """Build the narrow network whose three stages (32, 64, 128 channels) all open with stride 2.

    6 blocks have 692,122 parameters for 10 classes, 9 blocks 1,080,090.

    Raises:  ValueError: num_blocks is not a positive multiple of 3
    """
    per_stage, remainder = divmod(num_blocks, 3)
    if remainder or per_stage < 1:
        raise ValueError(f"num_blocks must be a positive multiple of 3, got {num_blocks}")
    return ResNet(
        stem=conv3x3(3, 16),
        widths=(32, 64, 128),
        blocks=(per_stage,) * 3,
        strides=(2, 2, 2),
        shortcut=conv_bn_shortcut,
        num_classes=num_classes,
    )


def resnet18(num_classes: int = 10, *, imagenet_stem: bool = False) -> ResNet:
    """Build ResNet-18 with a 3x3 stem; 11,173,962 parameters for 10 classes.

    With the ImageNet stem it is torchvision's; 11,689,512 parameters for 1000 classes.

    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, table 1
    """
    return _four_stages((2, 2, 2, 2), BasicBlock, num_classes, imagenet_stem)


def resnet34(num_classes: int = 10, *, imagenet_stem: bool = False) -> ResNet:
    """Build ResNet-34 with a 3x3 stem; 21,282,122 parameters for 10 classes.

    With the ImageNet stem it is torchvision's; 21,797,672 parameters for 1000 classes.

    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, table 1
    """
    return _four_stages((3, 4, 6, 3), BasicBlock, num_classes, imagenet_stem)


def resnet50(num_classes: int = 10, *, imagenet_stem: bool = False) -> ResNet:
    """Build ResNet-50 with a 3x3 stem; 23,520,842 parameters for 10 classes.

    With the ImageNet stem it is torchvision's; 25,557,032 parameters for 1000 classes. Its global average pooling is
    the 4x4 pooling that such networks end with at 32x32.

    Source:  He, Zhang, Ren, Sun 2015, arXiv 1512.03385, table 1
    """
    return _four_stages((3, 4, 6, 3), Bottleneck, num_classes, imagenet_stem)


def _four_stages(blocks: Sequence[int], block: Block, num_classes: int, imagenet_stem: bool) -> ResNet:
    """Build a network of the paper's table 1; the ImageNet stem shrinks images four times before the stages."""
    return ResNet(
        stem=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False) if imagenet_stem else conv3x3(3, 64),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1) if imagenet_stem else None,
        widths=(64, 128, 256, 512),
        blocks=blocks,
        strides=(1, 2, 2, 2),
        shortcut=conv_bn_shortcut,
        block=block,
        num_classes=num_classes,
    )


def resnet34_steps(num_classes: int = 10, *, blocks: Sequence[int] = (3, 4, 6, 3)) -> ResNet:
    """Build ResNet-34 with a 7x7 stem and a max-pooling that keep the size of the image.

    The first block of every stage has a convolution and batch normalisation for its shortcut, in stage 1 also, where
    the shape is kept; 21,294,026 parameters for 10 classes, with blocks (2, 2, 2, 2) 11,185,866.

    Source:  a student project, whose loop returned after the second block of a stage: its network has (2, 2, 2, 2)
    """
    return ResNet(
        stem=nn.Conv2d(3, 64, 7, padding=3, bias=False),
        maxpool=nn.MaxPool2d(3, stride=1, padding=1),
        widths=(64, 128, 256, 512),
        blocks=blocks,
        strides=(1, 2, 2, 2),
        shortcut=conv_bn_shortcut,
        always_project=True,
        num_classes=num_classes,
    )
