"""The one exception of the data package."""

from __future__ import annotations

from tinynet.errors import DataError

__all__ = ["DataError"]
