from __future__ import annotations

import numpy as np
import pytest

import tinynet
from tinynet import nn

SHAPES = [(4, 5), (2, 3, 4, 5), (7,), (), (0, 3), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_relu_equals_torch(shape, dtype, draw, same_layer):
    same_layer(lambda nn: nn.ReLU(), draw(shape, dtype))


def test_relu_at_special_values_equals_torch(dtype, same_function):
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-30, -1e-30], dtype)
    same_function(lambda lib, x: lib.nn.functional.relu(x), x)


def test_relu_takes_integers():
    y = nn.functional.relu(tinynet.arange(-2, 3))
    assert y.dtype == tinynet.int64
    assert y.tolist() == [0, 0, 0, 1, 2]


def test_inplace_leaves_the_input_as_it_is(dtype, draw):
    x = draw((4, 5), dtype)
    before = x.copy()
    y = nn.ReLU(inplace=True)(tinynet.Tensor(x))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(y.numpy(), np.maximum(before, 0))


@pytest.mark.parametrize("layout", ["transposed", "broadcast", "sliced"])
@pytest.mark.parametrize("function", ["relu", "log_softmax", "softmax"])
def test_activations_take_any_memory_layout(function, layout, dtype, draw, same_function):
    x = {
        "transposed": lambda: draw((3, 4), dtype).T,
        "broadcast": lambda: np.broadcast_to(draw((1, 4), dtype), (3, 4)),
        "sliced": lambda: draw((8, 6), dtype)[::2, ::-2],
    }[layout]()
    arguments = () if function == "relu" else (1,)
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, *arguments), x)


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize(
    ("shape", "dim"),
    [
        ((4, 5), 1),
        ((4, 5), 0),
        ((4, 5), -1),
        ((2, 3, 4), 1),
        ((2, 3, 4, 5), -3),
        ((6,), 0),
        ((0, 3), 1),
        ((3, 0), 1),
    ],
    ids=str,
)
def test_softmax_equals_torch(function, shape, dim, dtype, draw, same_function):
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw(shape, dtype))


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize(("shape", "dim"), [((), 0), ((4, 1), 1)], ids=str)
def test_softmax_of_one_class_is_constant(function, shape, dim, draw, same_function):
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw(shape), may_vanish=True)


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize(
    "row",
    [
        [1e4, 1.0, -1e4],
        [1e30, 1e30, 0.0],
        [-np.inf, 1.0, 2.0],
        [np.inf, 1.0, 2.0],
        [np.nan, 1.0, 2.0],
        [-np.inf, -np.inf, -np.inf],
    ],
    ids=str,
)
def test_softmax_of_extreme_logits_equals_torch(function, row, dtype, same_function):
    x = np.array([row, [0.5, -0.25, 2.0]], dtype)
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, 1), x)


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize("dim", [2, -3])
def test_softmax_refuses_an_axis_that_is_not_there(function, dim, draw, same_error):
    same_error(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw((2, 3)), match=f"got {dim}")


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
def test_softmax_refuses_integers(function, same_error):
    same_error(lambda lib, x: getattr(lib.nn.functional, function)(x, 0), np.ones(3, int), match="int64")


@pytest.mark.parametrize(
    ("widths", "value"),
    [((1, 2), None), ((1, 2, 3, 0), 1.5), ((0, 1, 2, 3, 1, 0, 0, 2), -2), ((-1, 2, 0, -2), 0), ((), None)],
    ids=str,
)
def test_pad_equals_torch(widths, value, dtype, draw, same_function):
    same_function(
        lambda lib, x: lib.nn.functional.pad(x, widths, "constant", value), draw((2, 3, 4, 5), dtype)
    )


@pytest.mark.parametrize(
    ("widths", "message"), [((1,), r"\[1\]"), ((1,) * 6, "1, 1, 1"), ((-2, -2), r"\[2, 3\]")], ids=str
)
def test_pad_refuses(widths, message, draw, same_error):
    same_error(lambda lib, x: lib.nn.functional.pad(x, widths), draw((2, 3)), match=message)


def test_pad_says_that_it_lacks_modes(draw):
    with pytest.raises(NotImplementedError, match="'reflect'"):
        nn.functional.pad(tinynet.Tensor(draw((2, 3, 4))), (1, 1), mode="reflect")
