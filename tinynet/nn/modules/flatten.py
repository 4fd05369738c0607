"""Layers that join or split axes, under the name of torch.nn.modules.flatten."""

from tinynet.nn.flatten import Flatten, Unflatten

__all__ = ["Flatten", "Unflatten"]
