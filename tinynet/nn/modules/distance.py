"""Distances, under the name of torch.nn.modules.distance."""

from tinynet.nn.distance import CosineSimilarity, PairwiseDistance

__all__ = ["CosineSimilarity", "PairwiseDistance"]
