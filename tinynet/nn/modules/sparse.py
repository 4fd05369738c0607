"""Embeddings, under the name of torch.nn.modules.sparse."""

from tinynet.nn.embedding import Embedding

__all__ = ["Embedding"]
