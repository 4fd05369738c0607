"""From a list of samples to a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinynet import ops
from tinynet.creation import float64, tensor
from tinynet.tensor import Tensor


def default_collate(batch: Any) -> Any:
    """Join samples of the same form: tensors, arrays and numbers are stacked along a new first axis.

    Mappings and sequences are joined part by part; a tuple becomes a list, as in torch; texts stay a list. Python's
    floats become float64.

    Raises:  TypeError: something else; RuntimeError: shapes or lengths differ
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return ops.stack(batch)
    if _is_numeric(first):
        return ops.stack([Tensor(np.asarray(sample)) for sample in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError(
                f"each element in list of batch should be of equal size, got {[len(sample) for sample in batch]}"
            )
        parts = [default_collate(samples) for samples in zip(*batch, strict=True)]
        return _sequence(first, parts)
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )


def default_convert(data: Any) -> Any:
    """Turn NumPy arrays, also inside mappings and sequences, into tensors that share their memory."""
    if _is_numeric(data):
        return Tensor(np.asarray(data))
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _sequence(data, [default_convert(value) for value in data])
    return data


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf"


def _sequence(original: Any, parts: list[Any]) -> Any:
    if isinstance(original, tuple) and hasattr(original, "_fields"):
        return type(original)(*parts)
    return parts if isinstance(original, tuple) else _like(original, parts)


def _like(original: Any, value: Any) -> Any:
    """Return the value as the type of the original, if that can be made of it."""
    make: Callable[[Any], Any] = type(original)
    try:
        return make(value)
    except TypeError:  # the constructor wants other arguments
        return value
