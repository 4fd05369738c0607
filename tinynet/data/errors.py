"""The one exception of the data package."""

from __future__ import annotations


class DataError(ValueError):
    """Data that is missing, damaged or unusable; the message says what was wrong and what to do.

    The command lines print it alone and exit with code 2.
    """
