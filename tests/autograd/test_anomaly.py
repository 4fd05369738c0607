"""Anomaly mode names the operation that made the first NaN, and the line that called it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tinynet as tn
from tinynet import autograd


def leaf(*values: float) -> tn.Tensor:
    return tn.tensor(list(values), dtype=tn.float64, requires_grad=True)


def test_it_names_the_function_and_its_line() -> None:
    x = leaf(0.0, 1.0)
    with autograd.detect_anomaly():
        y = x.sqrt()  # its slope at 0 is infinite
        z = (y * 0).sum()
        with pytest.raises(
            RuntimeError, match="'SqrtBackward' returned nan values in its 0th output"
        ) as caught:
            z.backward()
    assert "y = x.sqrt()  # its slope" in str(caught.value)
    assert "test_anomaly.py" in str(caught.value)
    assert "tinynet/ops" not in str(caught.value)
    assert "first NaN of the forward" not in str(caught.value)


def test_it_names_the_first_nan_of_the_forward_pass() -> None:
    x = leaf(-1.0, 1.0)
    with autograd.detect_anomaly():
        roots = x.log()  # NaN here
        y = (roots * 2).exp().sum()
        with pytest.raises(RuntimeError, match="'ExpBackward' returned nan") as caught:
            y.backward()
    text = str(caught.value)
    assert text.index("roots = x.log()") > text.index("first NaN of the forward pass was made by Log")


def test_without_it_nan_passes() -> None:
    x = leaf(0.0, 1.0)
    (x.sqrt() * 0).sum().backward()
    assert x.grad is not None
    assert np.isnan(x.grad.numpy()).tolist() == [True, False]
    with autograd.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()


def test_it_is_off_again_afterwards_and_off_in_other_threads() -> None:
    assert not autograd.is_anomaly_enabled()
    seen = []

    def look_and_fail() -> None:
        assert autograd.is_anomaly_enabled()
        thread = threading.Thread(target=lambda: seen.append(autograd.is_anomaly_enabled()))
        thread.start()
        thread.join()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), autograd.detect_anomaly():
        look_and_fail()
    assert seen == [False]
    assert not autograd.is_anomaly_enabled()
    with autograd.set_detect_anomaly(True):
        assert autograd.is_anomaly_enabled()
    assert not autograd.is_anomaly_enabled()
    autograd.set_detect_anomaly(True)
    autograd.set_detect_anomaly(False)
    assert not autograd.is_anomaly_enabled()


def test_a_graph_recorded_outside_says_that_its_place_is_unknown() -> None:
    x = leaf(0.0)
    y = (x.sqrt() * 0).sum()
    with (
        autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match="anomaly mode was off when it was recorded"),
    ):
        y.backward()
