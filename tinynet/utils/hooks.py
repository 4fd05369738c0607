"""The handle that registering a hook returns."""

from tinynet.tensor.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
