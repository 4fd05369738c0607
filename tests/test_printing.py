"""Tensors print as in torch, but for the names of dtypes and the number behind a grad_fn."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn

RNG = np.random.default_rng(0)
ARRAYS: dict[str, Any] = {
    "a number": np.float32(2.5),
    "a whole number": np.float32(3),
    "zeros": np.zeros(3, np.float32),
    "fractions": np.array([0.0, 0.1, -2.25], np.float32),
    "whole floats": np.array([[1, -20], [300, 4]], np.float32),
    "large and small": np.array([1e-3, 1.0, 2e3], np.float32),
    "large whole": np.array([1e9, 2.0], np.float32),
    "whole, far apart": np.array([1.0, 5000.0], np.float64),
    "tiny": np.array([1e-6, 2e-6]),
    "not finite": np.array([1.5, np.nan, np.inf, -np.inf], np.float32),
    "not finite alone": np.array([np.nan, np.inf], np.float32),
    "whole and not finite": np.array([1.0, np.nan, -np.inf], np.float32),
    "half": np.array([0.5, 1.25], np.float16),
    "int64": np.array([[1, -20], [300, 4]]),
    "uint8": np.arange(40, dtype=np.uint8),
    "bool": np.array([[True, False], [False, True]]),
    "matrix": RNG.standard_normal((4, 5)).astype(np.float32),
    "three axes": RNG.standard_normal((2, 3, 4)).astype(np.float32),
    "four axes": RNG.integers(0, 9, (2, 2, 2, 3)),
    "long row": RNG.standard_normal(30).astype(np.float32),
    "wide rows": RNG.standard_normal((2, 17)),
    "many": np.arange(5000.0, dtype=np.float32),
    "many rows": RNG.standard_normal((400, 3)).astype(np.float32),
    "many axes": RNG.standard_normal((10, 2, 8, 9)).astype(np.float32),
    "nothing": np.zeros(0, np.float32),
    "no rows": np.zeros((0, 3), np.float32),
    "no whole numbers": np.zeros((2, 0), np.int64),
}


def plain(tensor: Any) -> str:
    """Return the text without torch's own names, which are longer, and where a line ends before them."""
    text = re.sub(r"(grad_fn=<\w+?)\d*>", r"\1>", repr(tensor).replace("torch.", ""))
    return re.sub(r",\s+(dtype|grad_fn|requires_grad)=", r", \1=", text)


@pytest.mark.parametrize("name", ARRAYS)
def test_text_is_torchs(name: str) -> None:
    ours, theirs = tn.tensor(ARRAYS[name]), torch.tensor(ARRAYS[name])
    assert plain(ours) == plain(theirs)
    if theirs.is_floating_point():
        for a, b in ((ours.requires_grad_(), theirs.requires_grad_()), (ours * 1, theirs * 1)):
            assert plain(a) == plain(b)


def test_random_arrays() -> None:
    for _ in range(300):
        shape = tuple(RNG.integers(1, 9, RNG.integers(0, 5)))
        array = RNG.standard_normal(shape) * 10.0 ** RNG.integers(-6, 10)
        array = np.round(array) if RNG.random() < 0.4 else array
        array = np.clip(array, -2e9, 2e9).astype(RNG.choice(["float32", "float64", "int64", "int32"]))
        assert plain(tn.tensor(array)) == plain(torch.tensor(array))
