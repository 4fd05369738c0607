"""The error of files that cannot be used: data sets, weights."""

from __future__ import annotations


class DataError(ValueError):
    """Data that is missing, damaged or unusable; the message says what was wrong and what to do.

    The command lines print it alone and exit with code 2.
    """
