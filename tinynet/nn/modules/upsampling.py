"""Upsampling layers, under the name of torch.nn.modules.upsampling."""

from tinynet.nn.upsampling import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]
