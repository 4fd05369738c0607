from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

SHAPES = [(4, 3, 3, 2), (5,), (), (0, 3), (1, 1)]
MATRICES = [(4, 3), (2, 5), (1, 6), (0, 3), (1, 1)]
"""For Muon, which takes nothing else."""


class Twins:
    """The same parameters in tinynet and in torch, fed the same gradients."""

    def __init__(self, dtype, seed=0, shapes=SHAPES):
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        values = [self.draw(shape) for shape in shapes]
        self.ours = [nn.Parameter(tinynet.Tensor(value.copy())) for value in values]
        self.torch = [torch.nn.Parameter(torch.from_numpy(value.copy())) for value in values]

    def draw(self, shape):
        return np.asarray(self.rng.standard_normal(shape), dtype=self.dtype)

    def set_gradients(self, skip=()):
        for i, (p, q) in enumerate(zip(self.ours, self.torch, strict=True)):
            if i in skip:
                p.grad = q.grad = None
                continue
            gradient = self.draw(p.shape)
            p.grad = tinynet.Tensor(gradient.copy())
            q.grad = torch.from_numpy(gradient.copy())

    def step(self, ours, theirs, steps=1):
        for _ in range(steps):
            self.set_gradients()
            ours.step()
            theirs.step()

    def assert_equal(self, rtol, atol):
        for p, q in zip(self.ours, self.torch, strict=True):
            assert p.dtype == self.dtype
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=rtol, atol=atol)


@pytest.fixture
def twins():
    return Twins


@pytest.fixture
def torch_muon_in_full_precision(monkeypatch):
    """Let torch's Muon iterate in the dtype of the gradient, as ours does, instead of bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
