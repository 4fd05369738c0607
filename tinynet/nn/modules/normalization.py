"""Layer and group normalisation, under the name of torch.nn.modules.normalization."""

from tinynet.nn.normalization import GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]
