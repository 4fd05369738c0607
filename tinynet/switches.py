"""The switches in the environment that choose how tinynet computes; docs/performance.md explains them."""

from __future__ import annotations

import os

from tinynet.backend import BackendUnavailable

SWITCHES = {
    "TINYNET_KERNELS": ("auto", "generic"),
    "TINYNET_CONV": ("auto", "direct"),
    "TINYNET_FUSION": ("on", "off"),
    "TINYNET_ISA": ("auto", "avx2", "sse"),
}
"""What each may be; the first where it is not set."""


def read(name: str) -> str:
    """Return the value of a switch.

    Raises:  BackendUnavailable: it is none of those allowed
    """
    allowed = SWITCHES[name]
    choice = os.environ.get(name, allowed[0])
    if choice not in allowed:
        *head, last = map(repr, allowed)
        raise BackendUnavailable(f"{name} is {choice!r}; it must be {', '.join(head)} or {last}")
    return choice


def check() -> None:
    """Read all of them, so that a command can refuse one before it begins. Raises BackendUnavailable."""
    for name in SWITCHES:
        read(name)
