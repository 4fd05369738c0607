"""Switches of libraries that PyTorch uses and tinynet does not; they can be set and change nothing."""

from tinynet.backends import cuda, cudnn, mps
