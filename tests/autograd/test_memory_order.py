"""Results of convolutions lie channels last; who shares memory in torch sees changes in place here, and no one else.

Every case runs in torch and in tinynet, with recording on and off, and all its tensors and the gradient are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn

Tensors = list[Any]


def changed_view(y: Any) -> Tensors:
    v = y.view(1, -1)
    v.mul_(3)
    return [y, v]


def changed_base(y: Any) -> Tensors:
    v = y.view(1, -1)
    y.mul_(3)
    return [y, v]


def changed_part_of_each(y: Any) -> Tensors:
    v = y.flatten(1)
    y[0, 0].mul_(2)
    v[0, 3:5] = 7.0
    y[0, 1, 2] += v[0, :4]
    return [y, v]


def two_views(y: Any) -> Tensors:
    a, b = y.view(1, -1), y.view(-1)
    a.mul_(2)
    b[3:5].mul_(3.0)
    return [y, a, b]


def view_of_a_view(y: Any) -> Tensors:
    a = y.view(2, -1)
    b = a.view(4, -1)
    c = y[0].reshape(-1)
    b[1].zero_()
    c.add_(1)
    y[:, 1].mul_(0.5)
    return [y, a, b, c]


def contiguous(y: Any) -> Tensors:
    v = y.contiguous()
    v[0, 0] *= 2
    y[0, 1] *= 3
    return [y, v]


def permuted_and_contiguous(y: Any) -> Tensors:
    z = y.permute(0, 2, 3, 1).contiguous()
    z.mul_(2)
    y.add_(1)
    return [y, z]


def permuted_and_reshaped(y: Any) -> Tensors:
    z = y.permute(0, 2, 3, 1).reshape(-1, 2)
    w = y.permute(0, 2, 3, 1).flatten()
    z.mul_(2)
    w.mul_(3)
    y.add_(1)
    return [y, z, w]


def permuted_there_and_back(y: Any) -> Tensors:
    z = y.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    z.relu_()
    return [y, z]


def transposed_view(y: Any) -> Tensors:
    z = y.permute(0, 2, 3, 1)
    v = y.view(1, -1)
    z.mul_(2)
    v.add_(1)
    return [y, z, v]


CASES: list[Callable[[Any], Tensors]] = [
    changed_view,
    changed_base,
    changed_part_of_each,
    two_views,
    view_of_a_view,
    contiguous,
    permuted_and_contiguous,
    permuted_and_reshaped,
    permuted_there_and_back,
    transposed_view,
]

X = np.random.default_rng(0).standard_normal((1, 3, 6, 6)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((2, 3, 3, 3)).astype(np.float32)


def run(
    lib: Any, case: Callable[[Any], Tensors], record: bool, prepare: Callable[[Any, Any], Any]
) -> Tensors:
    x, w = lib.tensor(X, requires_grad=record), lib.tensor(W)
    with lib.set_grad_enabled(record):
        y = lib.nn.functional.conv2d(prepare(lib, x), prepare(lib, w))
        found = case(y)
        if record:
            weights = (lib.arange(1.0, t.numel() + 1).reshape(t.shape) for t in found)
            sum((t * weight).sum() for t, weight in zip(found, weights, strict=True)).backward()
            found.append(x.grad)
    return [t.detach().numpy() for t in found]


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_shares_memory_in_torch_sees_each_others_changes(case: Any, record: bool) -> None:
    ours, theirs = (run(lib, case, record, lambda lib, t: t) for lib in (tn, torch))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lib", [tn, torch])
def test_where_the_user_asked_for_channels_last_rows_are_a_copy(lib: Any) -> None:
    x = lib.tensor(X).contiguous(memory_format=lib.channels_last)
    for rows in (x.flatten(1), x.reshape(2, -1), x.contiguous()):
        rows.zero_()
        np.testing.assert_array_equal(x.numpy(), X)
    z = x.permute(0, 2, 3, 1).contiguous()
    z.zero_()
    assert not x.numpy().any()


def random_program(rng: np.random.Generator) -> Callable[[Any], Tensors]:
    """Return views and changes in place of them, chosen at random."""
    choices = rng.integers(0, 1 << 30, (7, 3)).tolist()

    def program(y: Any) -> Tensors:
        tensors = [y]
        for which, what, how in choices:
            t = tensors[which % len(tensors)]
            match what % 7:
                case 0:
                    tensors.append(t.reshape(-1))
                case 1:
                    tensors.append(t.flatten(how % t.ndim))
                case 2:
                    tensors.append(t[how % len(t)] if t.ndim > 1 else t[how % 3 :: 2])
                case 3:
                    tensors.append(t.transpose(how % t.ndim, (how // 7) % t.ndim))
                case 4:
                    tensors.append(t.contiguous())
                case 5:
                    t.mul_(1.5)
                case 6:
                    t.add_(0.25)
        return tensors

    return program


@pytest.mark.parametrize("record", [True, False])
def test_random_programs(record: bool) -> None:
    rng, compared = np.random.default_rng(2), 0
    for number in range(150):
        program = random_program(rng)
        ours, theirs = (run(lib, program, record, lambda lib, t: t) for lib in (tn, torch))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3, err_msg=f"program {number}")
        compared += len(ours)
    assert compared > 400
