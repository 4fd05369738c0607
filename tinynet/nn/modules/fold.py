"""Patches as columns, and back, under the name of torch.nn.modules.fold."""

from tinynet.nn.fold import Fold, Unfold

__all__ = ["Fold", "Unfold"]
