"""Padding beyond the table: widths against torch at random, memory order, and gradients of corners."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet as tn


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_random_widths_equal_torch(mode: str, axes: int) -> None:
    rng = np.random.default_rng(axes)
    done = 0
    for _ in range(40):
        shape = (*rng.integers(1, 3, 1 + rng.integers(2)).tolist(), *rng.integers(2, 6, axes).tolist())
        widths = rng.integers(-2, 4, 2 * axes).tolist()
        values = rng.standard_normal(shape)
        x, x_torch = tn.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        try:
            expected = torch.nn.functional.pad(x_torch, widths, mode)
        except RuntimeError:
            with pytest.raises(RuntimeError):
                tn.ops.pad(x, widths, mode)
            continue
        if mode == "circular" and any(
            max(b, a) > n + min(b, 0) + min(a, 0)
            for n, b, a in zip(shape[::-1], widths[::2], widths[1::2], strict=False)
        ):
            continue  # around more than once: torch goes on where it cuts at the other end, tinynet refuses
        y = tn.ops.pad(x, widths, mode)
        np.testing.assert_array_equal(
            y.detach().numpy(), expected.detach().numpy(), err_msg=f"{shape} {widths}"
        )
        if not y.numel():
            continue  # torch's gradient of nothing is uninitialised memory
        upstream = rng.standard_normal(y.shape)
        y.backward(tn.tensor(upstream))
        expected.backward(torch.tensor(upstream))
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), x_torch.grad.numpy(), rtol=1e-12)
        done += 1
    assert done > 8


def test_padding_with_nothing_is_no_copy_of_borders() -> None:
    x = tn.ones(1, 2, 3)
    assert tn.ops.pad(x, (0, 0), "reflect") is x
    assert tn.ops.pad(x, (1, 1), "constant", None).tolist()[0][0] == [0, 1, 1, 1, 0]
