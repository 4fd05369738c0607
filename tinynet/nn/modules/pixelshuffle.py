"""Layers that shuffle channels, under the name of torch.nn.modules.pixelshuffle."""

from tinynet.nn.pixelshuffle import PixelShuffle, PixelUnshuffle

__all__ = ["PixelShuffle", "PixelUnshuffle"]
