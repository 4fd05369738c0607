"""One nested model, the same code for both libraries."""

from __future__ import annotations

from collections import OrderedDict

import torch

import tinynet


def block(nn, channels):
    """Return a module with parameters, buffers, None, children and a plain attribute."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm2d(channels)
            self.conv = nn.Conv2d(channels, channels, (3, 2), padding="same", groups=channels, bias=False)
            self.shortcut = nn.Identity()
            self.width = channels
            self.register_parameter("missing", None)
            self.register_buffer("absent", None)

        def forward(self, x):
            return self.shortcut(x) + self.conv(self.bn(x))

    return Block()


def network(nn):
    """Return a nested model, the same code for both libraries."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            lib = tinynet if nn is tinynet.nn else torch
            self.head = nn.Linear(4, 3)
            self.scale = nn.Parameter(lib.ones(4, 1, 1))
            self.register_buffer("offset", lib.zeros(4, 1, 1))
            self.stem = nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(2, 4, 3, padding=1), act=nn.ReLU(inplace=True), drop=nn.Dropout(0.2)
                )
            )
            self.blocks = nn.ModuleList([block(nn, 4) for _ in range(3)] + [nn.MaxPool2d((2, 1))])
            self.tail = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Identity())
            self.tail.append(self.head)

        def forward(self, x):
            x = self.stem(x) * self.scale + self.offset
            for child in self.blocks:
                x = child(x)
            return self.tail(x)

    return Network()
