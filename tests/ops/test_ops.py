"""Every operation of the table: its derivatives by finite differences, torch's values, dtypes and errors."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from tests.ops import checks
from tests.ops.op import Bad, Op, Sample
from tests.ops.table import OPS

CALLS = [pytest.param(op, sample, id=f"{op}-{sample}") for op in OPS for sample in op.samples]
SMOOTH = [
    pytest.param(sample, id=f"{op}-{sample}")
    for op in OPS
    for sample in op.samples
    if op.differentiable and not sample.constant
]
TWICE = [
    pytest.param(op, sample, id=f"{op}-{sample}")
    for op in OPS
    for sample in op.samples
    if op.differentiable and not sample.constant
]
BAD = [pytest.param(bad, id=f"{op}-{bad}") for op in OPS for bad in op.errors]
WHOLE = [pytest.param(sample, id=f"{op}-{sample}") for op in OPS for sample in op.integers]


@pytest.mark.parametrize("sample", SMOOTH)
def test_gradient_is_the_derivative(sample: Sample, kernel_set: str) -> None:
    checks.first_order(sample)


@pytest.mark.parametrize("op, sample", TWICE)
def test_gradient_of_the_gradient(op: Op, sample: Sample, kernel_set: str) -> None:
    if op.second_order:
        checks.second_order(sample)
    else:
        checks.refuses_second_order(sample)


@pytest.mark.parametrize("dtype", checks.TORCH)
@pytest.mark.parametrize("op, sample", CALLS)
def test_equals_torch(op: Op, sample: Sample, dtype: str, kernel_set: str) -> None:
    checks.against_torch(op, sample, dtype)


@pytest.mark.parametrize(
    "op, sample", [c for c in CALLS if c.values[0].second_order and c.values[0].differentiable]
)
def test_second_order_of_one_input_equals_torch(op: Op, sample: Sample) -> None:
    if checks.second_order_against_torch(sample) is None:
        checks.second_order(sample)  # torch has none: ours must be the derivative all the same


def with_method(ending: str, *without: str) -> list[Any]:
    """Return the operations that torch has as a method too, but those that torch itself cannot run so on any sample."""
    names = (op for op in OPS if hasattr(torch.Tensor, op.name + ending) and op.name not in without)
    return [pytest.param(op, id=str(op)) for op in names]


BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not")  # only of whole numbers
NO_DERIVATIVE_IN_PLACE = ("asinh", "acosh", "atanh")


@pytest.mark.parametrize("op", with_method("", *BITS))
def test_the_method_is_the_function(op: Op) -> None:
    taken = [sample for sample in op.samples if checks.takes_method(op, sample, in_place=False)]
    assert taken
    for sample in taken:
        checks.against_torch(op, sample, "float64", checks.Methods)


@pytest.mark.parametrize("op", with_method("_", *BITS, *NO_DERIVATIVE_IN_PLACE))
def test_the_method_in_place_writes_over_its_tensor(op: Op) -> None:
    taken = [sample for sample in op.samples if checks.takes_method(op, sample, in_place=True)]
    assert taken
    for sample in taken:
        checks.against_torch(op, sample, "float64", partial(checks.Methods, in_place=True))


@pytest.mark.parametrize("sample", WHOLE)
def test_whole_numbers_equal_torch(sample: Sample) -> None:
    checks.whole_numbers_against_torch(sample)


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_raises_torchs_error(bad: Bad) -> None:
    checks.raises(bad)
