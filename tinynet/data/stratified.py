"""Class-balanced random choices."""

from __future__ import annotations

import numpy as np

from tinynet.random import generator


def stratified(labels: np.ndarray, size: int, purpose: str, seed: int) -> np.ndarray:
    """Choose `size` positions at random, each label in its own proportion.

    Places left over go to the largest remainders, low labels first.

    Returns: int64 (size,), ascending
    """
    values, counts = np.unique(labels, return_counts=True)
    exact = counts * size
    quotas = exact // len(labels)
    leftover = size - int(quotas.sum())
    quotas[np.argsort(-(exact % len(labels)), kind="stable")[:leftover]] += 1
    picks = [
        generator(purpose, int(value), seed=seed).permutation(np.flatnonzero(labels == value))[:quota]
        for value, quota in zip(values, quotas, strict=True)
    ]
    return np.sort(np.concatenate(picks))
