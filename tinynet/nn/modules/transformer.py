"""Transformer layers, under the name of torch.nn.modules.transformer."""

from tinynet.nn.transformer import TransformerEncoder, TransformerEncoderLayer

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]
