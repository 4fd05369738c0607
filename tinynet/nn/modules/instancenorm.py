"""Instance normalisation layers, under the name of torch.nn.modules.instancenorm."""

from tinynet.nn.normalization import InstanceNorm1d, InstanceNorm2d, _InstanceNorm

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "_InstanceNorm"]
