"""The certificate: the page in the repository is that of the table of operations, and a wrong gradient shows in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

import tinynet as tn
from tests import certificate
from tests.ops.op import Op, Sample, normal
from tests.ops.table import OPS


def test_the_page_holds_every_operation_and_no_failure() -> None:
    page = certificate.PATH.read_text()
    assert sorted(re.findall(r"^\| `([^`]+)` \|", page, re.M)) == sorted(op.name for op in OPS)
    samples = sum(len(op.samples) + len(op.integers) for op in OPS)
    bad = sum(len(op.errors) for op in OPS)
    assert (
        f"{len(OPS)} operations, {samples} samples, {bad} calls that must fail: 0 operations failed" in page
    )
    assert "FAIL" not in page


class Wrong(tn.autograd.Function):
    """Twice x, with a gradient that is off by a thousandth."""

    @staticmethod
    def forward(ctx: Any, x: tn.Tensor) -> tn.Tensor:
        return tn.Tensor(x.array * 2)

    @staticmethod
    def backward(ctx: Any, grad: tn.Tensor) -> tn.Tensor:
        return grad * 2.002


def test_a_wrong_gradient_fails() -> None:
    def twice(lib: Any, x: Any) -> Any:
        return Wrong.apply(x) if lib is tn else x * 2

    row = certificate.examine(Op("twice", (Sample("vector", normal((3,)), twice),)))
    assert row.cells[1] == "**FAIL**"
    assert len(row.failures) == 3  # finite differences, and torch in both precisions
    page = certificate.text([row])
    assert "1 operations failed" in page
    assert "## Failures" in page


def test_single_operations_are_printed_and_an_unknown_one_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = certificate.PATH.read_text()
    assert certificate.main(["erf"]) == 0
    assert capsys.readouterr().out.startswith("| `erf` |")
    assert certificate.PATH.read_text() == before
    with pytest.raises(SystemExit):
        certificate.main(["erv"])
    assert "erv" in capsys.readouterr().err
