"""Linear layers, under the name of torch.nn.modules.linear."""

from tinynet.nn.linear import Bilinear, Identity, Linear

__all__ = ["Bilinear", "Identity", "Linear"]
