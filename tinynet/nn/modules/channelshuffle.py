"""Channel shuffling, under the name of torch.nn.modules.channelshuffle."""

from tinynet.nn.pixelshuffle import ChannelShuffle

__all__ = ["ChannelShuffle"]
