"""NumPy's names of arguments, which torch takes as well: axis for dim, keepdims for keepdim."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

TORCH_NAME = {"axis": "dim", "keepdims": "keepdim"}


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function, or all methods of a class, take `axis` and `keepdims` as names of `dim` and `keepdim`."""
    if isinstance(function, type):
        for name, method in list(vars(function).items()):
            if callable(method):
                setattr(function, name, numpy_names(method))
        return function

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if not TORCH_NAME.keys().isdisjoint(options):
            options = {TORCH_NAME.get(name, name): value for name, value in options.items()}
        return function(*args, **options)

    return call
