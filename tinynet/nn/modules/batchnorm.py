"""Batch normalisation layers, under the name of torch.nn.modules.batchnorm."""

from tinynet.nn.data_parallel import SyncBatchNorm
from tinynet.nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d, _BatchNorm, _NormBase

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "_BatchNorm", "_NormBase"]
