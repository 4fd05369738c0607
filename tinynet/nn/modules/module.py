"""The base class of layers and networks, under the name of torch.nn.modules.module."""

from tinynet.nn.module import Module

__all__ = ["Module"]
