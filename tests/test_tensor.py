"""Tensor: attributes, conversions, methods, text and errors; creation functions."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tinynet as tn


def test_it_shares_the_array_it_is_given() -> None:
    array = np.zeros((2, 3), np.float32)
    x = tn.from_numpy(array)
    array[0, 0] = 5
    assert x.array is array
    assert x[0, 0].item() == 5
    assert x.data.array is array
    assert x.numpy() is array
    assert np.asarray(x) is not None
    x.data = tn.ones(4)
    assert x.shape == (4,)


def test_of_a_subclass_of_ndarray_it_takes_the_plain_array(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(2,))
    x = tn.Tensor(mapped)
    assert type(x.array) is np.ndarray
    assert np.shares_memory(x.array, mapped)
    assert (x + tn.ones(2)).tolist() == [1, 1]


def test_rows_and_empty_selections() -> None:
    x = tn.Tensor(np.arange(6).reshape(2, 3))
    assert [row.tolist() for row in x] == [[0, 1, 2], [3, 4, 5]]
    assert x[[]].shape == (0, 3)


def test_what_it_says_of_itself() -> None:
    x = tn.zeros(2, 3, requires_grad=True)
    assert (x.shape, x.size(), x.size(1), x.ndim, x.dim(), x.numel(), len(x)) == (
        (2, 3),
        (2, 3),
        3,
        2,
        2,
        6,
        2,
    )
    assert (x.dtype, str(x.device), x.device.type) == (tn.float32, "cpu", "cpu")
    assert x.is_leaf
    assert not (x * 2).is_leaf
    assert x.T.shape == (3, 2)


@pytest.mark.parametrize(
    "data, dtype",
    [
        ([1.0, 2.0], "float32"),
        (1, "int64"),
        ([True, False], "bool"),
        ([[1, 2], [3, 4]], "int64"),
        (np.float64(1.5), "float64"),
        (np.ones(2), "float64"),
        (np.ones(2, np.int32), "int32"),
        ([], "float32"),
    ],
)
def test_tensor_takes_torch_s_dtypes_and_copies(data: Any, dtype: str) -> None:
    x = tn.tensor(data)
    expected = torch.tensor(data)
    assert str(x.dtype) == dtype == str(expected.dtype).removeprefix("torch.")
    assert x.tolist() == expected.tolist()
    if isinstance(data, np.ndarray):
        assert x.array is not data
        assert not np.shares_memory(x.array, data)


@pytest.mark.parametrize(
    "name, args",
    [
        ("zeros", (2, 3)),
        ("ones", ((2, 3),)),
        ("full", ((2,), 3)),
        ("full", ((2,), 3.5)),
        ("full", ((2,), True)),
        ("arange", (5,)),
        ("arange", (1, 7, 2)),
        ("arange", (0.0, 1.0, 0.25)),
        ("eye", (3,)),
        ("eye", (2, 3)),
        ("zeros", ((),)),
    ],
)
def test_creation_equals_torch(name: str, args: Any) -> None:
    x, expected = getattr(tn, name)(*args), getattr(torch, name)(*args)
    assert str(x.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_array_equal(x.numpy(), expected.numpy())


def test_likes_keep_shape_and_dtype() -> None:
    x = tn.zeros(2, 3, dtype=tn.float64)
    for y, value in ((tn.zeros_like(x), 0), (tn.ones_like(x), 1), (tn.full_like(x, 7), 7)):
        assert y.dtype == x.dtype
        assert (y.numpy() == np.full((2, 3), value)).all()
    assert tn.ones_like(x, dtype=tn.int64).dtype == "int64"
    assert tn.empty(2, 3).shape == (2, 3)


def test_random_numbers_follow_the_seed() -> None:
    tn.manual_seed(3)
    first, second = tn.randn(1000), tn.randn(1000)
    tn.manual_seed(3)
    np.testing.assert_array_equal(tn.randn(1000).numpy(), first.numpy())
    assert not np.array_equal(first.numpy(), second.numpy())
    # 1,000 draws: the mean is within 4 standard errors of 0, the standard deviation within 4 of 1.
    assert abs(first.numpy().mean()) < 4 / 1000**0.5
    assert abs(first.numpy().std() - 1) < 4 / 2000**0.5
    uniform = tn.rand(1000).numpy()
    assert uniform.dtype == np.float32
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 4 * (1 / 12 / 1000) ** 0.5


def test_to_changes_only_what_is_asked() -> None:
    x = tn.ones(2)
    assert x.to(tn.float32) is x
    assert x.to("cpu") is x
    assert x.to("cpu", tn.float64).dtype == "float64"
    assert x.to(tn.zeros(1, dtype=tn.int64)).dtype == "int64"
    assert x.double().float().dtype == "float32"
    assert x.long().dtype == "int64"
    assert x.cpu() is x


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: tn.ones(2).item(), RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar"),
        (lambda: bool(tn.ones(2)), RuntimeError, "more than one value is ambiguous"),
        (lambda: len(tn.tensor(1.0)), TypeError, "len\\(\\) of a 0-d tensor"),
        (lambda: list(tn.tensor(1.0)), TypeError, "0-d tensor"),
        (lambda: tn.ones(2, 3, 4) @ tn.ones(3, 4, 5), RuntimeError, r"shapes \[2\] and \[3\]"),
        (lambda: tn.where(tn.ones(2) > 0, tn.ones(3), 0), RuntimeError, r"shapes \[2\] and \[3\]"),
        (lambda: tn.ones(2, requires_grad=True).numpy(), RuntimeError, "Use tensor.detach\\(\\).numpy\\(\\)"),
        (lambda: tn.tensor([1, 2], requires_grad=True), RuntimeError, "floating point dtype .* not int64"),
        (lambda: tn.tensor(["a"]), ValueError, "a"),
        (lambda: tn.from_numpy([1]), TypeError, "expected np.ndarray \\(got list\\)"),
        (lambda: tn.zeros(-1, 2), RuntimeError, r"negative dimension: \[-1, 2\]"),
        (lambda: (tn.ones(2, requires_grad=True) * 2).requires_grad_(False), RuntimeError, "leaf variables"),
        (
            lambda: tn.ones(2, 3) + tn.ones(4),
            RuntimeError,
            r"\(3\) must match .* \(4\) at .* shapes \[2, 3\] and \[4\]",
        ),
        (lambda: tn.ones(2) + "a", TypeError, "got str"),
        (lambda: tn.ones(2, 3) @ tn.ones(2, 3), RuntimeError, r"\[2, 3\] and \[2, 3\]: .* 3 and 2 differ"),
        (lambda: tn.ones(2) @ tn.ones(2, dtype=tn.float64), RuntimeError, "float32 and float64"),
        (
            lambda: tn.ones(2, 3).reshape(4, -1),
            RuntimeError,
            r"shape \[4, -1\] is invalid for input of size 6",
        ),
        (lambda: tn.ones(2, 3).reshape(-1, -1), RuntimeError, "only one dimension can be inferred"),
        (lambda: tn.ones(2, 3).sum(2), IndexError, r"range of \[-2, 1\], but got 2"),
        (lambda: tn.ones(2, 3).sum((0, -2)), RuntimeError, "dim appears multiple times"),
        (lambda: tn.ones(2, 3).permute(0, 0), RuntimeError, "must name each of the 2 dimensions once"),
        (lambda: tn.ones(2, 3).expand(3, 3), RuntimeError, r"sizes \[3, 3\] do not fit .* \[2, 3\]"),
        (lambda: tn.ones(2, 3).expand(-1, 2, 3), RuntimeError, "do not fit"),
        (lambda: tn.ones(2, 3).flatten(1, 0), RuntimeError, "start_dim 1 cannot come after end_dim 0"),
        (lambda: tn.cat([]), ValueError, "non-empty list"),
        (lambda: tn.cat([tn.ones(2, 3), tn.ones(3, 2)]), RuntimeError, r"got \[\[2, 3\], \[3, 2\]\]"),
        (lambda: tn.tensor([1]).mean(), RuntimeError, "floating point, got int64"),
        (lambda: tn.ones(0, 2).amax(0), IndexError, r"non-zero size, got shape \[0, 2\]"),
        (lambda: tn.ones(0).argmax(), IndexError, r"got shape \[0\]"),
        (lambda: tn.where(tn.ones(2), tn.ones(2), 0), RuntimeError, "boolean tensor, but got .* float32"),
        (lambda: tn.where(tn.ones(2) > 0, 1), TypeError, "both input and other"),
        (lambda: tn.device("gpu"), RuntimeError, "'cpu', 'cuda' or 'cuda:INDEX', but got 'gpu'"),
        (lambda: tn.device("cuda:x"), RuntimeError, "but got 'cuda:x'"),
        (lambda: tn.ops.pad(tn.ones(2), (1,)), RuntimeError, r"must be even and at most 2, got \[1\]"),
        (lambda: tn.ops.pad(tn.ones(2), (-2, -1)), RuntimeError, "cuts away more"),
        (lambda: tn.ops.pad(tn.ones(2), (1, 1), "reflect"), NotImplementedError, "mode 'reflect'"),
    ],
)
def test_bad_input_names_the_offending_values(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_repr_shows_what_matters() -> None:
    x = tn.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 2.], grad_fn=<MulBackward>)"
    assert repr(tn.ones(2, dtype=tn.float64)) == "tensor([1., 1.], dtype=float64)"


def test_numpy_on_the_left_leaves_the_operation_to_tensor() -> None:
    x = tn.ones(2, dtype=tn.float64, requires_grad=True)
    y = np.float64(3.0) * x
    assert isinstance(y, tn.Tensor)
    assert y.requires_grad


def test_devices() -> None:
    assert tn.device("cuda:1") == tn.device("cuda", 1)
    assert tn.device("cuda:1") != tn.device("cuda")
    assert repr(tn.device("cuda:1")) == "device(type='cuda', index=1)"
    assert len({tn.device("cpu"), tn.device("cpu"), "cpu"}) == 1
    assert tn.device("cpu") != "mps"


def test_without_a_gpu_the_error_says_what_to_install() -> None:
    if tn.backend.cuda_is_available():
        assert tn.ones(2).to("cuda").device.type == "cuda"
        return
    with pytest.raises(tn.BackendUnavailable, match=r"pip install -e '\.\[cuda13\]'"):
        tn.ones(2).to("cuda")


@pytest.mark.parametrize("name", ["allclose", "equal"])
def test_answers_that_are_no_tensors(name: str) -> None:
    pairs = [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0], [1.0, 2.0 + 1e-7]),
        ([1.0, np.nan], [1.0, np.nan]),
        ([1.0], [2.0]),
    ]
    for x, y in pairs:
        found = getattr(tn, name)(tn.tensor(x), tn.tensor(y))
        assert type(found) is bool
        assert found == getattr(torch, name)(torch.tensor(x), torch.tensor(y))
        assert getattr(tn.tensor(x), name)(tn.tensor(y)) == found
    assert tn.allclose(tn.tensor([np.nan]), tn.tensor([np.nan]), equal_nan=True)
    assert not tn.equal(tn.ones(2), tn.ones(3))


@pytest.mark.parametrize("lib", [tn, torch])
def test_pickle_keeps_the_values_alone(lib: Any) -> None:
    """After a backward pass, of views and of the results of convolutions too."""
    model = lib.nn.Conv2d(3, 2, 3)
    y = model(lib.ones(1, 3, 5, 5))
    flat = y.flatten(1)
    flat.sum().backward()
    with lib.no_grad():
        row = lib.ones(1000, 3)[:1]
    again = pickle.loads(pickle.dumps(model))
    assert [p.tolist() for p in again.parameters()] == [p.tolist() for p in model.parameters()]
    for x in (*model.parameters(), y.detach(), flat.detach(), row):
        for twin in (pickle.loads(pickle.dumps(x)), copy.copy(x)):
            assert (twin.tolist(), twin.requires_grad, twin.grad) == (x.tolist(), x.requires_grad, None)
            assert type(twin) is type(x)
            assert twin.is_leaf
    assert np.shares_memory(copy.copy(row).numpy(), row.numpy())


@pytest.mark.parametrize("lib", [tn, torch])
def test_types_of_old_tell_tensors_apart(lib: Any) -> None:
    assert isinstance(lib.ones(2), lib.FloatTensor)
    assert isinstance(lib.arange(2), lib.LongTensor)
    assert not isinstance(lib.ones(2), lib.DoubleTensor)
    assert not isinstance(lib.ones(2), lib.cuda.FloatTensor)
    assert not isinstance(2.0, lib.FloatTensor)


@pytest.mark.parametrize("lib", [tn, torch])
def test_text_of_nothing_and_formats(lib: Any) -> None:
    assert repr(lib.zeros(0, 3)) == "tensor([], size=(0, 3))"
    assert repr(lib.zeros(0)) == "tensor([])"
    assert f"{lib.tensor(2.567):.2f}" == "2.57"
    assert f"{lib.zeros(0)}" == "tensor([])"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{lib.tensor([2.567]):.2f}"


@pytest.mark.parametrize("lib", [tn, torch])
def test_what_is_no_tensor_is_named(lib: Any) -> None:
    with pytest.raises(TypeError, match="must be Tensor"):
        lib.nn.functional.batch_norm(np.zeros((2, 3)), lib.zeros(3), lib.ones(3))
    with pytest.raises(TypeError, match="must be Tensor"):
        lib.nn.functional.cross_entropy(lib.ones(2, 3), [0, 1])
