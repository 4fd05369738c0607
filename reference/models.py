"""The networks of `tinynet.models` written in PyTorch, with the same names and the same `state_dict` keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F


class LeNet(nn.Module):
    """LeNet with ReLU and max-pooling."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, num_classes)."""
        x = F.max_pool2d(self.conv1(x).relu(), kernel_size=2)
        x = F.max_pool2d(self.conv2(x).relu(), kernel_size=2)
        x = torch.flatten(x, start_dim=1)
        x = self.fc1(x).relu()
        x = self.fc2(x).relu()
        return self.fc3(x)


class OptionA(nn.Module):
    """Every second pixel, and zero channels on both sides until there are `out_channels`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.padding = (out_channels - in_channels) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the shortcut's output."""
        return F.pad(x[..., ::2, ::2], (0, 0, 0, 0, self.padding, self.padding))


class BasicBlock(nn.Module):
    """conv-BN-ReLU-conv-BN, plus the shortcut, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        return (out + identity).relu()


class Bottleneck(nn.Module):
    """conv1x1-BN-ReLU-conv3x3-BN-ReLU-conv1x1-BN, plus the shortcut, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        width = out_channels // 4
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        out = self.bn3(self.conv3(out))
        return (out + identity).relu()


class _Residual(nn.Module):
    """What the residual networks share; the subclasses set `layer1`, `layer2`, … and `fc`."""

    block: type[BasicBlock] | type[Bottleneck] = BasicBlock
    fc: nn.Linear

    def _stem(self, channels: int, kernel: int = 3, stride: int = 1) -> None:
        """Set the first layers; a kernel of 7 pixels is followed by a pooling of the same stride."""
        self.conv1 = nn.Conv2d(3, channels, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        if kernel == 7:
            self.maxpool = nn.MaxPool2d(3, stride, padding=1)
        self.channels = channels

    def _layer(
        self, width: int, count: int, stride: int, option: str, projects: bool = False
    ) -> nn.Sequential:
        downsample: nn.Module | None = None
        if projects or stride > 1 or self.channels != width:
            if option == "A":
                downsample = OptionA(self.channels, width)
            else:
                downsample = nn.Sequential(
                    nn.Conv2d(self.channels, width, 1, stride, bias=False), nn.BatchNorm2d(width)
                )
        first = self.block(self.channels, width, stride, downsample)
        self.channels = width
        return nn.Sequential(first, *[self.block(width, width, 1, None) for _ in range(1, count)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, num_classes)."""
        x = self.bn1(self.conv1(x)).relu()
        if hasattr(self, "maxpool"):
            x = self.maxpool(x)
        for name, child in self.named_children():
            if name.startswith("layer"):
                x = child(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class CifarResNet(_Residual):
    """ResNet-8 to -110 with option-A shortcuts."""

    def __init__(self, depth: int, num_classes: int = 10) -> None:
        super().__init__()
        count = (depth - 2) // 6
        self._stem(16)
        self.layer1 = self._layer(16, count, 1, "A")
        self.layer2 = self._layer(32, count, 2, "A")
        self.layer3 = self._layer(64, count, 2, "A")
        self.fc = nn.Linear(64, num_classes)


class NarrowResNet(_Residual):
    """The networks of 3, 6 and 9 blocks, each of three stages opening with stride 2 and a 1x1 convolution."""

    def __init__(self, blocks: int, num_classes: int = 10) -> None:
        super().__init__()
        self._stem(16)
        self.layer1 = self._layer(32, blocks // 3, 2, "B")
        self.layer2 = self._layer(64, blocks // 3, 2, "B")
        self.layer3 = self._layer(128, blocks // 3, 2, "B")
        self.fc = nn.Linear(128, num_classes)


class ResNet(_Residual):
    """ResNet-18, -34 and -50 with a stem of 3x3, of ImageNet, or of 7x7 and stride 1.

    The last of these goes with a projection in the first block of stage 1.
    """

    def __init__(
        self, blocks: tuple[int, ...], expansion: int, kernel: int, stem_stride: int, num_classes: int = 10
    ) -> None:
        super().__init__()
        self.block = Bottleneck if expansion == 4 else BasicBlock
        projects = kernel == 7 and stem_stride == 1
        self._stem(64, kernel, stem_stride)
        self.layer1 = self._layer(64 * expansion, blocks[0], 1, "B", projects)
        self.layer2 = self._layer(128 * expansion, blocks[1], 2, "B")
        self.layer3 = self._layer(256 * expansion, blocks[2], 2, "B")
        self.layer4 = self._layer(512 * expansion, blocks[3], 2, "B")
        self.fc = nn.Linear(512 * expansion, num_classes)


class PreActBlock(nn.Module):
    """BN-ReLU-conv-BN-ReLU-conv, plus the input; with `opens`, plus a 1x1 convolution of the first BN-ReLU."""

    def __init__(self, in_channels: int, out_channels: int, opens: bool) -> None:
        super().__init__()
        stride = 2 if opens else 1
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if opens:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        out = self.bn1(x).relu()
        if hasattr(self, "shortcut"):
            x = self.shortcut(out)
        out = self.conv1(out)
        out = self.conv2(self.bn2(out).relu())
        return x + out


class IdentityResNet(nn.Module):
    """Four stages of pre-activation blocks; with `share_weights` a stage repeats one block after its opening."""

    def __init__(self, blocks: tuple[int, ...], share_weights: bool, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1)
        channels = 64
        for number, count in enumerate(blocks, 1):
            width = 64 * 2 ** (number - 1)
            stage = nn.Sequential()
            if number > 1:
                stage.append(PreActBlock(channels, width, opens=True))
            while len(stage) < count:
                repeat = share_weights and len(stage) > (number > 1)
                stage.append(stage[-1] if repeat else PreActBlock(width, width, opens=False))
            self.add_module(f"layer{number}", stage)
            channels = width
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, num_classes)."""
        x = self.conv1(x)
        for name, child in self.named_children():
            if name.startswith("layer"):
                x = child(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class DropoutBlock(nn.Module):
    """conv-BN-ReLU-conv-BN, plus a 1x1 convolution, ReLU.

    With `share_weights` both BN are one layer, and without `opens` both convolutions too.
    """

    def __init__(self, in_channels: int, out_channels: int, opens: bool, share_weights: bool) -> None:
        super().__init__()
        stride = 2 if opens else 1
        conv, norm = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1), nn.BatchNorm2d(out_channels)
        self.conv1 = conv
        self.bn1 = norm
        if opens or not share_weights:
            conv = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        if not share_weights:
            norm = nn.BatchNorm2d(out_channels)
        self.conv2 = conv
        self.bn2 = norm
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        return (out + self.shortcut(x)).relu()


class DropoutResNet(nn.Module):
    """Four groups after a dropout; with `share_weights` a group repeats one block, groups 2-4 after their opening."""

    def __init__(self, share_weights: bool, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(32)
        self.dropout = nn.Dropout(0.25)
        for number, count in enumerate((2, 4, 4, 2), 1):
            width = 16 * 2**number
            group = nn.Sequential()
            if number > 1:
                group.append(DropoutBlock(width // 2, width, True, share_weights))
            while len(group) < count:
                repeat = share_weights and len(group) > (number > 1)
                group.append(group[-1] if repeat else DropoutBlock(width, width, False, share_weights))
            self.add_module(f"layer{number}", group)
        self.fc = nn.Linear(256, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, num_classes)."""
        x = self.dropout(self.bn1(self.conv1(x)).relu())
        for name, child in self.named_children():
            if name.startswith("layer"):
                x = child(x)
        return self.fc(F.adaptive_max_pool2d(x, 1).flatten(1))


class VGG(nn.Module):
    """VGG-A for 32x32 images, with or without batch normalisation."""

    def __init__(self, batch_norm: bool, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = 3
        for width, pools in zip(
            (64, 128, 256, 256, 512, 512, 512, 512), (1, 1, 0, 1, 0, 1, 0, 1), strict=True
        ):
            self.features.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                self.features.append(nn.BatchNorm2d(width))
            self.features.append(nn.ReLU(inplace=True))
            if pools:
                self.features.append(nn.MaxPool2d(2))
            channels = width
        self.classifier = nn.Sequential(
            *(nn.Linear(512, 512), nn.ReLU(inplace=True)),
            *(nn.Linear(512, 512), nn.ReLU(inplace=True)),
            nn.Linear(512, num_classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, num_classes)."""
        return self.classifier(torch.flatten(self.features(x), start_dim=1))


_BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "lenet": LeNet,
    **{f"resnet{depth}": partial(CifarResNet, depth) for depth in (8, 20, 32, 44, 56, 110)},
    **{f"resnet-{blocks}block": partial(NarrowResNet, blocks) for blocks in (3, 6, 9)},
    "resnet18": partial(ResNet, (2, 2, 2, 2), 1, 3, 1),
    "resnet34": partial(ResNet, (3, 4, 6, 3), 1, 3, 1),
    "resnet50": partial(ResNet, (3, 4, 6, 3), 4, 3, 1),
    "resnet18-imagenet": partial(ResNet, (2, 2, 2, 2), 1, 7, 2),
    "resnet34-imagenet": partial(ResNet, (3, 4, 6, 3), 1, 7, 2),
    "resnet50-imagenet": partial(ResNet, (3, 4, 6, 3), 4, 7, 2),
    "resnet34-steps": partial(ResNet, (3, 4, 6, 3), 1, 7, 1),
    "resnet34-steps-faithful": partial(ResNet, (2, 2, 2, 2), 1, 7, 1),
    "identity-resnet": partial(IdentityResNet, (2, 2, 2, 2), True),
    "identity-resnet-deep": partial(IdentityResNet, (4, 5, 6, 3), True),
    "preact-resnet18": partial(IdentityResNet, (2, 2, 2, 2), False),
    "identity-resnet-deep-distinct": partial(IdentityResNet, (4, 5, 6, 3), False),
    "dropout-resnet": partial(DropoutResNet, True),
    "dropout-resnet-distinct": partial(DropoutResNet, False),
    "vgg-a": partial(VGG, False),
    "vgg-a-bn": partial(VGG, True),
}


def build(name: str, num_classes: int = 10) -> nn.Module:
    """Build the twin of `tinynet.models.build(name, num_classes)`, in PyTorch's default initialisation.

    Raises:  ValueError: there is no twin of that name
    """
    if name not in _BUILDERS:
        raise ValueError(f"no PyTorch twin of model {name!r}")
    return _BUILDERS[name](num_classes)
