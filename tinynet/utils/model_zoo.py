"""Pretrained weights by URL, under their former name."""

from tinynet.hub import load_state_dict_from_url
from tinynet.hub import load_state_dict_from_url as load_url

__all__ = ["load_state_dict_from_url", "load_url"]
