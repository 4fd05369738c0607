"""Split an optimiser's state into arrays (for safetensors) and what JSON can hold, and join them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_INT_KEYS = "int keys"


def split_state(
    state: dict[str, Any], to_numpy: Callable[[Any], np.ndarray | None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Split the `state_dict` of an optimiser.

    Args:    state: torch's format, {"state": {index: {name: array or number}}, "param_groups": [...]}
             to_numpy: gives the host array of a tensor, and None for anything else
    Returns: arrays by "index.name", and the rest
    """
    arrays: dict[str, np.ndarray] = {}
    rest: dict[int, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        rest[index] = {}
        for name, value in entries.items():
            array = to_numpy(value)
            if array is None:
                rest[index][name] = value
            else:
                arrays[f"{index}.{name}"] = array
    return arrays, {"state": rest, "param_groups": state["param_groups"]}


def join_state(
    arrays: dict[str, np.ndarray], rest: dict[str, Any], from_numpy: Callable[[np.ndarray], Any]
) -> dict[str, Any]:
    """Rebuild the `state_dict` that `split_state` took apart."""
    joined = {index: dict(entries) for index, entries in rest["state"].items()}
    for key, array in arrays.items():
        index, name = key.split(".", 1)
        joined[int(index)][name] = from_numpy(array)
    return {"state": joined, "param_groups": rest["param_groups"]}


def encode(value: Any) -> Any:
    """Return `value` as JSON can hold it: dictionaries with whole numbers as keys become lists of pairs."""
    if isinstance(value, dict):
        if value and all(isinstance(key, int) for key in value):
            return {_INT_KEYS: [[key, encode(item)] for key, item in value.items()]}
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """Undo `encode` (tuples come back as lists)."""
    if isinstance(value, dict):
        if list(value) == [_INT_KEYS]:
            return {key: decode(item) for key, item in value[_INT_KEYS]}
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value
