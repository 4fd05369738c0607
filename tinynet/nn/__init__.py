"""Layers with torch's names, defaults and state-dict keys."""

from tinynet.nn import functional, init
from tinynet.nn.activation import ReLU
from tinynet.nn.container import ModuleList, Sequential
from tinynet.nn.conv import Conv2d
from tinynet.nn.dropout import Dropout
from tinynet.nn.linear import Flatten, Identity, Linear
from tinynet.nn.loss import CrossEntropyLoss
from tinynet.nn.module import Module, Parameter
from tinynet.nn.norm import BatchNorm2d
from tinynet.nn.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "functional",
    "init",
]
