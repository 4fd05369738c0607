"""Switches of cuDNN, which is not used: convolutions are tinynet's own, and give the same result in every run."""

enabled = False
benchmark = False
deterministic = True
allow_tf32 = False


def is_available() -> bool:
    """Return False."""
    return False


def version() -> None:
    """Return None."""
    return None
