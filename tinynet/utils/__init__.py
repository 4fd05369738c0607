"""Data loading and other helpers, where PyTorch has them."""

from tinynet.utils import checkpoint, data, hooks, model_zoo
