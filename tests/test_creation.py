"""Creation beyond the table: shared memory, leaves, the default dtype, memory order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet import memory_format
from tinynet.default_dtype import get_default_dtype, set_default_dtype


@pytest.fixture
def float64_by_default() -> Iterator[None]:
    set_default_dtype(np.dtype(np.float64))
    torch.set_default_dtype(torch.float64)
    yield
    set_default_dtype(np.dtype(np.float32))
    torch.set_default_dtype(torch.float32)


DEFAULTS: dict[str, Any] = {
    "zeros": lambda lib: lib.zeros(2),
    "ones": lambda lib: lib.ones(2),
    "empty": lambda lib: lib.empty(2),
    "full": lambda lib: lib.full((2,), 1.0),
    "full of ints": lambda lib: lib.full((2,), 1),
    "arange": lambda lib: lib.arange(0, 1, 0.5),
    "arange of ints": lambda lib: lib.arange(3),
    "linspace": lambda lib: lib.linspace(0, 1, 3),
    "logspace": lambda lib: lib.logspace(0, 1, 3),
    "eye": lambda lib: lib.eye(2),
    "rand": lambda lib: lib.rand(2),
    "randn": lambda lib: lib.randn(2),
    "randint": lambda lib: lib.randint(3, (2,)),
    "normal": lambda lib: lib.normal(0.0, 1.0, (2,)),
    "tensor": lambda lib: lib.tensor([1.5, 2]),
    "tensor of nothing": lambda lib: lib.tensor([]),
    "tensor of float32": lambda lib: lib.tensor(np.float32(1)),
    "scalar_tensor": lambda lib: lib.scalar_tensor(1),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_default_dtype_is_honoured(name: str, float64_by_default: None) -> None:
    assert get_default_dtype() == np.float64
    assert str(DEFAULTS[name](tn).dtype) == str(DEFAULTS[name](torch).dtype).removeprefix("torch.")


@pytest.mark.parametrize("dtype", [np.dtype(np.int64), float, "float32", None])
def test_only_floating_point_dtypes_can_be_the_default(dtype: Any) -> None:
    with pytest.raises(TypeError, match="only floating-point types"):
        set_default_dtype(dtype)
    assert get_default_dtype() == np.float32


def test_tensor_copies_and_the_others_share() -> None:
    array = np.arange(6.0).reshape(2, 3)
    shared = (tn.from_numpy(array), tn.as_tensor(array), tn.asarray(array), tn.as_tensor(array.T))
    for x in shared:
        assert np.shares_memory(x.numpy(), array)
    for x in (tn.tensor(array), tn.as_tensor(array, dtype=np.float32), tn.asarray(array, copy=True)):
        assert not np.shares_memory(x.numpy(), array)
    x = tn.ones(2, requires_grad=True)
    assert tn.as_tensor(x) is x
    assert tn.as_tensor(x, dtype=np.float64).requires_grad
    copied = tn.tensor(x)
    assert copied.is_leaf
    assert not copied.requires_grad
    assert not np.shares_memory(copied.numpy(), x.detach().numpy())


@pytest.mark.parametrize(
    "call",
    [
        lambda **o: tn.zeros(2, **o),
        lambda **o: tn.ones(2, **o),
        lambda **o: tn.empty(2, **o),
        lambda **o: tn.full((2,), 1.0, **o),
        lambda **o: tn.arange(2.0, **o),
        lambda **o: tn.linspace(0, 1, 2, **o),
        lambda **o: tn.logspace(0, 1, 2, **o),
        lambda **o: tn.eye(2, **o),
        lambda **o: tn.tensor([1.0], **o),
        lambda **o: tn.scalar_tensor(1.0, **o),
        lambda **o: tn.zeros_like(tn.ones(2), **o),
        lambda **o: tn.ones_like(tn.ones(2), **o),
        lambda **o: tn.empty_like(tn.ones(2), **o),
        lambda **o: tn.full_like(tn.ones(2), 1, **o),
        lambda **o: tn.rand(2, **o),
        lambda **o: tn.randn(2, **o),
        lambda **o: tn.rand_like(tn.ones(2), **o),
        lambda **o: tn.randn_like(tn.ones(2), **o),
        lambda **o: tn.normal(0.0, 1.0, (2,), **o),
        lambda **o: tn.ones(2).new_zeros(2, **o),
        lambda **o: tn.ones(2).new_tensor([1], **o),
    ],
)
def test_options_are_taken(call: Any) -> None:
    x = call(dtype=np.float64, device="cpu", requires_grad=True)
    assert x.dtype == np.float64
    assert x.requires_grad
    assert x.is_leaf
    assert x.numpy(force=True).flags.writeable


def test_memory_order_of_likes() -> None:
    x = torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    y = tn.zeros(2, 3, 4, 5).contiguous(memory_format=memory_format.channels_last)
    for name in ("zeros_like", "ones_like", "empty_like", "rand_like"):
        contiguous = getattr(tn, name)(y, memory_format=memory_format.contiguous_format)
        assert contiguous.is_contiguous()
    assert tn.zeros_like(y).stride() == x.stride() == torch.zeros_like(x).stride()
    assert tn.zeros_like(tn.ones(1, 3).expand(2, 3)).stride() == (3, 1)
    made = tn.empty(2, 3, 4, 5, memory_format=memory_format.channels_last)
    assert made.stride() == x.stride()


@pytest.mark.parametrize("steps", [2, 3, 5, 8, 12, 24, 100])
def test_float32_ranges_equal_torch_s_to_the_last_bit_or_two(steps: int) -> None:
    found, expected = tn.linspace(0, 0.1, steps).numpy(), torch.linspace(0, 0.1, steps).numpy()
    np.testing.assert_array_max_ulp(found, expected, 2)
    found, expected = tn.arange(0, 1, 1 / steps).numpy(), torch.arange(0, 1, 1 / steps).numpy()
    np.testing.assert_array_max_ulp(found, expected, 2)


def test_new_makes_what_it_is_asked_for() -> None:
    x = tn.ones(2, dtype=np.float64)
    assert x.new(2, 3).shape == (2, 3)
    assert x.new([1, 2]).tolist() == [1, 2]
    assert x.new().shape == (0,)
    assert x.new(2).dtype == np.float64
