"""Modules for several GPUs."""

from tinynet.nn.data_parallel import DataParallel, DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel"]
