"""Training in several processes, which is not supported: there is no group of them."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["barrier", "get_rank", "get_world_size", "init_process_group", "is_available", "is_initialized"]


def is_available() -> bool:
    """Return False."""
    return False


def is_initialized() -> bool:
    """Return False."""
    return False


def init_process_group(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse.

    Raises:  NotImplementedError: always
    """
    raise NotImplementedError("init_process_group: training in several processes is not supported")


def get_rank(group: Any = None) -> NoReturn:
    """Refuse, as torch does without a group.

    Raises:  ValueError: always
    """
    _no_group("get_rank")


def get_world_size(group: Any = None) -> NoReturn:
    """Refuse, as torch does without a group.

    Raises:  ValueError: always
    """
    _no_group("get_world_size")


def barrier(*args: Any, **kwargs: Any) -> NoReturn:
    """Refuse, as torch does without a group.

    Raises:  ValueError: always
    """
    _no_group("barrier")


def _no_group(name: str) -> NoReturn:
    raise ValueError(f"{name}: there is no process group, and training in several processes is not supported")
