from __future__ import annotations

import json

import numpy as np
import pytest

from tinynet.training.state import decode, encode, join_state, split_state

STATE = {
    "state": {
        0: {"step": 3, "momentum_buffer": np.arange(3.0)},
        2: {"exp_avg": np.ones((2, 2)), "none": None},
    },
    "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1, 2]}],
}


def test_optimiser_state_survives_the_way_through_files():
    arrays, rest = split_state(STATE, lambda value: value if isinstance(value, np.ndarray) else None)
    assert set(arrays) == {"0.momentum_buffer", "2.exp_avg"}
    rest = decode(json.loads(json.dumps(encode(rest))))
    joined = join_state(arrays, rest, np.copy)
    assert joined["state"][0]["step"] == 3
    assert joined["state"][2]["none"] is None
    np.testing.assert_array_equal(joined["state"][0]["momentum_buffer"], np.arange(3.0))
    assert joined["param_groups"] == [{"lr": 0.1, "betas": [0.9, 0.999], "params": [0, 1, 2]}]


@pytest.mark.parametrize("value", [{3: 1, 5: {"a": [1, {2: 3}]}}, {}, {"a": 1}, [0.1 + 0.2, None, "x"]])
def test_encoded_values_are_json_and_come_back(value):
    assert decode(json.loads(json.dumps(encode(value)))) == value
